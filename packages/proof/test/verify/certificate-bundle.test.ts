import { generateKeyPairSync } from "node:crypto";
import {
  type BundleSigner,
  claimedIdentity,
  parseBundle,
  type SignedBundle,
  signStatement,
  verifyBundle,
} from "@ctxpack/proof";
import { beforeAll, describe, expect, it } from "vitest";
import { type BundleJson, changed, jsonOf, testKey, testStatement } from "../fixture.ts";
import {
  type Authorities,
  certificateSignerOf,
  IDENTITY,
  ISSUER,
  pemOf,
  rootOf,
  startAuthorities,
} from "./authorities.ts";

const refused = (code: string, message?: string) =>
  expect.objectContaining({
    code: `CTXPACK_E_PROOF_${code}`,
    ...(message !== undefined && { message: expect.stringContaining(message) }),
  });

let services: Authorities;
let v1: SignedBundle;
let v2: SignedBundle;
beforeAll(async () => {
  services = await startAuthorities();
  const { log, logV2, timestamps } = services;
  const signer = await services.certificateSigner();
  v1 = await signStatement(testStatement(), { signer, witnesses: [log] });
  v2 = await signStatement(testStatement(), { signer, witnesses: [logV2, timestamps] });
});

const trusting = (...roots: readonly Authorities[]) => ({
  keys: [],
  trustRoots: roots.map(({ root }) => root),
});

const material = (json: BundleJson) =>
  json.verificationMaterial as {
    certificate: { rawBytes: string };
    publicKey?: unknown;
    tlogEntries: Record<string, never>[];
    timestampVerificationData: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };

