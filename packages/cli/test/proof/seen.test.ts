// The memory of what was accepted, damaged: nothing is accepted by an empty one in its place, and fsck names it.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run } from "../run.ts";
import { packed, published } from "./published.ts";

cleanUp();

/** A signed pack in a pantry, a store `b` that took it under a policy, and that store's `seen.db` overwritten. */
async function damaged() {
  const { cwd, uri } = await packed();
  await result(["push", uri, "--to", "oci:pantry", "--attest", "--key", "k.pem"], { cwd });
  const publicKey = readFileSync(join(cwd, "k.pub"), "utf8");
  const rules = [{ require: [{ signers: ["k"] }] }];
  const policy = { schema: "ctxpack.policy/v1", signers: { k: { publicKey } }, rules };
  writeFileSync(join(cwd, "policy.json"), JSON.stringify(policy));
  const store = { CTXPACK_CACHE_DIR: join(cwd, "b") };
  const b = async (...args: string[]) => await run(args, { cwd, env: store });
  const pull = ["pull", uri, "--from", "oci:pantry", "--policy", "policy.json"];
  expect(await b(...pull)).toMatchObject({ code: 0 });
  const file = join(cwd, "b/seen.db");
  expect(existsSync(file)).toBe(true);
  writeFileSync(file, Buffer.alloc(8192, "no database"));
  return { uri, b, pull, file, policy: join(cwd, "policy.json") };
}

test("verify and pull under a policy stop with exit 5, and say what to do", async () => {
  const { uri, b, pull, file, policy } = await damaged();
  // Another policy, that has accepted nothing yet.
  writeFileSync(policy, `${readFileSync(policy, "utf8")}\n`);
  for (const args of [["verify", uri, "--policy", "policy.json"], pull]) {
    const done = await b(...args, "--json");
    expect({ args, code: done.code }, done.stderr).toEqual({ args, code: 5 });
    expect(published("error", done)).toMatchObject({
      error: { code: "CTXPACK_E_STORE_DAMAGED", details: { path: file } },
    });
  }
  // Bytes alone need no memory.
  expect((await b("verify", uri)).code).toBe(0);
  rmSync(file);
  expect((await b("verify", uri, "--policy", "policy.json")).code).toBe(0);
});

test("fsck names it, and never replaces it by an empty one", async () => {
  const { b, file } = await damaged();
  const before = readFileSync(file);
  for (const flags of [[], ["--repair"]]) {
    const done = await b("fsck", ...flags, "--json");
    expect({ flags, code: done.code }).toEqual({ flags, code: 5 });
    expect(published("fsck", done)).toMatchObject({
      clean: false,
      damages: [{ kind: "seen-damaged", path: file, uris: [], state: "found" }],
    });
    expect(readFileSync(file)).toEqual(before);
  }
});
