import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  createProofFiles,
  findProofFiles,
  gravest,
  readProofEnvelope,
  signaturePath,
  signProofFiles,
  verifyProofFiles,
  writeProofEnvelope,
} from "@ctxpack/proof";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mapInOrder } from "../../src/proof-envelope/in-order.ts";
import { testKey } from "../fixture.ts";
import { workplace } from "../workplace.ts";

const place = workplace();
const statements = {
  artifactMime: "text/plain",
  actor: { agent: "a", role: "b" },
  runtime: { model: "m" },
  publicContext: {},
};
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Artifacts in a folder with folders, and their envelopes. */
async function proved(names: readonly string[]): Promise<{ dir: string; proofs: string[] }> {
  const dir = await place();
  mkdirSync(join(dir, "sub"));
  const artifacts = names.map((name) => join(dir, name));
  for (const path of artifacts) writeFileSync(path, path);
  const reports = await all(createProofFiles(artifacts, { statements }));
  return { dir, proofs: reports.map((report) => ("proof" in report ? report.proof : "")) };
}

describe("findProofFiles", () => {
  it("finds envelopes below folders in bytewise order, and what is named", async () => {
    const { dir, proofs } = await proved(["b", "a", "sub/c", "Z"]);
    const [b, a, c, z] = proofs;
    for (const folder of ["node_modules", ".git"]) {
      mkdirSync(join(dir, folder));
      writeFileSync(join(dir, folder, "x.proof.json"), "{}");
    }
    symlinkSync(dir, join(dir, "loop"));
    symlinkSync(a as string, join(dir, "link.proof.json"));
    expect(await all(findProofFiles([dir]))).toEqual([z, a, b, c]);
    const named = join(dir, "link.proof.json");
    expect(await all(findProofFiles([named, join(dir, "sub")]))).toEqual([named, c]);
    const none = join(dir, "none");
    expect(await all(findProofFiles([none, named]))).toEqual([
      { path: none, error: expect.objectContaining({ code: "CTXPACK_E_PATH_NOT_FOUND" }) },
      named,
    ]);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(all(findProofFiles([dir], { signal }))).rejects.toThrow("enough");
  });

  it.skipIf(process.getuid?.() === 0)(
    "says which folder may not be read, and goes on",
    async () => {
      const { dir, proofs } = await proved(["a", "z"]);
      const closed = join(dir, "sub");
      chmodSync(closed, 0);
      expect(await all(findProofFiles([dir]))).toEqual([
        proofs[0],
        { path: closed, error: expect.objectContaining({ code: "CTXPACK_E_PERMISSION" }) },
        proofs[1],
      ]);
      chmodSync(closed, 0o700);
    },
  );
});

describe("verifyProofFiles", () => {
  it.each([1, 4, 64])("reports in the order of the paths, %i at a time", async (concurrency) => {
    const { dir, proofs } = await proved(["a", "b", "c", "d"]);
    writeFileSync(join(dir, "b"), "changed");
    writeFileSync(proofs[2] as string, "{}");
    const none = join(dir, "none.proof.json");
    const reports = await all(verifyProofFiles([...proofs, none], { concurrency }));
    expect(reports.map(({ path }) => path)).toEqual([...proofs, none]);
    const codes = reports.flatMap((report) =>
      report.error ? [report.error.code] : report.verdict.issues.map(({ error }) => error),
    );
    expect(codes).toEqual([
      "CTXPACK_E_DIGEST_MISMATCH",
      "CTXPACK_E_PROOF_BUNDLE",
      "CTXPACK_E_PATH_NOT_FOUND",
    ]);
    expect(gravest(codes)).toBe("CTXPACK_E_DIGEST_MISMATCH");
    expect(gravest(codes.toReversed())).toBe("CTXPACK_E_DIGEST_MISMATCH");
  });

  it.each([1, 4])(
    "reports what could not be found in its place, %i at a time",
    async (concurrency) => {
      const { dir, proofs } = await proved(["a", "b"]);
      writeFileSync(join(dir, "a"), "changed");
      const none = join(dir, "none");
      const found = findProofFiles([proofs[0] as string, none, proofs[1] as string]);
      expect(await all(verifyProofFiles(found, { concurrency }))).toMatchObject([
        { path: proofs[0], verdict: { issues: [{ code: "artifact-hash-mismatch" }] } },
        { path: none, error: { code: "CTXPACK_E_PATH_NOT_FOUND" } },
        { path: proofs[1], verdict: { valid: true } },
      ]);
    },
  );

  it("is an error where there is nothing to verify", async () => {
    const dir = await place();
    await expect(all(verifyProofFiles(findProofFiles([dir])))).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
    await expect(all(verifyProofFiles([], { concurrency: 0 }))).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
    });
  });

  it("stops when it is aborted", async () => {
    const { proofs } = await proved(["a"]);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(all(verifyProofFiles(proofs, { signal }))).rejects.toThrow("enough");
  });

  it("looks for files where it is told", async () => {
    const { dir, proofs } = await proved(["a"]);
    const base = join(dir, "sub");
    const [report] = await all(verifyProofFiles(proofs, { base }));
    expect(report).toMatchObject({ verdict: { issues: [{ code: "artifact-read-error" }] } });
  });
});

