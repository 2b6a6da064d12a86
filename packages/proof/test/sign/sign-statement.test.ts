import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import {
  externalSigner,
  generateKey,
  localSigner,
  type MetricsSink,
  parseBundle,
  type Signer,
  signStatement,
  statementBytes,
  verifyBundle,
  writeKeyFiles,
} from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import { describe, expect, it } from "vitest";
import { jsonOf, testKey, testStatement } from "../fixture.ts";

describe("signStatement", () => {
  it("writes a bundle with a key exactly as proof.md has it", async () => {
    const { signer, keyId } = await testKey();
    const statement = testStatement();
    const { bytes, digest } = await signStatement(statement, { signer });
    const { sig } = jsonOf(bytes).dsseEnvelope.signatures[0] ?? {};
    expect(new TextDecoder().decode(bytes)).toBe(
      JSON.stringify({
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        verificationMaterial: { publicKey: { hint: keyId } },
        dsseEnvelope: {
          payload: Buffer.from(statementBytes(statement)).toString("base64"),
          payloadType: "application/vnd.in-toto+json",
          signatures: [{ sig, keyid: keyId }],
        },
      }),
    );
    expect(digest).toBe(sha256(bytes));
    expect(parseBundle(bytes)).toMatchObject({ version: "0.3", logEntries: [], timestamps: [] });
  });

  it.each(["ecdsa-p256", "ed25519"] as const)("is verified with the key: %s", async (algorithm) => {
    const { signer, named, keyId } = await testKey("release", algorithm);
    const { bytes, digest } = await signStatement(testStatement(), { signer });
    const verified = await verifyBundle(bytes, { keys: [named], trustRoots: [] });
    expect(verified).toEqual({
      digest,
      statement: testStatement(),
      signer: { kind: "key", keyId, name: "release" },
      times: [],
      logEntries: 0,
    });
  });

  it("measures", async () => {
    const measured: string[] = [];
    const metrics: MetricsSink = {
      counter: () => {},
      gauge: () => {},
      histogram: (name, value, labels) =>
        measured.push(`${name} ${labels?.["phase"]} ${value > 0}`),
    };
    await signStatement(testStatement(), { signer: (await testKey()).signer, metrics });
    expect(measured).toEqual([
      "proof_artifacts.sign.duration_ms local true",
      "proof_artifacts.sign.duration_ms total true",
    ]);
  });

  it("gives back nothing that the signer's own key does not verify", async () => {
    const [one, other] = [await testKey(), await testKey()];
    const liar: Signer = {
      async sign(bytes) {
        const { identity } = await one.signer.sign(bytes);
        return { ...(await other.signer.sign(bytes)), identity };
      },
    };
    const signed = signStatement(testStatement(), { signer: liar });
    await expect(signed).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_SIGNATURE" });
  });

  it("stops with the signal, and tells the other witnesses when one fails", async () => {
    const { signer } = await testKey();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(signStatement(testStatement(), { signer, signal })).rejects.toThrow("enough");
    let told: unknown;
    const waits = {
      witness: (_: unknown, { signal }: { signal?: AbortSignal | undefined } = {}) =>
        new Promise<never>((_, reject) => {
          signal?.addEventListener("abort", () => {
            told = signal.reason;
            reject(signal.reason);
          });
        }),
    };
    const fails = { witness: async () => Promise.reject(new Error("the log is down")) };
    const witnesses = [waits, fails];
    const signed = signStatement(testStatement(), { signer, witnesses });
    await expect(signed).rejects.toThrow("the log is down");
    expect(told).toMatchObject({ message: "the log is down" });
  });

  it("takes no log entry that is about something else", async () => {
    const { signer } = await testKey();
    const entry = {
      logIndex: "7",
      logId: { keyId: "AAAA" },
      kindVersion: { kind: "dsse", version: "0.0.1" },
      inclusionProof: { rootHash: "A".repeat(43), checkpoint: { envelope: "x" } },
      canonicalizedBody: Buffer.from(
        JSON.stringify({
          kind: "dsse",
          apiVersion: "0.0.1",
          spec: {
            payloadHash: { algorithm: "sha256", value: "00".repeat(32) },
            signatures: [{ signature: "AAAA", verifier: "AAAA" }],
          },
        }),
      ).toString("base64"),
    };
    const witnesses = [{ witness: async () => ({ tlogEntries: [entry] }) }];
    await expect(signStatement(testStatement(), { signer, witnesses })).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_LOG",
      message: "body of log entry 7 is about another signature than the bundle's",
    });
  });
});

describe("localSigner", () => {
  it("reads its key from a file", async () => {
    using scratch = scratchFolder();
    const pair = await generateKey({ passphrase: "secret" });
    const { privateKey } = await writeKeyFiles(join(scratch.path, "k.pem"), pair);
    const signer = await localSigner({ file: privateKey, passphrase: () => "secret" });
    const { identity } = await signer.sign(Buffer.from("x"));
    expect(identity).toEqual({ kind: "key", publicKey: pair.publicKey, keyId: pair.keyId });
  });

  it("stops with the signal", async () => {
    const { pem, signer } = await testKey();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(localSigner({ pem, signal })).rejects.toThrow("enough");
    await expect(signer.sign(Buffer.from("x"), { signal })).rejects.toThrow("enough");
  });
});

describe("externalSigner", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();

  it("signs where the key is", async () => {
    const signer = externalSigner({
      publicKey: pem,
      sign: async (bytes) => sign("sha256", bytes, privateKey),
    });
    const { bytes } = await signStatement(testStatement(), { signer });
    const keys = [{ name: "kms", publicKey }];
    const verified = await verifyBundle(bytes, { keys, trustRoots: [] });
    expect(verified.signer).toMatchObject({ kind: "key", name: "kms" });
  });

  it("uses no answer that is not a signature of these bytes by its key", async () => {
    const raw = externalSigner({
      publicKey: createPublicKey(pem),
      sign: async (bytes) => sign("sha256", bytes, { key: privateKey, dsaEncoding: "ieee-p1363" }),
    });
    await expect(raw.sign(Buffer.from("x"))).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_SIGNATURE",
      hint: expect.stringContaining("ASN.1 DER"),
    });
    const stale = externalSigner({
      publicKey,
      sign: async () => sign("sha256", Buffer.from("else"), privateKey),
    });
    await expect(stale.sign(Buffer.from("x"))).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_SIGNATURE",
    });
  });

  it("passes the signal on, and refuses keys that nobody verifies", async () => {
    const reason = new Error("enough");
    const signer = externalSigner({
      publicKey: privateKey,
      sign: async (bytes, { signal }) => {
        expect(signal).toBeInstanceOf(AbortSignal);
        return sign("sha256", bytes, privateKey);
      },
    });
    await signer.sign(Buffer.from("x"), { signal: new AbortController().signal });
    const aborted = signer.sign(Buffer.from("x"), { signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
    expect(() => externalSigner({ publicKey: p384, sign: async () => Buffer.alloc(0) })).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_KEY_FILE" }),
    );
  });
});
