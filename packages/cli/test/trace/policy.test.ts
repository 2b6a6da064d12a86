// Who is believed about a run: policies are about contracts and runs, and a rule about tools says nothing of a run.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { json, packLog } from "./logs.ts";

cleanUp();

function policy(cwd: string, file: string, ...rules: readonly object[]): string {
  const publicKey = readFileSync(join(cwd, "k.pub"), "utf8");
  const value = { schema: "ctxpack.policy/v1", signers: { k: { publicKey } }, rules };
  writeFileSync(join(cwd, file), JSON.stringify(value));
  return file;
}

test("a rule without tools accepts a signed run, one with tools does not", async () => {
  const cwd = scratch();
  await result(["keygen", "--out", "k.pem"], { cwd });
  const uri = await packLog(cwd, { outputs: { "o.txt": "out\n" } });
  writeFileSync(join(cwd, "o.txt"), "out\n");
  const require = [{ signers: ["k"] }];
  const open = policy(cwd, "open.json", { require });
  const byTool = policy(cwd, "by-tool.json", { tools: ["ocr"], require });
  const anyTool = policy(cwd, "any-tool.json", { tools: ["*"], require });
  const builds = policy(cwd, "builds.json", {
    require: [{ ...require[0], buildTypes: ["https://ctxpack.dev/buildtypes/agent-run/v1"] }],
  });
  const code = async (...args: string[]) => (await run(args, { cwd })).code;

  // Nobody has signed it yet.
  expect(await code("verify", uri, "--policy", open)).toBe(6);
  expect(await code("trace", "verify", "o.txt", "--policy", open)).toBe(6);
  await result(["attest", uri, "--key", "k.pem"], { cwd });
  for (const file of [open, builds]) {
    expect(await code("verify", uri, "--policy", file), file).toBe(0);
    expect(await code("trace", "verify", "o.txt", "--policy", file), file).toBe(0);
  }
  for (const file of [byTool, anyTool]) {
    const refused = await run(["verify", uri, "--policy", file], { cwd });
    expect(refused.code, file).toBe(6);
    expect(refused.stderr).toContain(`no rule of ${join(cwd, file)} is about`);
    expect(refused.stderr).toContain("and no tool, so it is refused");
    expect(await code("trace", "verify", "o.txt", "--policy", file), file).toBe(6);
    expect(await code("trace", "show", uri), file).toBe(0);
  }
  const contracts = policy(cwd, "contracts.json", {
    require: [{ ...require[0], buildTypes: ["https://ctxpack.dev/buildtypes/contract-pack/v1"] }],
  });
  expect(await code("verify", uri, "--policy", contracts)).toBe(6);

  // A policy that is set: runs made here are the user's own, what came from elsewhere and is refused is not listed.
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const policed = { CTXPACK_POLICY: join(cwd, byTool) };
  const other = { CTXPACK_CACHE_DIR: join(cwd, "other") };
  await result(["pull", uri, "--from", "oci:pantry"], { cwd, env: other });
  const own = await run(["trace", "log"], { cwd, env: policed });
  expect(own.stdout).toContain(uri.slice(13, 25));
  const env = { ...other, ...policed };
  const listed = await run(["trace", "log"], { cwd, env });
  expect(listed.stdout).not.toContain(uri.slice(13, 25));
  expect(listed.stderr).toContain(`${uri} is left out`);
  const file = await run(["trace", "verify", "o.txt"], { cwd, env });
  expect(file, file.stdout).toMatchObject({ code: 6, stdout: "" });
  const shown = await run(["trace", "show", uri, "--from", "oci:pantry"], { cwd, env });
  expect(shown, shown.stderr).toMatchObject({ code: 6, stdout: "" });
  // Under a policy that takes it, it is shown by the proofs of the pantry, and by the store's from then on.
  const trusting = { ...other, CTXPACK_POLICY: join(cwd, open) };
  for (const from of [["--from", "oci:pantry"], []]) {
    const seen = await run(["trace", "show", uri, ...from], { cwd, env: trusting });
    expect(seen.code, seen.stderr).toBe(0);
  }
});

test("inspect of a signed fork names its parent, and so does what was signed", async () => {
  const cwd = scratch();
  await result(["keygen", "--out", "k.pem"], { cwd });
  const parent = await packLog(cwd);
  const draft = await result(["trace", "fork", parent], { cwd });
  writeFileSync(join(draft, "system/1.txt"), "Be brief.");
  const fork = await result(["trace", "finalize", draft], { cwd });
  await result(["attest", fork, "--key", "k.pem"], { cwd });
  expect(await result(["inspect", fork], { cwd })).toContain(parent.slice(6));
  expect(JSON.stringify(await json(cwd, "inspect", fork))).toContain(parent);
  const deps = policy(cwd, "deps.json", {
    require: [{ signers: ["k"] }],
    dependencies: "verify",
  });
  // Where packs among what it was made from have to be accepted, too, its parent has to be: nobody has signed that yet.
  const env = { CTXPACK_CACHE_DIR: join(cwd, "other") };
  const verified = () =>
    run(["verify", fork, "--policy", deps, "--from", "oci:pantry"], { cwd, env });
  for (const uri of [parent, fork]) await result(["push", uri, "--to", "oci:pantry"], { cwd });
  expect((await verified()).code).toBe(6);
  await result(["attest", parent, "--key", "k.pem", "--to", "oci:pantry"], { cwd });
  const accepted = await verified();
  expect(accepted.code, accepted.stderr).toBe(0);
});
