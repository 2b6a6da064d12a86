import { localSigner, parseBundle, rekorV2Witness, signStatement } from "@ctxpack/proof";
import { TEST_IDENTITY, TEST_ISSUER } from "@ctxpack/test-tools";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { describe, expect, it } from "vitest";
import { jsonOf, testKey, testStatement } from "../fixture.ts";
import {
  servicesOf,
  signWith,
  sigstore,
  trustRootOf,
  trustRootWith,
  verifyWith,
} from "./sigstore.ts";

const services = sigstore();

/** As anybody who uses sigstore's own library would verify it. */
function verifyWithSigstore(bytes: Uint8Array, thresholds: object): void {
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(services.now.trustedRoot)));
  const verifier = new Verifier(material, { ctlogThreshold: 1, ...thresholds });
  verifier.verify(toSignedEntity(bundleFromJSON(jsonOf(bytes))), {
    subjectAlternativeName: TEST_IDENTITY,
    extensions: { issuer: TEST_ISSUER },
  });
}

describe("keyless signing", () => {
  it("with a timestamp only", async () => {
    const bytes = await signWith(servicesOf(services.now, "tsa"));
    verifyWithSigstore(bytes, { timestampThreshold: 1, tlogThreshold: 0 });
    const verified = await verifyWith(bytes, trustRootWith(services.now, { tlogs: [] }));
    expect(verified).toMatchObject({
      statement: testStatement(),
      signer: {
        kind: "certificate",
        identity: TEST_IDENTITY,
        issuer: TEST_ISSUER,
        extensions: {
          "1.3.6.1.4.1.57264.1.15": "123456",
          "1.3.6.1.4.1.57264.1.11": "github-hosted",
        },
      },
      times: [{ source: "timestamp-authority" }],
      logEntries: 0,
    });
  });

  it("with Rekor v1", async () => {
    const bytes = await signWith(servicesOf(services.now, "rekorV1"));
    verifyWithSigstore(bytes, { timestampThreshold: 1, tlogThreshold: 1 });
    const verified = await verifyWith(bytes, trustRootOf(services.now));
    expect(verified).toMatchObject({
      times: [{ source: "transparency-log" }],
      logEntries: 1,
    });
    expect(parseBundle(bytes).logEntries).toMatchObject([{ kind: "dsse", version: "0.0.1" }]);
  });

  it("with Rekor v2 and a timestamp", async () => {
    const bytes = await signWith(servicesOf(services.now, "rekorV2", "tsa"));
    verifyWithSigstore(bytes, { timestampThreshold: 1, tlogThreshold: 1 });
    const verified = await verifyWith(bytes, trustRootOf(services.now));
    expect(verified).toMatchObject({ times: [{ source: "timestamp-authority" }], logEntries: 1 });
    expect(parseBundle(bytes).logEntries).toMatchObject([
      { kind: "hashedrekord", version: "0.0.2", integratedTime: "0", promise: undefined },
    ]);
  });

  it("with all of them, and each signature with a key of its own", async () => {
    const all = servicesOf(services.now, "rekorV1", "rekorV2", "tsa");
    const [one, other] = [await signWith(all), await signWith(all)];
    const verified = await verifyWith(one, trustRootOf(services.now));
    expect(verified.logEntries).toBe(2);
    expect(verified.times.map(({ source }) => source).sort()).toEqual([
      "timestamp-authority",
      "transparency-log",
    ]);
    const leaf = (bytes: Uint8Array): unknown => parseBundle(bytes).signer;
    expect(leaf(one)).not.toEqual(leaf(other));
  });

  it("witnesses signatures with keys too", async () => {
    const { named, signer } = await testKey();
    for (const name of ["rekorV1", "rekorV2"] as const) {
      const { witnesses } = servicesOf(services.now, name, "tsa");
      const { bytes } = await signStatement(testStatement(), { signer, witnesses });
      expect(parseBundle(bytes).logEntries).toHaveLength(1);
      expect(parseBundle(bytes).signer).toMatchObject({ kind: "key" });
    }
    expect(named.name).toBe("ci");
  });

  it("says that Rekor v2 takes no Ed25519", async () => {
    const { pem } = await testKey("old", "ed25519");
    const signer = await localSigner({ pem });
    const witnesses = [rekorV2Witness({ url: services.now.urls.rekorV2 })];
    await expect(signStatement(testStatement(), { signer, witnesses })).rejects.toMatchObject({
      code: "CTXPACK_E_UNSUPPORTED",
      hint: expect.stringContaining("Rekor v1"),
    });
  });
});
