import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, run, scratch } from "../run.ts";
import { packed, published } from "./published.ts";

cleanUp();

test("prints the fingerprint only, and writes the private key for its owner alone", async () => {
  const cwd = scratch();
  const done = await run(["keygen", "--out", "k.pem"], { cwd });
  expect(done.code).toBe(0);
  expect(done.stdout).toMatch(/^SHA256:[A-Za-z0-9+/]{43}\n$/);
  expect(done.stderr).toContain("not encrypted");
  expect(statSync(join(cwd, "k.pem")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(cwd, "k.pub"), "utf8")).toMatch(/^-----BEGIN PUBLIC KEY-----/);
});

test("overwrites nothing", async () => {
  const cwd = scratch();
  await run(["keygen", "--out", "k.pem"], { cwd });
  const before = readFileSync(join(cwd, "k.pem"), "utf8");
  const again = await run(["keygen", "--out", "k.pem", "--json"], { cwd });
  expect(again.code).not.toBe(0);
  published("error", again);
  expect(readFileSync(join(cwd, "k.pem"), "utf8")).toBe(before);
});

test.each(["ecdsa-p256", "ed25519"])("--json of %s has the published shape", async (algorithm) => {
  const cwd = scratch();
  const args = ["keygen", "--out", "k.pem", "--algorithm", algorithm, "--json"];
  const done = await run(args, { cwd });
  expect(published("keygen", done)).toMatchObject({ algorithm, encrypted: false });
});

test("without a place, or with an algorithm that is none, it is a usage error", async () => {
  const cwd = scratch();
  expect((await run(["keygen"], { cwd })).code).toBe(2);
  expect((await run(["keygen", "--out", "k", "--algorithm", "rsa"], { cwd })).code).toBe(2);
});

test("a passphrase encrypts the key, and is needed to sign", async () => {
  const { cwd, uri } = await packed();
  const env = { CTXPACK_KEY_PASSPHRASE: "correct horse" };
  const made = await run(["keygen", "--out", "locked.pem", "--json"], { cwd, env });
  expect(published("keygen", made)).toMatchObject({ encrypted: true });
  expect(made.stdout + made.stderr).not.toContain("correct horse");
  expect(readFileSync(join(cwd, "locked.pem"), "utf8")).toContain("ENCRYPTED");
  const attest = ["attest", uri, "--key", "locked.pem", "--json"];
  for (const wrong of [{}, { CTXPACK_KEY_PASSPHRASE: "battery" }]) {
    const done = await run(attest, { cwd, env: wrong });
    expect(done.code).toBe(2);
    expect(published("error", done)).toMatchObject({ error: { code: "CTXPACK_E_KEY_FILE" } });
  }
  published("attest", await run(attest, { cwd, env }));
});
