import {
  keylessServices,
  parseSigningConfig,
  type SigningConfig,
  signStatement,
} from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { testStatement } from "../fixture.ts";
import { sigstore, TESTER, trustRootOf, verifyWith } from "./sigstore.ts";

const services = sigstore();

const NOW = { start: "2026-01-01T00:00:00Z" };

function configJson(change: Record<string, unknown> = {}): Record<string, unknown> {
  const { fulcio, rekorV1, rekorV2, tsa } = services.now.urls;
  const service = (url: string, majorApiVersion: number, operator = "mock") => ({
    url,
    majorApiVersion,
    validFor: NOW,
    operator,
  });
  return {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: [service(fulcio, 1)],
    oidcUrls: [service("https://oauth2.example/auth", 1)],
    rekorTlogUrls: [service(rekorV1, 1, "one"), service(rekorV2, 2, "two")],
    rekorTlogConfig: { selector: "ALL" },
    tsaUrls: [service(`${tsa}/api/v1/timestamp`, 1)],
    tsaConfig: { selector: "ANY" },
    ...change,
  };
}

function parse(json: object): SigningConfig {
  return parseSigningConfig(Buffer.from(JSON.stringify(json)), "signing_config.json");
}

async function witnessesOf(change: Record<string, unknown>): Promise<number> {
  return keylessServices({ identity: TESTER, config: parse(configJson(change)) }).witnesses.length;
}

describe("keylessServices", () => {
  it("signs with what the configuration names", async () => {
    const measured: string[] = [];
    const metrics = {
      counter: () => {},
      gauge: () => {},
      histogram: (name: string, _: number, labels: Record<string, string> = {}) => {
        if (name === "proof_artifacts.sign.duration_ms") measured.push(labels["phase"] ?? "");
      },
    };
    const config = parse(configJson());
    const keyless = keylessServices({ identity: TESTER, config, metrics });
    const { bytes } = await signStatement(testStatement(), { ...keyless, metrics });
    const verified = await verifyWith(bytes, trustRootOf(services.now));
    expect(verified).toMatchObject({ logEntries: 2, times: { length: 2 } });
    expect(measured.sort()).toEqual(["fulcio", "local", "rekor", "rekor", "total", "tsa"]);
  });

  it("asks one, all or exactly so many", async () => {
    expect(await witnessesOf({})).toBe(3);
    expect(await witnessesOf({ rekorTlogConfig: { selector: "ANY" } })).toBe(2);
    expect(await witnessesOf({ rekorTlogConfig: { selector: "EXACT", count: 2 } })).toBe(3);
    expect(await witnessesOf({ rekorTlogUrls: [], rekorTlogConfig: {} })).toBe(1);
    await expect(witnessesOf({ rekorTlogConfig: { selector: "EXACT", count: 3 } })).rejects.toThrow(
      "has 2 logs that can be used, 3 are needed",
    );
  });

  it("takes of each operator the newest of the highest version, in use now", async () => {
    const log = (name: string, majorApiVersion: number, validFor: object) => ({
      url: `${services.now.urls[name as "rekorV1"]}`,
      majorApiVersion,
      validFor,
      operator: "one",
    });
    const dead = { url: "http://127.0.0.1:9", majorApiVersion: 2, operator: "one" };
    const config = parse(
      configJson({
        rekorTlogUrls: [
          { ...dead, validFor: { start: "2025-01-01T00:00:00Z", end: "2026-01-01T00:00:00Z" } },
          { ...dead, validFor: { start: "2099-01-01T00:00:00Z" } },
          { ...dead, majorApiVersion: 3, validFor: NOW },
          log("rekorV1", 1, { start: "2026-06-01T00:00:00Z" }),
          { ...dead, validFor: NOW },
          log("rekorV2", 2, { start: "2026-02-01T00:00:00Z" }),
          { ...dead, validFor: { start: "2026-02-01T00:00:00Z" } },
        ],
      }),
    );
    const keyless = keylessServices({ identity: TESTER, config });
    const { bytes } = await signStatement(testStatement(), keyless);
    const verified = await verifyWith(bytes, trustRootOf(services.now));
    expect(verified).toMatchObject({ logEntries: 1, times: [{ source: "timestamp-authority" }] });
  });

  it("wants somebody who vouches for the time, and a certificate authority", async () => {
    const v2 = { url: services.now.urls.rekorV2, majorApiVersion: 2, validFor: NOW, operator: "" };
    await expect(witnessesOf({ tsaUrls: [], rekorTlogUrls: [v2] })).rejects.toThrow(
      "no service that vouches for the time",
    );
    await expect(witnessesOf({ tsaUrls: [], tsaConfig: {} })).resolves.toBe(2);
    await expect(witnessesOf({ caUrls: [] })).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
    await expect(witnessesOf({ tsaUrls: [{ ...v2, majorApiVersion: 9 }] })).rejects.toThrow(
      "has 0 timestamp authorities",
    );
  });

  it("has the public services by default", () => {
    const { signer, witnesses } = keylessServices({ identity: TESTER });
    expect(typeof signer.sign).toBe("function");
    expect(witnesses).toHaveLength(2);
  });
});

describe("parseSigningConfig", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      "another version",
      { mediaType: "application/vnd.dev.sigstore.signingconfig.v0.1+json" },
      /mediaType is not/,
    ],
    ["an unknown member", { fulcio: "https://a.example" }, /unknown member "fulcio"/],
    ["a service that is none", { caUrls: ["https://a.example"] }, /caUrls\[0\] is not an object/],
    [
      "an unknown member of a service",
      { caUrls: [{ uri: "x" }] },
      /caUrls\[0\] has an unknown member/,
    ],
    [
      "a URL without TLS",
      { tsaUrls: [{ url: "http://a.example" }] },
      /tsaUrls\[0\] .*is not https/,
    ],
    [
      "a URL with a password",
      { oidcUrls: [{ url: "https://a:secret@b.example" }] },
      /b.example\) has a user/,
    ],
    ["no URL", { rekorTlogUrls: [{}] }, /rekorTlogUrls\[0\] is not a URL/],
    ["another selector", { tsaConfig: { selector: "SOME" } }, /selector "SOME"/],
    ["exactly none", { tsaConfig: { selector: "EXACT" } }, /exactly no service/],
    [
      "a time that is none",
      { caUrls: [{ url: "https://a.example", validFor: { start: "soon" } }] },
      /not a time/,
    ],
  ])("refuses %s", (_, change, message) => {
    expect(() => parse(configJson(change))).toThrow(message);
    expect(() => parse(configJson(change))).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_CONFIG",
        message: expect.not.stringContaining("secret"),
      }),
    );
  });

  it("refuses a file that is too large", () => {
    expect(() => parseSigningConfig(Buffer.alloc((1 << 20) + 1, " "), "big.json")).toThrow(
      /big.json/,
    );
  });
});
