import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityToken, startSigstore } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { cleanUp, result, run } from "../run.ts";
import { packed, published } from "./published.ts";

cleanUp();

test("prints the digest of the bundle, and says what was signed on stderr", async () => {
  const { cwd, uri } = await packed();
  const done = await run(["attest", uri, "--key", "k.pem"], { cwd });
  expect(done.code).toBe(0);
  expect(done.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect(done.stderr).toMatch(/signed for sha256:.* made by .*builders\/run\/v1/);
});

test("--json has the published shape, with and without a pantry", async () => {
  const { cwd, uri } = await packed();
  const pantry = `oci:${join(cwd, "pantry")}`;
  const here = published("attest", await run(["attest", uri, "--key", "k.pem", "--json"], { cwd }));
  expect(here).not.toHaveProperty("pantry");
  await result(["push", uri, "--to", pantry], { cwd });
  const args = ["attest", uri, "--key", "k.pem", "--to", pantry, "--json"];
  expect(published("attest", await run(args, { cwd }))).toMatchObject({ uri, pantry });
});

test("what cannot be signed, and the exit code of each", async () => {
  const { cwd, uri } = await packed();
  const absent = `ctx://sha256:${"0".repeat(64)}`;
  const cases: [string[], number][] = [
    [[uri], 2],
    [[uri, "--key", "none.pem"], 2],
    [[uri, "--key", "k.pub"], 2],
    [[absent, "--key", "k.pem"], 3],
    [[uri, "--key", "k.pem", "--to", `oci:${join(cwd, "empty")}`], 3],
  ];
  for (const [args, code] of cases) {
    const done = await run(["attest", ...args, "--json"], { cwd });
    expect({ args, code: done.code }, done.stdout).toEqual({ args, code });
    published("error", done);
  }
});

test("push --attest opens what it signs with before anything is sent", async () => {
  const { cwd, uri } = await packed();
  const push = ["push", uri, "--to", "oci:pantry", "--attest"];
  const cases: [string[], number][] = [
    [[], 2],
    [["--key", "none.pem"], 2],
    [["--key", "k.pub"], 2],
    [["--keyless"], 4],
  ];
  for (const [args, code] of cases) {
    const done = await run([...push, ...args], { cwd });
    expect({ args, code: done.code }, done.stderr).toEqual({ args, code });
    expect(existsSync(join(cwd, "pantry"))).toBe(false);
  }
});

test("what cannot be signed is not found in the pantry: the proof comes before the tag", async () => {
  const { cwd, uri } = await packed();
  const push = ["push", uri, "--to", "oci:pantry", "--attest"];
  // Only who asks for the certificate notices that the token has expired.
  const env = { SIGSTORE_ID_TOKEN: identityToken({ exp: 1 }) };
  expect((await run([...push, "--keyless"], { cwd, env })).code).toBe(4);
  expect((await run(["exists", uri, "--from", "oci:pantry"], { cwd })).code).not.toBe(0);
  expect(tagsIn(cwd)).toEqual([]);
  await result([...push, "--key", "k.pem"], { cwd });
  expect((await run(["verify", uri, "--key", "k.pub", "--from", "oci:pantry"], { cwd })).code).toBe(
    0,
  );
});

/** The tags of the pantry. */
function tagsIn(cwd: string): string[] {
  const { manifests } = JSON.parse(readFileSync(join(cwd, "pantry/index.json"), "utf8"));
  return manifests.flatMap(
    (one: { annotations?: Record<string, string> }) =>
      one.annotations?.["org.opencontainers.image.ref.name"] ?? [],
  );
}

test("a key with a signing configuration: its authority and its log witness the signature", async () => {
  await using sigstore = await startSigstore();
  const { cwd, uri } = await packed();
  writeFileSync(join(cwd, "signing.json"), sigstore.signingConfig);
  writeFileSync(join(cwd, "trusted.json"), sigstore.trustedRoot);
  const sha256 = createHash("sha256").update(sigstore.trustedRoot).digest("hex");
  const publicKey = readFileSync(join(cwd, "k.pub"), "utf8");
  const policy = {
    schema: "ctxpack.policy/v1",
    trustRoots: { own: { file: "trusted.json", sha256 } },
    signers: { me: { publicKey, times: 1, logEntries: 1 } },
    rules: [{ require: [{ signers: ["me"], maxAge: "PT1H" }] }],
  };
  writeFileSync(join(cwd, "policy.json"), JSON.stringify(policy));
  const verify = ["verify", uri, "--policy", "policy.json", "--offline"];
  await result(["attest", uri, "--key", "k.pem"], { cwd });
  expect((await run(verify, { cwd })).code).toBe(6);
  const signing = ["--key", "k.pem", "--signing-config"];
  expect((await run(["attest", uri, ...signing, "none.json"], { cwd })).code).toBe(2);
  await result(["attest", uri, ...signing, "signing.json"], { cwd });
  expect(await run(verify, { cwd })).toMatchObject({ code: 0 });
  expect((await sigstore.requests("fulcio")).length).toBe(0);
  // Who knows no authority looks at no witness.
  expect((await run(["verify", uri, "--key", "k.pub", "--offline"], { cwd })).code).toBe(0);
});