describe("signProofFiles", () => {
  it("writes a signature beside each envelope, and verification finds it", async () => {
    const { dir, proofs } = await proved(["a", "b"]);
    const { named, signer } = await testKey();
    writeFileSync(join(dir, "b"), "changed");
    const before = readFileSync(proofs[0] as string);
    const reports = await all(signProofFiles(proofs, { signer }));
    expect(reports).toEqual([
      { path: proofs[0], bundle: `${join(dir, "a")}.proof.sigstore.json` },
      { path: proofs[1], error: expect.objectContaining({ code: "CTXPACK_E_DIGEST_MISMATCH" }) },
    ]);
    expect(readFileSync(proofs[0] as string)).toEqual(before);
    // Nothing half-made, and nothing for what was not signed.
    expect(readdirSync(dir).sort()).toEqual(
      ["a", "a.proof.json", "a.proof.sigstore.json", "b", "b.proof.json", "sub"].sort(),
    );
    const verified = await all(verifyProofFiles(proofs, { signatures: { keys: [named] } }));
    expect(verified).toMatchObject([
      { verdict: { valid: true, signers: [{ name: "ci" }] } },
      { verdict: { issues: [{ code: "artifact-hash-mismatch" }, { code: "signature-missing" }] } },
    ]);
  });

  it("does not put a signature in place of another one unless it is told to", async () => {
    const { proofs } = await proved(["a"]);
    const [one, two] = [await testKey("one"), await testKey("two")];
    await all(signProofFiles(proofs, { signer: one.signer }));
    const [report] = await all(signProofFiles(proofs, { signer: two.signer }));
    expect(report?.error).toMatchObject({ code: "CTXPACK_E_USAGE" });
    await all(signProofFiles(proofs, { signer: two.signer, force: true }));
    const signatures = { keys: [one.named, two.named] };
    const [verified] = await all(verifyProofFiles(proofs, { signatures }));
    expect(verified).toMatchObject({ verdict: { signers: [{ name: "two" }] } });
  });

  it("refuses a signature file that is a folder, or too large", async () => {
    const { proofs } = await proved(["a"]);
    const { named } = await testKey();
    const path = signaturePath(proofs[0] as string);
    mkdirSync(path);
    const signatures = { keys: [named] };
    const [report] = await all(verifyProofFiles(proofs, { signatures }));
    expect(report?.error).toMatchObject({ code: "CTXPACK_E_PROOF_BUNDLE" });
  });
});

describe("writing an envelope", () => {
  it("leaves what is there when it cannot be written", async () => {
    const { dir, proofs } = await proved(["a"]);
    const [proof = ""] = proofs;
    const envelope = await readProofEnvelope(proof);
    await expect(writeProofEnvelope(proof, { ...envelope, id: "x" })).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_BUNDLE",
    });
    expect(await readProofEnvelope(proof)).toEqual(envelope);
    await expect(writeProofEnvelope(join(dir, "none/a"), envelope)).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    await expect(writeProofEnvelope(join(dir, "sub"), envelope)).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
    });
    expect(readdirSync(dir).sort()).toEqual(["a", "a.proof.json", "sub"]);
    writeFileSync(join(dir, "large.proof.json"), Buffer.alloc((8 << 20) + 1, 32));
    await expect(readProofEnvelope(join(dir, "large.proof.json"))).rejects.toThrow("at most");
  });
});

describe("mapInOrder", () => {
  it("keeps the order, and never works on more than it may", async () => {
    const delays = fc.array(fc.nat({ max: 3 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(delays, fc.integer({ min: 1, max: 8 }), async (items, concurrency) => {
        let running = 0;
        const results = mapInOrder(items.entries(), concurrency, async ([index, delay]) => {
          running++;
          expect(running).toBeLessThanOrEqual(concurrency);
          for (let tick = 0; tick < delay; tick++) await Promise.resolve();
          running--;
          return index;
        });
        expect(await all(results)).toEqual([...items.keys()]);
      }),
    );
  });

  it("waits for what it began when nobody reads on, or one fails", async () => {
    let done = 0;
    const work = async (item: number) => {
      await new Promise((resolve) => setTimeout(resolve, item));
      done++;
      if (item === 1) throw new Error("one");
      return item;
    };
    await expect(all(mapInOrder([1, 5, 9], 3, work))).rejects.toThrow("one");
    expect(done).toBe(3);
    for await (const _ of mapInOrder([2, 5, 9], 3, work)) break;
    expect(done).toBe(6);
  });
});

describe("gravest", () => {
  it("is the same whatever the order", () => {
    const codes = fc.constantFrom(
      "CTXPACK_E_DIGEST_MISMATCH",
      "CTXPACK_E_PROOF_MISSING",
      "CTXPACK_E_PROOF_KEY",
      "CTXPACK_E_NOT_FOUND",
      "CTXPACK_E_PERMISSION",
      "CTXPACK_E_CONFIG",
      "CTXPACK_E_USAGE",
    );
    fc.assert(
      fc.property(fc.array(codes), (list) => {
        expect(gravest(list)).toBe(gravest(list.toReversed()));
      }),
    );
    expect(gravest([])).toBeUndefined();
    expect(gravest(["CTXPACK_E_NOT_FOUND", "CTXPACK_E_PROOF_KEY"])).toBe("CTXPACK_E_PROOF_KEY");
  });
});
