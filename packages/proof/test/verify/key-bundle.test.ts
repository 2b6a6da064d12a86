import { createHash, sign } from "node:crypto";
import { type Digest, sha256 } from "@ctxpack/identity";
import {
  BUNDLE_LIMIT,
  type NamedKey,
  PROVENANCE_TYPE,
  parseProvenance,
  preAuthEncoding,
  requireSubject,
  STATEMENT_TYPE,
  signStatement,
  verifyBundle,
  verifyMessage,
} from "@ctxpack/proof";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, changed, jsonOf, SUBJECT, testKey, testStatement } from "../fixture.ts";

const [ci, other] = [await testKey("ci"), await testKey("other", "ed25519")];
const { bytes } = await signStatement(testStatement(), { signer: ci.signer });
const known = { keys: [ci.named], trustRoots: [] };

const refused = (code: string, message?: string) =>
  expect.objectContaining({
    code: `CTXPACK_E_PROOF_${code}`,
    ...(message !== undefined && { message: expect.stringContaining(message) }),
  });

describe("the key", () => {
  const ids = {
    fingerprint: ci.keyId,
    "SHA-256 of the SPKI in base64, as cosign writes it": spkiHash("base64"),
    "SHA-256 of the SPKI in hex": spkiHash("hex"),
    "name that the verifier gave": "ci",
    "nothing at all": "",
    "name that nobody knows": "somebody",
  };

  function spkiHash(encoding: "base64" | "hex"): string {
    const der = ci.publicKey.export({ type: "spki", format: "der" });
    return createHash("sha256").update(der).digest(encoding);
  }

  it.each(Object.entries(ids))("is found by %s", async (_, hint) => {
    const named = changed(bytes, ({ verificationMaterial, dsseEnvelope }) => {
      verificationMaterial["publicKey"] = { hint };
      delete dsseEnvelope.signatures[0]?.keyid;
    });
    const keys = [other.named, ci.named];
    const { signer } = await verifyBundle(named, { keys, trustRoots: [] });
    expect(signer).toEqual({ kind: "key", keyId: ci.keyId, name: "ci" });
  });

  it("is found by the envelope's keyid when the bundle has no hint", async () => {
    const named = changed(bytes, ({ verificationMaterial }) => {
      verificationMaterial["publicKey"] = {};
    });
    await verifyBundle(named, { keys: [other.named, ci.named], trustRoots: [] });
    await expect(
      verifyBundle(named, { keys: [{ ...other.named, name: ci.keyId }], trustRoots: [] }),
    ).rejects.toThrow(refused("SIGNATURE"));
  });

  it("is not trusted because a hint matches", async () => {
    const forged = await signStatement(testStatement(), { signer: other.signer });
    const hinted = changed(forged.bytes, ({ verificationMaterial, dsseEnvelope }) => {
      verificationMaterial["publicKey"] = { hint: ci.keyId };
      delete dsseEnvelope.signatures[0]?.keyid;
    });
    await expect(verifyBundle(hinted, known)).rejects.toThrow(
      refused("SIGNATURE", "not one of these bytes by the key ci"),
    );
    await expect(verifyBundle(forged.bytes, known)).rejects.toThrow(
      refused("KEY", "a key that is not known here"),
    );
  });

  it("has to be one that the caller knows: a verifier of certificates alone refuses it", async () => {
    const keyless = verifyBundle(bytes, { keys: [], trustRoots: [] });
    await expect(keyless).rejects.toThrow(refused("KEY", "no key is known to verify it with"));
  });

  it("is not looked for without end", async () => {
    const keys = Array.from({ length: 65 }, (_, i) => ({ ...other.named, name: `k${i}` }));
    await expect(verifyBundle(bytes, { keys, trustRoots: [] })).rejects.toThrow(
      refused("KEY", "too many to try"),
    );
    await verifyBundle(bytes, { keys: [...keys, ci.named], trustRoots: [] });
  });
});

