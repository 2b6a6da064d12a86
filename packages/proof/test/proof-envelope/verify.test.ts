import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  createProofEnvelope,
  merkleRoot,
  type ProofEnvelope,
  verifyProofEnvelope,
} from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { workplace } from "../workplace.ts";
import { example, REPORT, sha256Of } from "./example.ts";

const place = workplace();

/** `replaces`: a member to be changed, by path. */
function changed(envelope: ProofEnvelope, path: string, value: unknown): ProofEnvelope {
  const copy = structuredClone(envelope);
  const steps = path.split("/");
  const last = steps.pop() as string;
  // biome-ignore lint/suspicious/noExplicitAny: any member of any depth.
  const parent = steps.reduce((at: any, step) => at[step], copy);
  parent[last] = value;
  return copy;
}

describe("createProofEnvelope and verifyProofEnvelope", () => {
  it("make and accept an envelope of everything", async () => {
    const base = await place();
    const now = new Date("2026-11-20T10:00:00Z");
    const envelope = await createProofEnvelope(example(base), { now });
    expect(envelope).toEqual({
      proofSpec: "ctxpack/proof-envelope",
      specVersion: "1.0.0",
      id: expect.stringMatching(/^01M7W6C380[0-9A-HJKMNP-TV-Z]{16}$/),
      issuedAt: "2026-11-20T10:00:00.000Z",
      actor: { agent: "analyst", role: "worker", runId: "r1" },
      artifact: {
        uri: "answer.json",
        mime: "application/json",
        contentHash: { alg: "sha256", hex: sha256Of('{"answer":42}') },
      },
      bundle: {
        files: [
          { uri: "files/a%20b.txt", sha256: sha256Of("a") },
          { uri: "files/c%25.txt", sha256: sha256Of("c") },
        ],
        merkleRoot: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      context: {
        public: { question: "how much?" },
        sealedRef: { uri: "sealed.bin", sha256: sha256Of("sealed") },
      },
      evidence: [
        expect.objectContaining({
          path: "report.md",
          blobSha256: sha256Of(REPORT),
          quoteSha256: sha256Of("two\r\nthree"),
        }),
        expect.objectContaining({ quote: "one\ntwo" }),
        expect.objectContaining({ commit: "abc" }),
        expect.objectContaining({ href: "https://example.com/price" }),
        { type: "url", href: "https://example.com/other" },
      ],
      runtime: { model: "large-3", parameters: { temperature: 0 }, tooling: { ocr: "1.2" } },
      trace: { otel: { traceId: "ab".repeat(16), rootSpanId: "cd".repeat(8) } },
      policyReceipts: [{ name: "licences", status: "pass", checks: ["spdx"], sbom: "sbom.json" }],
    });
    expect(JSON.stringify(envelope)).not.toContain(base);
    const snapshots = join(base, "snapshots");
    expect(await verifyProofEnvelope(envelope, { base, snapshots })).toEqual({
      valid: true,
      issues: [],
      unchecked: ["/evidence/2/commit", "/evidence/4"],
      signers: [],
    });
    const without = await verifyProofEnvelope(envelope, { base });
    expect(without).toMatchObject({
      valid: true,
      unchecked: ["/evidence/2/commit", "/evidence/3", "/evidence/4"],
    });
  });

  it.each<[string, (base: string) => void, string, string, string]>([
    [
      "the artifact changed",
      (base) => writeFileSync(join(base, "answer.json"), "x"),
      "artifact-hash-mismatch",
      "/artifact",
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
    [
      "the artifact is gone",
      (base) => rmSync(join(base, "answer.json")),
      "artifact-read-error",
      "/artifact",
      "CTXPACK_E_NOT_FOUND",
    ],
    [
      "a bundle file changed",
      (base) => writeFileSync(join(base, "files/c%.txt"), "x"),
      "bundle-hash-mismatch",
      "/bundle/files/1",
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
    [
      "a bundle file is gone",
      (base) => rmSync(join(base, "files/a b.txt")),
      "bundle-read-error",
      "/bundle/files/0",
      "CTXPACK_E_NOT_FOUND",
    ],
    [
      "what is sealed changed",
      (base) => writeFileSync(join(base, "sealed.bin"), "x"),
      "sealed-hash-mismatch",
      "/context/sealedRef",
      "CTXPACK_E_DIGEST_MISMATCH",
    ],
  ])("say that %s", async (_, damage, code, pointer, error) => {
    const base = await place();
    const envelope = await createProofEnvelope(example(base));
    damage(base);
    const verdict = await verifyProofEnvelope(envelope, { base });
    expect(verdict.valid).toBe(false);
    expect(verdict.issues).toEqual([
      {
        code,
        pointer,
        error,
        message: expect.stringContaining(code === "artifact-hash-mismatch" ? "answer.json" : ""),
      },
    ]);
  });

  it("report evidence that changed once for each claim, and snapshots", async () => {
    const base = await place();
    const envelope = await createProofEnvelope(example(base));
    writeFileSync(join(base, "report.md"), "other");
    const snapshots = join(base, "files");
    const { issues } = await verifyProofEnvelope(envelope, { base, snapshots });
    expect(issues.map(({ code, pointer }) => `${pointer} ${code}`)).toEqual([
      "/evidence/0 evidence-hash-mismatch",
      "/evidence/1 evidence-hash-mismatch",
      "/evidence/2 evidence-hash-mismatch",
      "/evidence/3 snapshot-read-error",
    ]);
    rmSync(join(base, "report.md"));
    const gone = await verifyProofEnvelope(envelope, { base });
    expect(gone.issues[0]).toMatchObject({ code: "evidence-read-error" });
  });

  it.each([
    [
      "lines that are not there",
      "evidence/0/lines",
      { start: 2, end: 5 },
      "evidence-lines-mismatch",
    ],
    ["a quote of other lines", "evidence/0/lines", { start: 3, end: 4 }, "evidence-quote-mismatch"],
    ["a quote of nowhere", "evidence/1/quote", "nowhere", "evidence-quote-hash-mismatch"],
    [
      "a quote of another digest",
      "evidence/1/quoteSha256",
      "ab".repeat(32),
      "evidence-quote-hash-mismatch",
    ],
    [
      "lines of another digest",
      "evidence/2/quoteSha256",
      "ab".repeat(32),
      "evidence-quote-hash-mismatch",
    ],
    ["another Merkle root", "bundle/merkleRoot", "ab".repeat(32), "merkle-root-mismatch"],
    [
      "a quote the snapshot lacks",
      "evidence/3/quote",
      "the price is 13",
      "evidence-quote-mismatch",
    ],
    ["an absolute path", "evidence/0/path", "/etc/hostname", "evidence-read-error"],
    ["a path with NUL", "evidence/0/path", "a\0b", "evidence-read-error"],
    ["an absolute URI", "artifact/uri", "file:///etc/hostname", "artifact-read-error"],
    ["a URI that is no file", "artifact/uri", "https://example.com/a", "artifact-read-error"],
    ["a URI with a broken escape", "artifact/uri", "%E0%A4%A", "artifact-read-error"],
    ["a file of another host", "artifact/uri", "file://host/a", "artifact-read-error"],
  ])("refuse %s", async (_, path, value, code) => {
    const base = await place();
    const envelope = changed(await createProofEnvelope(example(base)), path, value);
    const snapshots = join(base, "snapshots");
    const { issues } = await verifyProofEnvelope(envelope, { base, snapshots });
    expect(issues.map((issue) => issue.code)).toEqual([code]);
  });

  it("refuse a quote that is right by its digest but stands nowhere", async () => {
    const base = await place();
    const made = await createProofEnvelope(example(base));
    const envelope = changed(
      changed(made, "evidence/1/quote", "nowhere"),
      "evidence/1/quoteSha256",
      sha256Of("nowhere"),
    );
    const { issues } = await verifyProofEnvelope(envelope, { base });
    expect(issues).toEqual([
      {
        code: "evidence-quote-mismatch",
        pointer: "/evidence/1/quote",
        message: "the quote does not stand in report.md",
        error: "CTXPACK_E_DIGEST_MISMATCH",
      },
    ]);
  });

  it("say that lines are too many to look at", async () => {
    const base = await place();
    const input = example(base);
    writeFileSync(join(base, "long.txt"), Buffer.alloc((16 << 20) + 1, 97));
    const whole = { type: "file" as const, path: "long.txt" };
    const envelope = await createProofEnvelope({ ...input, evidence: [whole] });
    const lines = { start: 1, end: 1 };
    const { issues } = await verifyProofEnvelope(changed(envelope, "evidence/0/lines", lines), {
      base,
    });
    expect(issues).toMatchObject([
      { code: "evidence-read-error", error: "CTXPACK_E_TOO_LARGE", pointer: "/evidence/0" },
    ]);
    const creating = createProofEnvelope({ ...input, evidence: [{ ...whole, lines }] });
    await expect(creating).rejects.toMatchObject({ code: "CTXPACK_E_TOO_LARGE" });
  });

  it("do not ask for what is sealed, wherever it is", async () => {
    const base = await place();
    const envelope = await createProofEnvelope(example(base));
    rmSync(join(base, "sealed.bin"));
    for (const uri of ["sealed.bin", "vault://secrets/1"]) {
      const one = changed(envelope, "context/sealedRef/uri", uri);
      const verdict = await verifyProofEnvelope(one, { base });
      expect(verdict.valid).toBe(true);
      expect(verdict.unchecked).toContain("/context/sealedRef");
    }
  });

  it("refuse a value that is no envelope, and stop when they are told", async () => {
    const base = await place();
    const envelope = await createProofEnvelope(example(base));
    await expect(verifyProofEnvelope(changed(envelope, "id", "1"), { base })).rejects.toMatchObject(
      { code: "CTXPACK_E_PROOF_BUNDLE" },
    );
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(verifyProofEnvelope(envelope, { base, signal })).rejects.toThrow("enough");
  });
});

describe("an envelope of the earlier system", () => {
  async function earlier(base: string): Promise<ProofEnvelope> {
    const { bundle, ...envelope } = await createProofEnvelope(example(base));
    return {
      ...envelope,
      proofSpec: "cortex-os/proof-artifact",
      specVersion: "0.2.0",
      artifact: {
        ...envelope.artifact,
        uri: pathToFileURL(join(base, "answer.json")).toString(),
      },
      bundle: {
        files: [{ uri: pathToFileURL(join(base, "files/a b.txt")).href, sha256: sha256Of("a") }],
        merkleRoot: "ab".repeat(32),
      },
      evidence: envelope.evidence.map((one) =>
        one.type === "file" ? { ...one, path: join(base, one.path) } : one,
      ),
      attestations: [
        {
          type: "in-toto",
          predicateType: "https://slsa.dev/provenance/v1",
          statement: "e30=",
          signing: { method: "sigstore-cosign", issuer: "https://example.com" },
        },
      ],
    };
  }

  it("is verified where its files are, and what cannot be checked is said", async () => {
    const base = await place();
    const verdict = await verifyProofEnvelope(await earlier(base), { base: "/" });
    expect(verdict.issues).toEqual([]);
    expect(verdict.valid).toBe(true);
    expect(verdict.unchecked).toEqual([
      "/evidence/2/commit",
      "/evidence/3",
      "/evidence/4",
      "/context/sealedRef",
      "/bundle/merkleRoot",
      "/attestations/0",
    ]);
  });

  it("is refused when a file changed", async () => {
    const base = await place();
    const envelope = await earlier(base);
    writeFileSync(join(base, "report.md"), `${readFileSync(join(base, "report.md"), "utf8")}.`);
    const { issues } = await verifyProofEnvelope(envelope, { base });
    expect(issues.map(({ code }) => code)).toEqual(
      Array.from({ length: 3 }, () => "evidence-hash-mismatch"),
    );
  });
});

describe("merkleRoot", () => {
  /** RFC 6962 as it is written: split at the largest power of two below n. */
  function reference(leaves: readonly Buffer[]): Buffer {
    const hash = (...parts: Uint8Array[]) => Buffer.from(sha256Of(Buffer.concat(parts)), "hex");
    const [first = Buffer.alloc(0)] = leaves;
    if (leaves.length === 1) return hash(Buffer.of(0), first);
    let split = 1;
    while (split * 2 < leaves.length) split *= 2;
    return hash(Buffer.of(1), reference(leaves.slice(0, split)), reference(leaves.slice(split)));
  }

  it("is RFC 6962's over the lines of sha256sum", () => {
    expect(merkleRoot([])).toBe(sha256Of(""));
    for (let count = 1; count <= 20; count++) {
      const files = Array.from({ length: count }, (_, index) => ({
        uri: `f${index}`,
        sha256: sha256Of(`${index}`),
      }));
      const lines = files.map(({ uri, sha256 }) => Buffer.from(`${sha256}  ${uri}\n`));
      expect(merkleRoot(files)).toBe(reference(lines).toString("hex"));
    }
  });
});
