import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run } from "../run.ts";
import { packed, published } from "./published.ts";

cleanUp();

test("says what a policy takes, and whether it takes a pack", async () => {
  const { cwd, uri } = await packed();
  const pantry = `oci:${join(cwd, "pantry")}`;
  const publicKey = readFileSync(join(cwd, "k.pub"), "utf8");
  const rules = [{ require: [{ signers: ["ann"] }] }];
  const policy = { schema: "ctxpack.policy/v1", signers: { ann: { publicKey } }, rules };
  writeFileSync(join(cwd, "p.json"), JSON.stringify(policy));
  const explain = ["policy", "explain", "--policy", "p.json"];
  expect(await result(explain, { cwd })).toContain("ann");
  published("policy explain", await run([...explain, "--json"], { cwd }));
  expect(await result([...explain, uri], { cwd })).toContain("was made here");
  await result(["push", uri, "--to", pantry], { cwd });
  const there = [...explain, uri, "--from", pantry];
  expect((await run(there, { cwd })).code).toBe(6);
  await result(["attest", uri, "--key", "k.pem", "--to", pantry], { cwd });
  const taken = await run([...there, "--json"], { cwd });
  expect(taken.code).toBe(0);
  published("policy explain", taken);
});

test("without a policy there is nothing to explain", async () => {
  const { cwd } = await packed();
  expect((await run(["policy", "explain"], { cwd })).code).toBe(2);
});
