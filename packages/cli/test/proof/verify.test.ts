import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  identityToken,
  missingProgram,
  startSigstore,
  TEST_IDENTITY,
  TEST_ISSUER,
} from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { bin, cleanUp, result, run } from "../run.ts";
import { packed, published } from "./published.ts";

cleanUp();

test("without a key only integrity is checked, and that is said", async () => {
  const { cwd, uri } = await packed();
  const done = await run(["verify", uri], { cwd });
  expect(done).toMatchObject({ code: 0, stdout: `${uri}\n` });
  expect(done.stderr).toContain("who made this was not checked");
});

test("with a key: nobody, somebody else, the right one", async () => {
  const { cwd, uri } = await packed();
  await result(["keygen", "--out", "other.pem"], { cwd });
  const verify = (key: string) =>
    run(["verify", uri, "--key", key, "--offline", "--json"], { cwd });
  const unsigned = await verify("k.pub");
  expect(unsigned.code).toBe(6);
  expect(published("error", unsigned)).toMatchObject({
    error: { code: "CTXPACK_E_PROOF_MISSING" },
  });
  await result(["attest", uri, "--key", "k.pem"], { cwd });
  const stranger = await verify("other.pub");
  expect(stranger.code).toBe(6);
  expect(published("error", stranger)).toMatchObject({ error: { code: "CTXPACK_E_PROOF_KEY" } });
  const right = await verify("k.pub");
  expect(right.code).toBe(0);
  expect(published("verify", right)).toMatchObject({ uri, verified: "proof" });
});

test("with several keys each of them counts, whatever their files are called", async () => {
  const { cwd, uri } = await packed();
  for (const name of ["ci", "ci-2"]) await result(["keygen", "--out", `${name}.pem`], { cwd });
  await result(["attest", uri, "--key", "ci-2.pem"], { cwd });
  for (const keys of [
    ["ci-2.pub", "ci.pub"],
    ["ci.pub", "ci-2.pub"],
  ]) {
    const flags = keys.flatMap((key) => ["--key", key]);
    expect(await run(["verify", uri, ...flags, "--offline"], { cwd })).toMatchObject({ code: 0 });
  }
});

test("keyless: signed by a certificate; held against a trusted root, and against a pinned TUF root", async () => {
  await using sigstore = await startSigstore();
  const { cwd, uri } = await packed();
  const { tuf } = sigstore.urls;
  writeFileSync(join(cwd, "signing.json"), sigstore.signingConfig);
  writeFileSync(join(cwd, "trusted.json"), sigstore.trustedRoot);
  writeFileSync(join(cwd, "root.json"), sigstore.tufRoot);
  const token = { SIGSTORE_ID_TOKEN: identityToken() };
  const sign = ["attest", uri, "--keyless", "--signing-config", "signing.json"];
  expect(await run(sign, { cwd, env: token })).toMatchObject({ code: 0 });
  const shown = await result(["inspect", uri], { cwd });
  const said = `with a certificate of ${TEST_IDENTITY} by ${TEST_ISSUER}, which is not verified here`;
  expect(shown).toContain(said);

  const who = ["--issuer", TEST_ISSUER, "--trusted-root", "trusted.json", "--offline"];
  const verified = await run(["verify", uri, "--identity", TEST_IDENTITY, ...who], { cwd });
  expect(verified).toMatchObject({ code: 0, stdout: `${uri}\n` });
  const wrong = await run(["verify", uri, "--identity", "eve@example.com", ...who], { cwd });
  expect(wrong.code).toBe(6);

  const policy = (sha256: string) => ({
    schema: "ctxpack.policy/v1",
    trustRoots: { own: { tuf, root: "root.json", sha256 } },
    signers: { ci: { identity: TEST_IDENTITY, issuer: TEST_ISSUER, trustRoot: "own" } },
    rules: [{ require: [{ signers: ["ci"] }] }],
  });
  const digest = createHash("sha256").update(sigstore.tufRoot).digest("hex");
  writeFileSync(join(cwd, "tuf.json"), JSON.stringify(policy(digest)));
  writeFileSync(join(cwd, "bent.json"), JSON.stringify(policy("0".repeat(64))));
  const env = { CTXPACK_TRUST_DIR: join(cwd, "trust") };
  const check = ["verify", uri, "--policy", "tuf.json"];
  const offline = await run([...check, "--offline"], { cwd, env });
  expect(offline.code).toBe(6);
  expect(offline.stderr).toMatch(/offline, and of the trust root .* there is none/);
  const busy = { status: 503, headers: { "retry-after": "0" } };
  await sigstore.fault("tuf", ...Array.from({ length: 100 }, () => busy));
  const down = await run([...check, "--json"], { cwd, env });
  expect(down.code).toBe(7);
  expect(published("error", down)).toMatchObject({ error: { code: "CTXPACK_E_UNAVAILABLE" } });
  await sigstore.fault("tuf");
  expect(await run(check, { cwd, env })).toMatchObject({ code: 0, stdout: `${uri}\n` });
  expect((await run([...check, "--offline"], { cwd, env })).code).toBe(0);
  expect((await run(["verify", uri, "--policy", "bent.json"], { cwd, env })).code).toBe(6);
});

test.skipIf(missingProgram("strace"))("--offline opens no socket", async () => {
  const { cwd, uri } = await packed();
  await result(["attest", uri, "--key", "k.pem"], { cwd });
  const trace = join(cwd, "trace");
  const strace = ["-f", "-qq", "-e", "trace=execve,socket,connect", "-o", trace];
  const verify = [process.execPath, bin, "verify", uri, "--key", "k.pub", "--offline"];
  const store = await result(["cache", "path"], { cwd });
  const stdout = execFileSync("strace", [...strace, ...verify], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: cwd, CTXPACK_CACHE_DIR: store },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(stdout).toBe(`${uri}\n`);
  const calls = readFileSync(trace, "utf8");
  expect(calls).toContain("execve(");
  expect(calls).not.toMatch(/socket\(AF_INET|connect\(/);
});
