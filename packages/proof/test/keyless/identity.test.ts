import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { ambientIdentity, keylessSigner } from "@ctxpack/proof";
import { identityToken, type SigstoreFault } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseIdentityToken } from "../../src/keyless/identity-token.ts";
import { managerOf, trustFolder } from "../trust/places.ts";
import { servicesOf, signWith, sigstore } from "./sigstore.ts";

const services = sigstore();
const BEARER = "job-credential-0123456789";

const read = (token: string) => parseIdentityToken(token, "sigstore", new Date());

function jwt(payload: string): string {
  return `${Buffer.from("{}").toString("base64url")}.${Buffer.from(payload).toString("base64url")}.c2ln`;
}

describe("parseIdentityToken", () => {
  it("finds what has to be signed", () => {
    expect(read(identityToken())).toMatchObject({
      challenge: "repo:acme/packs:ref:refs/heads/main",
      issuer: "https://token.actions.githubusercontent.com",
    });
    const mail = { email: "a@example.com", email_verified: true };
    expect(read(identityToken(mail)).challenge).toBe("a@example.com");
    expect(read(identityToken({ aud: ["x", "sigstore"] })).challenge).toMatch(/^repo:/);
    expect(read(identityToken({ ...mail, email_verified: "true" })).challenge).toBe(
      "a@example.com",
    );
  });

  it.each([
    [
      "an expired one",
      identityToken({ exp: 1_700_000_000 }),
      /expired at 2023-11-14T22:13:20.000Z/,
    ],
    ["one without an end", identityToken({ exp: null }), /expired/],
    ["one for others", identityToken({ aud: "npm" }), /audience sigstore/],
    ["one for nobody", identityToken({ aud: undefined }), /audience sigstore/],
    ["one about nobody", identityToken({ sub: "" }), /names nobody/],
    ["a mail address nobody checked", identityToken({ email: "a@example.com" }), /did not verify/],
    ["no token", "secret-thing-that-is-none", /not a JSON Web Token/],
    ["two parts", "secretpart.secretpart", /not a JSON Web Token/],
    ["five parts", "secretpart.b.c.d.e", /not a JSON Web Token/],
    ["white space in it", "secretpart .b.c", /not a JSON Web Token/],
    ["far too long", `secretpart.${"b".repeat(20_000)}.c`, /not a JSON Web Token/],
    ["no JSON", jwt("secretpart{"), /not JSON/],
    ["no object", jwt('["secretpart"]'), /not an object/],
    ["a key twice", jwt('{"sub":"a","sub":"secretpart"}'), /not JSON/],
    [
      "another type",
      jwt('{"sub":{"secretpart":1},"aud":"sigstore","exp":9999999999}'),
      /sub is not/,
    ],
  ])("refuses %s, and does not repeat it", (_, token, message) => {
    let error: unknown;
    try {
      read(token);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: "CTXPACK_E_AUTH" });
    const shown = inspect(error, { depth: 10 });
    expect(shown).toMatch(message);
    for (const part of [...token.split("."), "secretpart", "secret-thing"]) {
      if (part.length > 5) expect(shown.slice(0, shown.indexOf("\n    at "))).not.toContain(part);
    }
  });
});