describe("a bundle with a certificate", () => {
  it("is verified with a log's promise (Rekor v1)", async () => {
    const verified = await verifyBundle(v1.bytes, trusting(services));
    expect(verified).toEqual({
      digest: v1.digest,
      statement: testStatement(),
      signer: {
        kind: "certificate",
        identity: IDENTITY,
        issuer: ISSUER,
        extensions: { "1.3.6.1.4.1.57264.1.1": ISSUER, "1.3.6.1.4.1.57264.1.8": ISSUER },
        trustRoot: "test",
      },
      times: [{ time: expect.any(Date), source: "transparency-log" }],
      logEntries: 1,
    });
    expect(Math.abs(Date.now() - (verified.times[0]?.time.getTime() ?? 0))).toBeLessThan(60_000);
  });

  it("is verified with a log's proof and a timestamp (Rekor v2)", async () => {
    const { times, logEntries } = await verifyBundle(v2.bytes, trusting(services));
    expect(times).toEqual([{ time: expect.any(Date), source: "timestamp-authority" }]);
    expect(logEntries).toBe(1);
  });

  it("needs no log where the trust root has none, as GitHub's own has not", async () => {
    const { timestamps, rootJson } = services;
    const signer = await services.certificateSigner();
    const { bytes } = await signStatement(testStatement(), { signer, witnesses: [timestamps] });
    const root = rootOf({ ...rootJson, tlogs: [] }, "github");
    const verified = await verifyBundle(bytes, { keys: [], trustRoots: [root] });
    expect(verified).toMatchObject({ logEntries: 0, signer: { trustRoot: "github" } });
    await expect(verifyBundle(bytes, trusting(services))).rejects.toThrow(
      refused("LOG", "expected 1 tlog entries, got 0"),
    );
  });

  it("needs a time: a certificate lives for minutes", async () => {
    const { logV2 } = services;
    const signer = await services.certificateSigner();
    const { bytes } = await signStatement(testStatement(), { signer, witnesses: [logV2] });
    await expect(verifyBundle(bytes, trusting(services))).rejects.toThrow(refused("TIMESTAMP"));
    const claims = changed(bytes, (json) => {
      Object.assign(material(json).tlogEntries[0] ?? {}, { integratedTime: "1800000000" });
    });
    await expect(verifyBundle(claims, trusting(services))).rejects.toThrow(refused("TIMESTAMP"));
    const none = await signStatement(testStatement(), { signer });
    await expect(verifyBundle(none.bytes, trusting(services))).rejects.toThrow(
      refused("TIMESTAMP"),
    );
  });

  it("belongs to the trust root that vouches for all of it", async () => {
    const strangers = await startAuthorities();
    await expect(verifyBundle(v2.bytes, trusting(strangers))).rejects.toThrow(
      refused("TIMESTAMP", "(trust root test)"),
    );
    await expect(verifyBundle(v1.bytes, trusting(strangers))).rejects.toThrow(
      refused("CERTIFICATE"),
    );
    await verifyBundle(v2.bytes, trusting(strangers, services));
    const { rootJson } = services;
    const mixed = { ...rootJson, timestampAuthorities: strangers.rootJson.timestampAuthorities };
    await expect(
      verifyBundle(v2.bytes, { keys: [], trustRoots: [rootOf(mixed), strangers.root] }),
    ).rejects.toThrow(refused("TIMESTAMP"));
  });

  it("needs an SCT of a log that the trust root has", async () => {
    const { rootJson } = services;
    const strangers = await startAuthorities();
    const root = rootOf({ ...rootJson, ctlogs: strangers.rootJson.ctlogs });
    await expect(verifyBundle(v1.bytes, { keys: [], trustRoots: [root] })).rejects.toThrow(
      refused("CERTIFICATE", "SCT"),
    );
  });

  it("needs an SCT where the trust root has a log for them", async () => {
    const unlogged = await startAuthorities({ sct: false });
    const signer = await unlogged.certificateSigner();
    const { bytes } = await signStatement(testStatement(), { signer, witnesses: [unlogged.log] });
    await expect(verifyBundle(bytes, trusting(unlogged))).rejects.toThrow(
      refused("CERTIFICATE", "expected 1 SCTs, got 0"),
    );
    const root = rootOf({ ...unlogged.rootJson, ctlogs: [] });
    await verifyBundle(bytes, { keys: [], trustRoots: [root] });
  });

  it("has no time that only the bundle states", async () => {
    const claims = changed(v2.bytes, (json) => {
      Object.assign(material(json).tlogEntries[0] ?? {}, { integratedTime: "1700000000" });
    });
    const { times } = await verifyBundle(claims, trusting(services));
    expect(times.map(({ source }) => source)).toEqual(["timestamp-authority"]);
  });

  it("counts only if the witnesses' keys were valid then", async () => {
    const { rootJson } = services;
    const [tlog] = rootJson.tlogs;
    const validFor = { start: "2020-01-01T00:00:00Z", end: "2020-02-01T00:00:00Z" };
    const old = rootOf({
      ...rootJson,
      tlogs: [{ ...tlog, publicKey: { ...tlog.publicKey, validFor } }],
    });
    await expect(verifyBundle(v1.bytes, { keys: [], trustRoots: [old] })).rejects.toThrow(
      refused("LOG"),
    );
    await expect(verifyBundle(v2.bytes, { keys: [], trustRoots: [old] })).rejects.toThrow(
      refused("LOG", "was not valid then"),
    );
  });

  it("is not verified with a trust root that sigstore's own reader does not take", async () => {
    const { rootJson } = services;
    const [tlog] = rootJson.tlogs;
    const publicKey = { ...tlog.publicKey, keyDetails: "PKIX_RSA_PKCS1V15_2048_SHA256" };
    const odd = rootOf({ ...rootJson, tlogs: [{ ...tlog, publicKey }] }, "odd");
    await expect(verifyBundle(v1.bytes, { keys: [], trustRoots: [odd] })).rejects.toThrow(
      refused("TRUST_ROOT", "the trust root odd cannot be used"),
    );
    // One that can be used makes up for it.
    await verifyBundle(v1.bytes, { keys: [], trustRoots: [odd, services.root] });
  });

  it("is not signed at a time that is yet to come, nor after the certificate", async () => {
    const ahead = new Date(Date.now() + 3_600_000);
    const future = await startAuthorities({ ca: ahead, tsa: ahead, log: ahead });
    const signer = await future.certificateSigner();
    const witnesses = [future.logV2, future.timestamps];
    const { bytes } = await signStatement(testStatement(), { signer, witnesses });
    await expect(verifyBundle(bytes, trusting(future))).rejects.toThrow(
      refused("TIMESTAMP", "which is yet to come"),
    );
    await verifyBundle(bytes, { ...trusting(future), now: ahead });
    const late = await startAuthorities({ tsa: ahead });
    const lateSigner = await late.certificateSigner();
    const signed = await signStatement(testStatement(), {
      signer: lateSigner,
      witnesses: [late.logV2, late.timestamps],
    });
    await expect(verifyBundle(signed.bytes, { ...trusting(late), now: ahead })).rejects.toThrow(
      refused("CERTIFICATE"),
    );
  });

  it("is refused when the signature is another's, or the payload", async () => {
    const other = jsonOf(v2.bytes).dsseEnvelope;
    const swapped = changed(v1.bytes, (json) => {
      json.dsseEnvelope = other;
    });
    await expect(verifyBundle(swapped, trusting(services))).rejects.toThrow(refused("LOG"));
    const bare = await signStatement(testStatement(), {
      signer: await services.certificateSigner(),
      witnesses: [services.timestamps],
    });
    const root = rootOf({ ...services.rootJson, tlogs: [] });
    const payload = Buffer.from(JSON.stringify(testStatement({ note: "else" }))).toString("base64");
    const changedPayload = changed(bare.bytes, (json) => {
      json.dsseEnvelope.payload = payload;
    });
    await expect(verifyBundle(changedPayload, { keys: [], trustRoots: [root] })).rejects.toThrow(
      refused("SIGNATURE"),
    );
  });

  it("has witnesses that are all right, or none: each counts once", async () => {
    const { timestamps, log } = services;
    const signer = await services.certificateSigner();
    const witnesses = [log, timestamps];
    const { bytes } = await signStatement(testStatement(), { signer, witnesses });
    const { times } = await verifyBundle(bytes, trusting(services));
    expect(times.map(({ source }) => source)).toEqual(["timestamp-authority", "transparency-log"]);
    const twice = changed(bytes, (json) => {
      const { tlogEntries } = material(json);
      tlogEntries.push(...tlogEntries);
    });
    await expect(verifyBundle(twice, trusting(services))).rejects.toThrow(refused("TIMESTAMP"));
    const foreign = await startAuthorities();
    const mixed = await signStatement(testStatement(), {
      signer,
      witnesses: [log, foreign.timestamps],
    });
    await expect(verifyBundle(mixed.bytes, trusting(services))).rejects.toThrow(
      refused("TIMESTAMP"),
    );
    const broken = changed(bytes, (json) => {
      const [timestamp] = material(json).timestampVerificationData.rfc3161Timestamps;
      Object.assign(timestamp ?? {}, { signedTimestamp: "AAAA" });
    });
    await expect(verifyBundle(broken, trusting(services))).rejects.toThrow(refused("BUNDLE"));
  });
});

