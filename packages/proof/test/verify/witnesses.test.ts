import { signStatement, verifyBundle } from "@ctxpack/proof";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BundleJson, changed, jsonOf, testKey, testStatement } from "../fixture.ts";
import { pemOf, rootOf, startAuthorities } from "./authorities.ts";

const refused = (code: string, message?: string) =>
  expect.objectContaining({
    code: `CTXPACK_E_PROOF_${code}`,
    ...(message !== undefined && { message: expect.stringContaining(message) }),
  });

const material = (json: BundleJson) =>
  json.verificationMaterial as { tlogEntries: Record<string, never>[] };

const services = await startAuthorities();
const trusting = { keys: [], trustRoots: [services.root] };
const signer = await services.certificateSigner();
const v1 = await signStatement(testStatement(), { signer, witnesses: [services.log] });
const v2 = await signStatement(testStatement(), {
  signer,
  witnesses: [services.logV2, services.timestamps],
});

describe("an entry of a log is about this bundle (GHSA-whqx-f9j3-ch6m)", () => {
  it.each(["log", "logV2"] as const)("and not about another's: %s", async (log) => {
    const witnesses = [services[log], services.timestamps];
    const signer = await services.certificateSigner();
    const [mine, theirs] = [
      await signStatement(testStatement(), { signer, witnesses }),
      await signStatement(testStatement({ note: "theirs" }), {
        signer: await services.certificateSigner(),
        witnesses,
      }),
    ];
    const forged = changed(mine.bytes, (json) => {
      material(json).tlogEntries = material(jsonOf(theirs.bytes)).tlogEntries;
    });
    await expect(verifyBundle(forged, trusting)).rejects.toThrow(
      refused("LOG", "is about another signature than the bundle's"),
    );
  });

  it("and by this signer, not by another key that the entry names", async () => {
    const { leaf: other } = await services.certificateSigner();
    const own = await services.certificateSigner();
    const witness: typeof services.log = {
      witness: (signed, options) => {
        const certificate = pemOf(other);
        const identity = { kind: "certificate", certificate } as const;
        return services.log.witness({ ...signed, identity }, options);
      },
    };
    const signed = signStatement(testStatement(), { signer: own, witnesses: [witness] });
    await expect(signed).rejects.toThrow(refused("LOG", "is about another signer"));
  });
});

describe("a bundle with witnesses that was changed", () => {
  it.each([
    ["Rekor v1", v1.bytes],
    ["Rekor v2 and a timestamp", v2.bytes],
  ])("is refused whichever byte it is, or says the very same: %s", async (_, bytes) => {
    const verdict = async (one: Uint8Array) => {
      const { digest, ...rest } = await verifyBundle(one, trusting);
      return rest;
    };
    const expected = await verdict(bytes);
    const byte = fc.nat(bytes.length - 1);
    await fc.assert(
      fc.asyncProperty(byte, fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const flipped = Uint8Array.from(bytes);
        flipped[at] = (flipped[at] as number) ^ by;
        const result = await verdict(flipped).catch((error: unknown) => error);
        if (result instanceof Error) {
          expect(result).toMatchObject({ code: expect.stringMatching(/^CTXPACK_E_PROOF_/) });
        } else {
          expect(result).toEqual(expected);
        }
      }),
      { numRuns: 400 },
    );
  });

  // biome-ignore lint/suspicious/noExplicitAny: tests break it in every way there is
  it.each<[string, Uint8Array, string, (entry: any) => unknown]>([
    [
      "another tree size",
      v1.bytes,
      "proof and checkpoint",
      (entry) => Object.assign(entry.inclusionProof, { treeSize: "2" }),
    ],
    [
      "another root",
      v2.bytes,
      "proof and checkpoint",
      (entry) => Object.assign(entry.inclusionProof, { rootHash: "A".repeat(43) }),
    ],
    [
      "another place in the log, which only a promise vouches for",
      v2.bytes,
      "is another than its proof is for",
      (entry) => Object.assign(entry, { logIndex: "1" }),
    ],
    ["no promise where the time is", v1.bytes, "", (entry) => delete entry.inclusionPromise],
  ])("has an entry with %s", async (_, bytes, message, change) => {
    const broken = changed(bytes, (json) => change(material(json).tlogEntries[0]));
    await expect(verifyBundle(broken, trusting)).rejects.toThrow(
      refused(message === "" ? "TIMESTAMP" : "LOG", message),
    );
  });
});

