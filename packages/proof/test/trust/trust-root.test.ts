import { parseTrustRoot } from "@ctxpack/proof";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rootOf, startAuthorities } from "../verify/authorities.ts";
import { publicGoodRoot } from "../verify/public-good.ts";

const { rootJson } = await startAuthorities();

// biome-ignore lint/suspicious/noExplicitAny: tests break it in every way there is
type Anything = any;

function broken(change: (json: Anything) => unknown): Anything {
  const json = structuredClone(rootJson);
  change(json);
  return json;
}

it("reads sigstore's public trust root", () => {
  const root = publicGoodRoot();
  expect(root.name).toBe("public");
  expect(root.logs.map(({ baseUrl }) => baseUrl)).toEqual([
    "https://rekor.sigstore.dev",
    "https://log2025-1.rekor.sigstore.dev",
  ]);
  expect(root.certificateLogs[0]?.validFor).toEqual({
    start: new Date("2021-03-14T00:00:00Z"),
    end: new Date("2022-10-31T23:59:59.999Z"),
  });
  expect(root.certificateAuthorities).toHaveLength(2);
  expect(root.timestampAuthorities[0]?.uri).toBe("https://timestamp.sigstore.dev/api/v1/timestamp");
});

it("passes over what it does not know, and takes version 0.2 with its names of logs", () => {
  const root = rootOf(
    broken((json) => {
      json.mediaType = "application/vnd.dev.sigstore.trustedroot.v0.2+json";
      json.future = { anything: true };
      json.tlogs[0].operator = "example.com";
      json.tlogs[0].checkpointKeyId = { keyId: "AQIDBA==" };
      delete json.timestampAuthorities;
      delete json.certificateAuthorities[0].validFor;
    }),
  );
  expect(root.logs[0]?.logId).toEqual(Buffer.of(1, 2, 3, 4));
  expect(root.timestampAuthorities).toEqual([]);
  expect(root.certificateAuthorities[0]?.validFor).toEqual({ start: undefined, end: undefined });
});

describe("refuses, naming trust root and member", () => {
  it.each<[string, (json: Anything) => unknown]>([
    ["mediaType is", (json) => Object.assign(json, { mediaType: "application/json" })],
    ["tlogs is not a list", (json) => Object.assign(json, { tlogs: {} })],
    ["tlogs has 65 items", (json) => Object.assign(json, { tlogs: Array(65).fill({}) })],
    ["tlogs[0].publicKey is missing", (json) => delete json.tlogs[0].publicKey],
    [
      "tlogs[0].publicKey.validFor.start is missing",
      (json) => delete json.tlogs[0].publicKey.validFor,
    ],
    [
      "ctlogs[0].publicKey.validFor.start is missing",
      (json) => delete json.ctlogs[0].publicKey.validFor.start,
    ],
    [
      "validFor.start is not a time",
      (json) => Object.assign(json.tlogs[0].publicKey.validFor, { start: "yesterday" }),
    ],
    [
      "validFor.start is not a time",
      (json) => Object.assign(json.tlogs[0].publicKey.validFor, { start: "2021-13-01T00:00:00Z" }),
    ],
    [
      "validFor ends before it starts",
      (json) => Object.assign(json.tlogs[0].publicKey.validFor, { end: "2019-01-01T00:00:00Z" }),
    ],
    [
      "rawBytes is not a public key",
      (json) => Object.assign(json.tlogs[0].publicKey, { rawBytes: "AAAA" }),
    ],
    ["tlogs[0].logId is missing", (json) => delete json.tlogs[0].logId],
    ["tlogs[0].logId.keyId is empty", (json) => Object.assign(json.tlogs[0], { logId: {} })],
    ["tlogs[0].baseUrl is empty", (json) => delete json.tlogs[0].baseUrl],
    [
      "certificateAuthorities[0].certChain is missing",
      (json) => delete json.certificateAuthorities[0].certChain,
    ],
    [
      "certChain.certificates is empty",
      (json) => Object.assign(json.certificateAuthorities[0], { certChain: {} }),
    ],
    [
      "certificates[0].rawBytes is not a certificate",
      (json) =>
        Object.assign(json.timestampAuthorities[0].certChain.certificates[0], { rawBytes: "AAAA" }),
    ],
  ])("%s", (message, change) => {
    expect(() => rootOf(broken(change), "corp")).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PROOF_TRUST_ROOT",
        message: expect.stringMatching(/^trust root corp\./),
      }),
    );
    expect(() => rootOf(broken(change), "corp")).toThrow(message);
  });

  it("whatever the bytes are", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(() => parseTrustRoot("corp", bytes)).toThrow(
            expect.objectContaining({ code: "CTXPACK_E_PROOF_TRUST_ROOT" }),
          );
        },
      ),
    );
  });
});
