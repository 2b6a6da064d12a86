import { parseBundle, signStatement } from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { bundleJson, writeBundle } from "../../src/bundle/write.ts";
import { type BundleJson, bytesOf, changed, jsonOf, testKey, testStatement } from "../fixture.ts";
import { startAuthorities } from "../verify/authorities.ts";

const services = await startAuthorities();
const { bytes: plain } = await signStatement(testStatement(), { signer: (await testKey()).signer });
const { bytes: full } = await signStatement(testStatement(), {
  signer: await services.certificateSigner(),
  witnesses: [services.log, services.timestamps],
});

// biome-ignore lint/suspicious/noExplicitAny: tests break it in every way there is
type Anything = any;
const broken = (change: (json: Anything) => unknown, bytes = full) => changed(bytes, change);
const entry = (json: Anything) => json.verificationMaterial.tlogEntries[0];

const refused = (message: string) =>
  expect.objectContaining({
    code: "CTXPACK_E_PROOF_BUNDLE",
    message: expect.stringContaining(message),
  });

describe("what is written is read back", () => {
  it.each([
    ["a key", plain],
    ["a certificate and witnesses", full],
  ])("%s", (_, bytes) => {
    expect(writeBundle(parseBundle(bytes))).toEqual(bytes);
  });

  it("for older versions too, with their own rules", () => {
    const chain = (json: BundleJson) => {
      const { certificate, ...rest } = json.verificationMaterial;
      const certificates = [certificate, { rawBytes: "AAAA" }];
      json.verificationMaterial = { x509CertificateChain: { certificates }, ...rest };
    };
    for (const version of ["0.1", "0.2"]) {
      const old = broken((json) => {
        json.mediaType = `application/vnd.dev.sigstore.bundle+json;version=${version}`;
        chain(json);
      });
      expect(parseBundle(old)).toMatchObject({ version, signer: { kind: "certificate" } });
      expect(bundleJson(parseBundle(old))).toEqual(jsonOf(old));
    }
    const named = broken((json) => {
      json.mediaType = "application/vnd.dev.sigstore.bundle+json;version=0.3";
    });
    expect(parseBundle(named).version).toBe("0.3");
  });

  it("as protojson may be written: numbers, null, absent members, the other base64", () => {
    const same = broken((json) => {
      entry(json).logIndex = Number(entry(json).logIndex);
      entry(json).inclusionProof.hashes = null;
      json.messageSignature = null;
      const [signature] = json.dsseEnvelope.signatures;
      signature.sig = signature.sig.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
      signature.keyid = "";
    });
    expect(parseBundle(same)).toEqual(parseBundle(full));
    const empty = broken((json) => {
      json.verificationMaterial.timestampVerificationData = {};
      json.verificationMaterial.tlogEntries = [];
    }, plain);
    expect(parseBundle(empty)).toEqual(parseBundle(plain));
    const message = changed(plain, (json) => {
      const messageDigest = { algorithm: "SHA2_256", digest: "A".repeat(43) };
      Object.assign(json, { dsseEnvelope: null });
      json.messageSignature = { messageDigest, signature: "AAAA" };
    });
    const { content } = parseBundle(message);
    expect(content).toMatchObject({ kind: "message" });
    expect(parseBundle(writeBundle(parseBundle(message))).content).toEqual(content);
  });
});