describe("a bundle with a key and witnesses", () => {
  it.each(["log", "logV2"] as const)("has them verified as well: %s", async (log) => {
    const { signer, named } = await testKey();
    const witnesses = [services[log], services.timestamps];
    const { bytes } = await signStatement(testStatement(), { signer, witnesses });
    const known = { keys: [named], trustRoots: [services.root] };
    const verified = await verifyBundle(bytes, known);
    expect(verified).toMatchObject({ signer: { kind: "key" }, logEntries: 1 });
    expect(verified.times).toHaveLength(log === "log" ? 2 : 1);
    const strangers = await startAuthorities();
    await expect(
      verifyBundle(bytes, { keys: [named], trustRoots: [strangers.root] }),
    ).rejects.toThrow(refused("TIMESTAMP"));
    // Without a trust root they say nothing, and the key alone decides.
    const alone = await verifyBundle(bytes, { keys: [named], trustRoots: [] });
    expect(alone).toMatchObject({ times: [], logEntries: 0 });
  });

  it("has a log entry without a time judged by the log's key of today", async () => {
    const { signer, named } = await testKey();
    const { bytes } = await signStatement(testStatement(), { signer, witnesses: [services.logV2] });
    const { rootJson } = services;
    const [tlog] = rootJson.tlogs;
    const validFor = { start: "2020-01-01T00:00:00Z", end: new Date().toISOString() };
    const retired = { ...tlog, publicKey: { ...tlog.publicKey, validFor } };
    const known = { keys: [named], trustRoots: [rootOf({ ...rootJson, tlogs: [retired] })] };
    const then = new Date(Date.now() - 60_000);
    expect(await verifyBundle(bytes, { ...known, now: then })).toMatchObject({ logEntries: 1 });
    const now = new Date(Date.now() + 60_000);
    await expect(verifyBundle(bytes, { ...known, now })).rejects.toThrow(refused("LOG"));
  });

  it("counts if the key was valid when it was witnessed, not when it is verified", async () => {
    const { signer, named } = await testKey();
    const witnesses = [services.timestamps];
    const { bytes } = await signStatement(testStatement(), { signer, witnesses });
    const trustRoots = [services.root];
    const inAnHour = new Date(Date.now() + 3_600_000);
    const tomorrow = new Date(Date.now() + 86_400_000);
    const revoked = [{ ...named, revokedAt: inAnHour, validUntil: inAnHour }];
    await verifyBundle(bytes, { keys: revoked, trustRoots, now: tomorrow });
    await expect(
      verifyBundle(bytes, { keys: revoked, trustRoots: [], now: tomorrow }),
    ).rejects.toThrow(refused("KEY", "as no witness says when it was made"));
    const anHourAgo = [{ ...named, revokedAt: new Date(Date.now() - 3_600_000) }];
    await expect(verifyBundle(bytes, { keys: anHourAgo, trustRoots })).rejects.toThrow(
      refused("KEY", "is revoked as of"),
    );
  });

  it("takes no entry of another signature, and no certificate's entry for a key's", async () => {
    const { signer, named } = await testKey();
    const { bytes } = await signStatement(testStatement(), { signer, witnesses: [services.log] });
    const known = { keys: [named], trustRoots: [services.root] };
    const forged = changed(bytes, (json) => {
      material(json).tlogEntries = material(jsonOf(v1.bytes)).tlogEntries;
    });
    await expect(verifyBundle(forged, known)).rejects.toThrow(refused("LOG", "another signature"));
  });

  it("is none of a certificate, whatever vouches for it", async () => {
    const { signer } = await testKey();
    const witnesses = [services.log, services.timestamps];
    const { bytes } = await signStatement(testStatement(), { signer, witnesses });
    await expect(verifyBundle(bytes, trusting)).rejects.toThrow(
      refused("KEY", "no key is known to verify it with"),
    );
  });
});