describe("without a witness the time is now", () => {
  const now = new Date("2026-06-01T00:00:00Z");
  const [before, after] = [new Date(now.getTime() - 1), new Date(now.getTime() + 1)];
  const verify = (validity: Partial<NamedKey>) =>
    verifyBundle(bytes, { keys: [{ ...ci.named, ...validity }], trustRoots: [], now });

  it.each<[string, Partial<NamedKey>]>([
    ["from now on", { validFrom: now }],
    ["until now", { validUntil: now }],
    ["until it will be revoked", { revokedAt: after }],
    ["in between", { validFrom: before, validUntil: after }],
  ])("a key counts %s", async (_, validity) => {
    await expect(verify(validity)).resolves.toMatchObject({ times: [] });
  });

  it.each<[string, Partial<NamedKey>]>([
    ["is revoked as of", { revokedAt: now }],
    ["is revoked as of", { revokedAt: before, validUntil: after }],
    ["is valid only from", { validFrom: after }],
    ["was valid only until", { validUntil: before }],
  ])("a key that %s %j does not", async (what, validity) => {
    await expect(verify(validity)).rejects.toThrow(refused("KEY", `the key ci ${what}`));
  });

  it("is the machine's when the caller gives none", async () => {
    const keys = [{ ...ci.named, validUntil: new Date(Date.now() - 1000) }];
    await expect(verifyBundle(bytes, { keys, trustRoots: [] })).rejects.toThrow(refused("KEY"));
  });
});

