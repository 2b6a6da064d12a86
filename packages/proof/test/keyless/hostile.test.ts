import { CtxPackError } from "@ctxpack/identity";
import { parseSigningConfig } from "@ctxpack/proof";
import fc from "fast-check";
import { describe, it } from "vitest";
import { parseIdentityToken } from "../../src/keyless/identity-token.ts";

/** That whatever is thrown is an error of ours. */
function expectOurs(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
  }
}

const member = fc.oneof(fc.jsonValue(), fc.constantFrom("sigstore", "https://a.example", 9e9));

describe("what strangers write", () => {
  it("is an identity token, or an error of ours", () => {
    const claims = fc.dictionary(
      fc.constantFrom("aud", "exp", "sub", "email", "email_verified", "iss"),
      member,
    );
    const tokens = fc.oneof(
      fc.string(),
      claims.map((all) => `e30.${Buffer.from(JSON.stringify(all)).toString("base64url")}.c2ln`),
    );
    fc.assert(
      fc.property(tokens, (token) => {
        expectOurs(() => parseIdentityToken(token, "sigstore", new Date()));
      }),
    );
  });

  it("is a signing configuration, or an error of ours", () => {
    const service = fc.dictionary(
      fc.constantFrom("url", "majorApiVersion", "validFor", "operator"),
      member,
    );
    const value = fc.oneof(member, fc.array(service), service);
    const names = [
      "caUrls",
      "oidcUrls",
      "rekorTlogUrls",
      "rekorTlogConfig",
      "tsaUrls",
      "tsaConfig",
    ];
    const mediaType = "application/vnd.dev.sigstore.signingconfig.v0.2+json";
    const configs = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom(...names), value).map((rest) => ({ mediaType, ...rest })),
    );
    fc.assert(
      fc.property(configs, (config) => {
        const bytes = Buffer.from(JSON.stringify(config) ?? "");
        expectOurs(() => parseSigningConfig(bytes, "config.json"));
      }),
    );
  });
});