describe("what is told apart", () => {
  it("a verifier with keys alone takes no certificate", async () => {
    const { named } = await testKey();
    await expect(verifyBundle(v1.bytes, { keys: [named], trustRoots: [] })).rejects.toThrow(
      refused("TRUST_ROOT", "there is no trust root"),
    );
  });

  it("a key in the place of a certificate is no certificate (GHSA-fx35-mq7g-6g98)", async () => {
    const key = await testKey();
    const spki = key.publicKey.export({ type: "spki", format: "der" });
    const { bytes } = await signStatement(testStatement(), { signer: key.signer });
    for (const rawBytes of [spki, Buffer.from(key.publicPem), Buffer.from("x")]) {
      const smuggled = changed(bytes, (json) => {
        json.verificationMaterial = { certificate: { rawBytes: rawBytes.toString("base64") } };
      });
      await expect(
        verifyBundle(smuggled, { keys: [key.named], trustRoots: [services.root] }),
      ).rejects.toThrow(refused("CERTIFICATE", "is not an X.509 certificate"));
    }
  });

  it("a certificate in PEM, or with something behind it, is not the DER it has to be", async () => {
    const leaf = Buffer.from(material(jsonOf(v1.bytes)).certificate.rawBytes, "base64");
    for (const rawBytes of [Buffer.from(pemOf(leaf)), Buffer.concat([leaf, leaf])]) {
      const written = changed(v1.bytes, (json) => {
        material(json).certificate = { rawBytes: rawBytes.toString("base64") };
      });
      await expect(verifyBundle(written, trusting(services))).rejects.toThrow(
        refused("CERTIFICATE"),
      );
    }
  });

  it("a key that a certificate is for is not the certificate's signer", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const own = await services.certificateSigner();
    const signed = signStatement(testStatement(), {
      signer: certificateSignerOf(own.leaf, privateKey),
    });
    await expect(signed).rejects.toThrow(refused("SIGNATURE"));
    const keyBundle = changed(v1.bytes, (json) => {
      const { tlogEntries } = material(json);
      json.verificationMaterial = { publicKey: { hint: "" }, tlogEntries };
    });
    await expect(
      verifyBundle(keyBundle, { keys: [{ name: "k", publicKey }], trustRoots: [services.root] }),
    ).rejects.toThrow(refused("KEY"));
  });
});

describe("claimedIdentity", () => {
  type Certificate = BundleSigner & { readonly kind: "certificate" };

  it("is what the certificate says, whether or not it is verified", async () => {
    const claimed = { identity: IDENTITY, issuer: ISSUER };
    expect(claimedIdentity(parseBundle(v1.bytes).signer as Certificate)).toEqual(claimed);
    const stranger = await (await startAuthorities()).certificateSigner();
    const { bytes } = await signStatement(testStatement(), { signer: stranger });
    await expect(verifyBundle(bytes, trusting(services))).rejects.toThrow();
    expect(claimedIdentity(parseBundle(bytes).signer as Certificate)).toEqual(claimed);
  });

  it("is nothing for what is no certificate, or cut off anywhere", () => {
    const { chain } = parseBundle(v1.bytes).signer as Certificate;
    const [leaf] = chain;
    for (let length = 0; length < leaf.length; length += 7) {
      const cut: Certificate = { kind: "certificate", chain: [leaf.subarray(0, length)] };
      expect(claimedIdentity(cut)).toBeUndefined();
    }
    const nobody: Certificate = { kind: "certificate", chain: [Buffer.of(0x30, 2, 0x30, 0)] };
    expect(claimedIdentity(nobody)).toBeUndefined();
  });
});