describe("ambientIdentity", () => {
  it("takes SIGSTORE_ID_TOKEN", async () => {
    const token = identityToken();
    expect(await ambientIdentity({ SIGSTORE_ID_TOKEN: `${token}\n` }).token()).toBe(token);
  });

  it("asks GitHub for a token for sigstore", async () => {
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${services.now.urls.github}/token?api-version=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: BEARER,
    };
    const token = await ambientIdentity(env).token();
    expect(read(token).challenge).toMatch(/^repo:acme/);
    expect(await services.now.requests("github")).toMatchObject([
      { url: "/token?api-version=2&audience=sigstore", authorization: `bearer ${BEARER}` },
    ]);
    const wrong = { ...env, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "another-credential" };
    await expect(ambientIdentity(wrong).token()).rejects.toMatchObject({ code: "CTXPACK_E_AUTH" });
    await services.now.fault("github", { body: "{}" }, { body: "<html>" });
    for (let tries = 0; tries < 2; tries++) {
      await expect(ambientIdentity(env).token()).rejects.toMatchObject({
        message: expect.stringContaining("gives no token"),
      });
    }
    for (const url of ["nowhere", "http://github.example/token"]) {
      const none = { ...env, ACTIONS_ID_TOKEN_REQUEST_URL: url };
      await expect(ambientIdentity(none).token()).rejects.toMatchObject({ message: /https URL/ });
    }
  });

  it("says what is missing", () => {
    expect(() => ambientIdentity({})).toThrow(/nothing here says who signs/);
    expect(() => ambientIdentity({ GITHUB_ACTIONS: "true" })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("id-token: write") }),
    );
    // By default from this process.
    expect(() => ambientIdentity()).toThrow(/nothing here/);
  });
});

describe("the identity token", () => {
  it("is in no error, whatever the services say", async () => {
    const token = identityToken();
    const [header = "", claims = "", signature = ""] = token.split(".");
    const echoes: SigstoreFault[] = [
      { status: 400, body: `bad token ${token}` },
      { status: 401, body: JSON.stringify({ message: `cut: ${token.slice(0, 200)}` }) },
      { status: 403, body: `the claims ${claims}` },
      { status: 404, body: `x${claims.slice(0, 40)}` },
      { status: 418, body: `and ${signature}` },
      { body: token },
      { body: `{"signedCertificateEmbeddedSct":{"chain":{"certificates":["${token}"]}}}` },
      { body: `{"signedCertificateEmbeddedSct":"${token}"}` },
      { status: 302, headers: { location: `https://evil.example/${token}` } },
    ];
    const signer = keylessSigner({
      identity: { token: async () => token },
      fulcioUrl: services.now.urls.fulcio,
    });
    for (const echo of echoes) {
      await services.now.fault("fulcio", echo);
      const error = await signer.sign(new Uint8Array(1)).catch((caught: unknown) => caught);
      const shown = `${inspect(error, { depth: 20, showHidden: true })}${JSON.stringify(error)}`;
      expect(shown).toContain("Fulcio");
      for (const part of [header, claims, signature, claims.slice(0, 40)]) {
        expect(shown).not.toContain(part);
      }
    }
  });

  it("is in no error about an answer that is no HTTP but an echo", async () => {
    const echo = createServer((socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void echo.close());
    const fulcioUrl = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
    const token = identityToken();
    const signer = keylessSigner({ identity: { token: async () => token }, fulcioUrl });
    const error = await signer.sign(new Uint8Array(1)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "CTXPACK_E_UNAVAILABLE", message: /HPE_INVALID/ });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(token.slice(0, 30));
  });

  it("goes to Fulcio and to nobody else, and is in no file and no bundle", async () => {
    const directory = trustFolder();
    const manager = managerOf(services.now, directory);
    await manager.get();
    for (const name of ["fulcio", "tsa", "rekorV1", "rekorV2", "tuf"] as const) {
      await services.now.requests(name);
    }
    const bytes = await signWith(servicesOf(services.now, "rekorV1", "rekorV2", "tsa"));
    await manager.refresh();
    const claims = identityToken().split(".")[1]?.slice(0, 100) ?? "";
    const told = JSON.stringify(await services.now.requests("fulcio"));
    expect(told).toContain(claims);
    for (const name of ["tsa", "rekorV1", "rekorV2", "tuf"] as const) {
      const asked = await services.now.requests(name);
      expect(asked.length).toBeGreaterThan(0);
      expect(JSON.stringify(asked)).not.toContain(claims);
    }
    expect(Buffer.from(bytes).toString()).not.toContain(claims);
    for (const file of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      expect(readFileSync(join(file.parentPath, file.name), "latin1")).not.toContain("eyJ");
    }
  });
});