describe("a bundle that was changed", () => {
  it("is refused whichever byte it is, or means the same", async () => {
    const { statement } = await verifyBundle(bytes, known);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const flipped = Uint8Array.from(bytes);
          flipped[at] = (flipped[at] as number) ^ by;
          const result = await verifyBundle(flipped, known).catch((error: unknown) => error);
          if (result instanceof Error) {
            expect(result).toMatchObject({ code: expect.stringMatching(/^CTXPACK_E_PROOF_/) });
            return;
          }
          // Only the other alphabet of base64 and white space say the same with other bytes.
          expect(result).toMatchObject({ statement, signer: { name: "ci" } });
          expect(jsonOf(flipped).dsseEnvelope.payloadType).toBe("application/vnd.in-toto+json");
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("never gets further than a refusal: random bytes and random JSON", async () => {
    const random = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc.jsonValue().map((value) =>
        changed(bytes, (json) => {
          json.verificationMaterial["tlogEntries"] = value;
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(random, async (input) => {
        const result = await verifyBundle(input, known).catch((error: unknown) => error);
        if (result instanceof Error) {
          expect(result).toMatchObject({ code: "CTXPACK_E_PROOF_BUNDLE" });
        } else {
          expect(result).toMatchObject({ logEntries: 0 });
        }
      }),
    );
  });

  it("is refused with the payload, its type or the signature of another", async () => {
    const second = await signStatement(testStatement({ note: "other" }), { signer: ci.signer });
    const theirs = jsonOf(second.bytes).dsseEnvelope;
    const swaps = [
      changed(bytes, (json) => Object.assign(json.dsseEnvelope, { payload: theirs.payload })),
      changed(bytes, (json) => Object.assign(json.dsseEnvelope, { payloadType: "text/plain" })),
      changed(bytes, (json) => Object.assign(json.dsseEnvelope, { signatures: theirs.signatures })),
    ];
    for (const swapped of swaps) {
      await expect(verifyBundle(swapped, known)).rejects.toThrow(refused("SIGNATURE"));
    }
  });

  it("is refused before it is read when it is larger than 4 MiB", async () => {
    const huge = Buffer.concat([bytes, Buffer.alloc(BUNDLE_LIMIT, " ")]);
    await expect(verifyBundle(huge, known)).rejects.toThrow(refused("BUNDLE", "more than 4194304"));
  });
});

describe("what is signed has to be a statement", () => {
  function signedAs(payloadType: string, payload: string): Uint8Array {
    const body = Buffer.from(payload);
    const sig = sign("sha256", preAuthEncoding(payloadType, body), ci.pem).toString("base64");
    return changed(bytes, (json) => {
      json.dsseEnvelope = { payload: body.toString("base64"), payloadType, signatures: [{ sig }] };
    });
  }
  const type = "application/vnd.in-toto+json";
  const text = JSON.stringify(testStatement());

  it.each([
    ["another type", signedAs("application/json", text), "which is no in-toto statement"],
    ["no JSON", signedAs(type, "hello"), "is not JSON"],
    ["no statement", signedAs(type, "{}"), ""],
    ["a statement v0.2", signedAs(type, text.replace("Statement/v1", "Statement/v0.2")), ""],
    ["a key twice", signedAs(type, text.replace("{", '{"predicateType":"https://x",')), "twice"],
  ])("%s", async (_, bundle, message) => {
    await expect(verifyBundle(bundle, known)).rejects.toThrow(refused("STATEMENT", message));
  });

  it("may be one of version 0.1, which cosign attest writes", async () => {
    const statement = {
      _type: "https://in-toto.io/Statement/v0.1",
      predicateType: PROVENANCE_TYPE,
      subject: [{ name: "registry.example/packs", digest: { sha256: sha256(SUBJECT).slice(7) } }],
      predicate: {
        buildDefinition: { buildType: "https://example.com/build/v1", externalParameters: {} },
        runDetails: { builder: { id: "https://example.com/builder" } },
      },
    };
    const verified = await verifyBundle(signedAs(type, JSON.stringify(statement)), known);
    expect(verified.statement._type).toBe(STATEMENT_TYPE);
    expect(requireSubject(verified, sha256(SUBJECT)).name).toBe("registry.example/packs");
    expect(parseProvenance(verified.statement).builderId).toBe("https://example.com/builder");
  });
});

describe("requireSubject", () => {
  it("finds what the statement is about, by its digest alone", async () => {
    const verified = await verifyBundle(bytes, known);
    expect(requireSubject(verified, sha256(SUBJECT)).name).toBe("registry.example/packs");
  });

  it("refuses a proof of something else, and names what it is about", async () => {
    const verified = await verifyBundle(bytes, known);
    const wanted: Digest = `sha256:${"0".repeat(64)}`;
    expect(() => requireSubject(verified, wanted)).toThrow(
      refused("SUBJECT", `is not about ${wanted} but about ${sha256(SUBJECT)}`),
    );
    const [subject] = verified.statement.subject;
    if (subject === undefined) throw new Error("no subject");
    const many = { ...verified.statement, subject: Array(5).fill(subject) };
    expect(() => requireSubject({ statement: many }, wanted)).toThrow("and 2 more");
    const none = { ...verified.statement, subject: [] };
    expect(() => requireSubject({ statement: none }, wanted)).toThrow("about nothing");
  });
});

describe("a bundle that signs a file as it is", () => {
  const artifact = Buffer.from("the file");
  const digest = createHash("sha256").update(artifact).digest("base64");
  const message = (signature: Buffer, content: object = {}): Uint8Array =>
    bytesOf({
      mediaType: jsonOf(bytes).mediaType,
      verificationMaterial: { publicKey: { hint: ci.keyId } },
      messageSignature: {
        messageDigest: { algorithm: "SHA2_256", digest },
        signature: signature.toString("base64"),
        ...content,
      },
    });
  const good = message(sign("sha256", artifact, ci.pem));

  it("is verified with the file", async () => {
    expect(await verifyMessage(good, artifact, known)).toEqual({
      digest: sha256(good),
      artifact: sha256(artifact),
      signer: { kind: "key", keyId: ci.keyId, name: "ci" },
      times: [],
      logEntries: 0,
    });
  });

  it("is refused with another file, another digest, another signature", async () => {
    await expect(verifyMessage(good, SUBJECT, known)).rejects.toThrow(refused("SUBJECT"));
    const lying = { messageDigest: { algorithm: 1, digest: Buffer.alloc(32).toString("base64") } };
    const wrong = message(sign("sha256", artifact, ci.pem), lying);
    await expect(verifyMessage(wrong, artifact, known)).rejects.toThrow(refused("SUBJECT"));
    const forged = message(sign(null, artifact, other.pem));
    await expect(verifyMessage(forged, artifact, known)).rejects.toThrow(refused("SIGNATURE"));
  });

  it("is no statement, and a statement is no file", async () => {
    await expect(verifyBundle(good, known)).rejects.toThrow(refused("STATEMENT"));
    await expect(verifyMessage(bytes, artifact, known)).rejects.toThrow(refused("SUBJECT"));
  });
});

it("measures, and stops with the signal", async () => {
  const counted: unknown[] = [];
  const metrics = {
    counter: (name: string, labels: unknown) => counted.push([name, labels]),
    histogram: (name: string, _: number, labels: unknown) => counted.push([name, labels]),
    gauge: () => {},
  };
  await verifyBundle(bytes, { ...known, metrics });
  await verifyBundle(bytes, { ...known, keys: [], metrics }).catch(() => {});
  expect(counted).toEqual([
    ["proof_artifacts.verify.duration_ms", { phase: "total" }],
    ["proof_artifacts.verify.result_count", { code: "ok" }],
    ["proof_artifacts.verify.duration_ms", { phase: "total" }],
    ["proof_artifacts.verify.result_count", { code: "CTXPACK_E_PROOF_KEY" }],
  ]);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(verifyBundle(bytes, { ...known, signal })).rejects.toThrow("enough");
});