describe("what is refused", () => {
  it.each<[string, (json: Anything) => unknown]>([
    ["no sigstore bundle of version 0.1 to 0.3", (json) => delete json.mediaType],
    [
      '"application/vnd.dev.sigstore.bundle.v0.4+json" is no sigstore bundle',
      (json) => {
        json.mediaType = "application/vnd.dev.sigstore.bundle.v0.4+json";
      },
    ],
    ['bundle has an unknown member "extra"', (json) => Object.assign(json, { extra: 1 })],
    [
      'bundle.dsseEnvelope has an unknown member "payload_type"',
      (json) => Object.assign(json.dsseEnvelope, { payload_type: "x" }),
    ],
    ['tlogEntries[0] has an unknown member "x"', (json) => Object.assign(entry(json), { x: null })],
    [
      "bundle.dsseEnvelope.signatures has 2 signatures",
      (json) => json.dsseEnvelope.signatures.push(json.dsseEnvelope.signatures[0]),
    ],
    [
      "bundle.dsseEnvelope.signatures has 0 signatures",
      (json) => Object.assign(json.dsseEnvelope, { signatures: [] }),
    ],
    [
      "bundle.dsseEnvelope.signatures[0].sig is empty",
      (json) => delete json.dsseEnvelope.signatures[0].sig,
    ],
    ["bundle.dsseEnvelope.payload is empty", (json) => delete json.dsseEnvelope.payload],
    ["bundle.dsseEnvelope.payloadType is empty", (json) => delete json.dsseEnvelope.payloadType],
    ["payload is not base64", (json) => Object.assign(json.dsseEnvelope, { payload: "a b" })],
    ["payload is not a string", (json) => Object.assign(json.dsseEnvelope, { payload: 1 })],
    [
      "payloadType has a lone surrogate",
      (json) => Object.assign(json.dsseEnvelope, { payloadType: "\ud800" }),
    ],
    ["bundle.verificationMaterial is missing", (json) => delete json.verificationMaterial],
    ["bundle.{dsseEnvelope,messageSignature} is missing", (json) => delete json.dsseEnvelope],
    [
      "bundle.messageSignature stands beside dsseEnvelope",
      (json) => Object.assign(json, { messageSignature: {} }),
    ],
    [
      "bundle.verificationMaterial.{publicKey,certificate,x509CertificateChain} is missing",
      (json) => delete json.verificationMaterial.certificate,
    ],
    [
      "bundle.verificationMaterial.certificate stands beside publicKey",
      (json) => Object.assign(json.verificationMaterial, { publicKey: {} }),
    ],
    [
      "certificate.rawBytes is empty",
      (json) => Object.assign(json.verificationMaterial, { certificate: {} }),
    ],
    [
      "x509CertificateChain is not allowed in a bundle of version 0.3",
      (json) => {
        const { certificate, ...rest } = json.verificationMaterial;
        const x509CertificateChain = { certificates: [certificate] };
        json.verificationMaterial = { x509CertificateChain, ...rest };
      },
    ],
    ["tlogEntries[0].inclusionProof is missing", (json) => delete entry(json).inclusionProof],
    [
      "tlogEntries[0].inclusionProof.checkpoint is missing",
      (json) => delete entry(json).inclusionProof.checkpoint,
    ],
    [
      "inclusionProof.checkpoint.envelope is empty",
      (json) => Object.assign(entry(json).inclusionProof, { checkpoint: {} }),
    ],
    [
      "inclusionProof.rootHash is not the 32 bytes of a SHA-256",
      (json) => Object.assign(entry(json).inclusionProof, { rootHash: "AAAA" }),
    ],
    [
      "inclusionProof.hashes[0].hash is not",
      (json) => Object.assign(entry(json).inclusionProof, { hashes: ["AAAA"] }),
    ],
    [
      "inclusionProof.hashes has 65 items",
      (json) => Object.assign(entry(json).inclusionProof, { hashes: Array(65).fill("") }),
    ],
    ["tlogEntries[0].kindVersion is missing", (json) => delete entry(json).kindVersion],
    ["tlogEntries[0].logId.keyId is empty", (json) => Object.assign(entry(json), { logId: {} })],
    ["canonicalizedBody is empty", (json) => delete entry(json).canonicalizedBody],
    [
      "signedEntryTimestamp is empty",
      (json) => Object.assign(entry(json), { inclusionPromise: {} }),
    ],
    ["logIndex is not a non-negative", (json) => Object.assign(entry(json), { logIndex: "-1" })],
    ["logIndex is not a non-negative", (json) => Object.assign(entry(json), { logIndex: 1.5 })],
    ["logIndex is not a non-negative", (json) => Object.assign(entry(json), { logIndex: "01" })],
    [
      "logIndex is too large",
      (json) => Object.assign(entry(json), { logIndex: "9223372036854775808" }),
    ],
    [
      "tlogEntries has 17 items",
      (json) => {
        json.verificationMaterial.tlogEntries = Array(17).fill(entry(json));
      },
    ],
    [
      "tlogEntries is not a list",
      (json) => Object.assign(json.verificationMaterial, { tlogEntries: {} }),
    ],
    [
      "signedTimestamp is empty",
      (json) => {
        json.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [{}] };
      },
    ],
  ])("%s", (message, change) => {
    expect(() => parseBundle(broken(change))).toThrow(refused(message));
  });

  it.each<[string, object]>([
    ["algorithm is not SHA2_256", { messageDigest: { algorithm: "SHA2_512", digest: "AAAA" } }],
    ["digest is not the 32 bytes", { messageDigest: { algorithm: 1, digest: "AAAA" } }],
    ["signature is empty", { messageDigest: { algorithm: 1, digest: "A".repeat(43) } }],
    ["messageDigest is missing", {}],
  ])("in a message signature: %s", (message, messageSignature) => {
    const { dsseEnvelope, ...rest } = jsonOf(plain);
    expect(() => parseBundle(bytesOf({ ...rest, messageSignature }))).toThrow(refused(message));
  });

  it("a log's entry without promise in version 0.1", () => {
    const old = broken((json) => {
      json.mediaType = "application/vnd.dev.sigstore.bundle+json;version=0.1";
      delete entry(json).inclusionPromise;
    });
    expect(() => parseBundle(old)).toThrow(refused("inclusionPromise is missing"));
    const empty = broken((json) => {
      json.mediaType = "application/vnd.dev.sigstore.bundle+json;version=0.1";
      const { certificate, ...rest } = json.verificationMaterial;
      json.verificationMaterial = { x509CertificateChain: {}, ...rest };
    });
    expect(() => parseBundle(empty)).toThrow(refused("certificates is empty"));
  });

  it("two names for one key", () => {
    const two = broken((json) => {
      json.verificationMaterial.publicKey.hint = "SHA256:other";
    }, plain);
    expect(() => parseBundle(two)).toThrow(
      refused("hint names another key than the envelope does"),
    );
  });

  it("a member twice, though other parsers would take the last", () => {
    const text = new TextDecoder().decode(plain);
    const twice = text.replace('"payload":', '"payload":"AAAA","payload":');
    expect(() => parseBundle(Buffer.from(twice))).toThrow(refused('the key "payload" twice'));
  });

  it.each([
    ["[]", "is not an object"],
    ["null", "is not an object"],
    ["", "is not JSON"],
    ["\ufeff{}", "is not JSON"],
    ["[".repeat(1_000_000), "is not JSON"],
    ["[".repeat(1_000_000) + "]".repeat(1_000_000), "is not an object"],
  ])("%.10s…", (text, message) => {
    expect(() => parseBundle(Buffer.from(text))).toThrow(refused(message));
  });
});
