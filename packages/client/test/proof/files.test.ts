import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSigner, readSignerFiles, readStatementFiles } from "@ctxpack/client/proof";
import { generateKey, keyId } from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import { describe, expect, it } from "vitest";

describe("readStatementFiles", () => {
  it("reads each part of an envelope from its file", async () => {
    using scratch = scratchFolder();
    const cwd = scratch.path;
    const parts = {
      runtime: { model: "m" },
      context: { question: "?" },
      evidence: [
        { type: "file", path: "a" },
        { type: "url", href: "https://example.com" },
      ],
      policy: [{ name: "p", status: "pass" }],
      trace: { otel: { traceId: "ab".repeat(16) } },
      sealed: { uri: "b", sha256: "ab".repeat(32) },
    };
    const files = Object.fromEntries(
      Object.entries(parts).map(([name, value]) => {
        writeFileSync(join(cwd, `${name}.json`), JSON.stringify(value));
        return [name, `${name}.json`];
      }),
    );
    expect(await readStatementFiles({ runtime: "", ...files }, { cwd })).toEqual({
      runtime: parts.runtime,
      publicContext: parts.context,
      evidence: parts.evidence,
      policyReceipts: parts.policy,
      trace: parts.trace,
      sealedContextRef: parts.sealed,
    });
    expect(await readStatementFiles({ runtime: "runtime.json" }, { cwd })).toMatchObject({
      publicContext: {},
      evidence: [],
    });
  });

  it.each([
    ["runtime", "[]", "x.json: expected object"],
    ["context", "1", "x.json: expected object"],
    ["evidence", "{}", "x.json: expected array"],
    ["evidence", '[{"type":"file"}]', 'x.json, /0: "path" is missing'],
    ["evidence", "[null]", "x.json, /0"],
    ["policy", '[{"name":"a","status":"good"}]', "x.json, /0/status: expected pass, fail or warn"],
    ["trace", '{"otel":{"traceId":"1"}}', "x.json, /otel/traceId"],
    ["sealed", '{"uri":"a"}', 'x.json: "sha256" is missing'],
    ["context", '{"a":1,"a":2}', 'x.json has the key "a" twice'],
    ["context", "{", "x.json is not JSON"],
    ["context", `"${"a".repeat(8 << 20)}"`, "x.json: 8388610 bytes, at most 8388608"],
  ])("refuses a %s of %s", async (name, text, message) => {
    using scratch = scratchFolder();
    const cwd = scratch.path;
    writeFileSync(join(cwd, "x.json"), text);
    writeFileSync(join(cwd, "runtime.json"), '{"model":"m"}');
    const files = { runtime: "runtime.json", [name]: "x.json" };
    await expect(readStatementFiles(files, { cwd })).rejects.toMatchObject({
      code: "CTXPACK_E_CONFIG",
      message: expect.stringContaining(message),
    });
  });

  it("says which file is not there, and stops when it is told", async () => {
    using scratch = scratchFolder();
    const cwd = scratch.path;
    await expect(readStatementFiles({ runtime: "none.json" }, { cwd })).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
      message: "none.json does not exist",
    });
    writeFileSync(join(cwd, "a.json"), "{}");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(readStatementFiles({ runtime: "a.json" }, { cwd, signal })).rejects.toThrow(
      "enough",
    );
  });
});

describe("readSignerFiles", () => {
  it("names keys by their files, and is nothing where nobody is named", async () => {
    using scratch = scratchFolder();
    const options = { cwd: scratch.path, env: {} };
    const { publicKey, keyId: id } = await generateKey();
    writeFileSync(join(scratch.path, "ci.pub"), publicKey);
    const found = await readSignerFiles({ keys: ["ci.pub"] }, options);
    expect(found).toMatchObject({ keys: [{ name: "ci" }], trustRoots: [], identities: [] });
    expect(found?.keys.map((key) => keyId(key.publicKey))).toEqual([id]);
    expect(await readSignerFiles({ keys: [] }, options)).toBeUndefined();
  });

  it("wants to know whose certificate counts", async () => {
    using scratch = scratchFolder();
    const cwd = scratch.path;
    const options = { cwd, env: {} };
    const given = { keys: [], trustedRoot: "root.json", identity: "a", issuer: "b" };
    for (const left of ["identity", "issuer"]) {
      await expect(readSignerFiles({ ...given, [left]: undefined }, options)).rejects.toMatchObject(
        { code: "CTXPACK_E_USAGE" },
      );
    }
    await expect(readSignerFiles(given, options)).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    writeFileSync(join(cwd, "root.json"), "{}");
    await expect(readSignerFiles(given, options)).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_TRUST_ROOT",
    });
    const mediaType = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
    writeFileSync(join(cwd, "root.json"), JSON.stringify({ mediaType }));
    expect(await readSignerFiles(given, options)).toMatchObject({
      keys: [],
      trustRoots: [{ name: "root.json" }],
      identities: [{ identity: "a", issuer: "b" }],
    });
  });

  it("has no trust root offline where none is kept", async () => {
    using scratch = scratchFolder();
    const env = { CTXPACK_TRUST_DIR: join(scratch.path, "trust") };
    const options = { cwd: scratch.path, env, offline: true };
    await expect(
      readSignerFiles({ keys: [], identity: "a", issuer: "b" }, options),
    ).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_TRUST_ROOT" });
  });
});

describe("openSigner", () => {
  it.each([
    ["nothing", {}, {}, "CTXPACK_E_USAGE"],
    ["a key and keyless", { key: "k.pem", keyless: true }, {}, "CTXPACK_E_USAGE"],
    ["a key that is not there", { key: "k.pem" }, {}, "CTXPACK_E_PATH_NOT_FOUND"],
    ["nobody", { keyless: true }, {}, "CTXPACK_E_AUTH"],
    [
      "a configuration that is not there",
      { keyless: true, signingConfig: "none.json" },
      { SIGSTORE_ID_TOKEN: "x" },
      "CTXPACK_E_PATH_NOT_FOUND",
    ],
  ])("refuses %s", async (_, choice, env, code) => {
    using scratch = scratchFolder();
    await expect(openSigner(choice, { cwd: scratch.path, env })).rejects.toMatchObject({ code });
  });

  it("has witnesses for a certificate, and for a key where a configuration names them", async () => {
    using scratch = scratchFolder();
    const cwd = scratch.path;
    const { privateKey } = await generateKey();
    writeFileSync(join(cwd, "k.pem"), privateKey, { mode: 0o600 });
    expect((await openSigner({ key: "k.pem" }, { cwd, env: {} })).witnesses).toEqual([]);
    const services = (url: string) => [{ url, majorApiVersion: 1, operator: "o" }];
    const config = {
      mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
      tsaUrls: services("https://tsa.example/api/v1/timestamp"),
      tsaConfig: { selector: "ANY" },
    };
    writeFileSync(join(cwd, "signing.json"), JSON.stringify(config));
    const choice = { key: "k.pem", signingConfig: "signing.json" };
    expect((await openSigner(choice, { cwd, env: {} })).witnesses).toHaveLength(1);
    writeFileSync(join(cwd, "signing.json"), JSON.stringify({ ...config, tsaUrls: [] }));
    await expect(openSigner(choice, { cwd, env: {} })).rejects.toMatchObject({
      code: "CTXPACK_E_CONFIG",
    });
    const env = { SIGSTORE_ID_TOKEN: "x" };
    expect((await openSigner({ keyless: true }, { cwd, env })).witnesses).toHaveLength(2);
  });
});
