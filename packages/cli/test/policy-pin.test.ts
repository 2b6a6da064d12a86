// `--policy-sha256`: a policy file that somebody changed judges nothing.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packed, published } from "./proof/published.ts";
import { cleanUp, result, run } from "./run.ts";

cleanUp();

test("the pinned file is taken; with other bytes it is exit 2, also where nothing would be judged", async () => {
  const { cwd, uri } = await packed();
  const publicKey = readFileSync(join(cwd, "k.pub"), "utf8");
  const rules = [{ require: [{ signers: ["k"] }] }];
  const policy = { schema: "ctxpack.policy/v1", signers: { k: { publicKey } }, rules };
  const file = join(cwd, "policy.json");
  writeFileSync(file, JSON.stringify(policy));
  const hex = createHash("sha256").update(readFileSync(file)).digest("hex");
  const pinned = ["--policy", "policy.json", "--policy-sha256", hex];
  await result(["attest", uri, "--key", "k.pem"], { cwd });
  await result(["verify", uri, ...pinned], { cwd });
  await result(["pull", uri, ...pinned], { cwd });
  expect(await result(["policy", "explain", ...pinned], { cwd })).toContain("policy.json");
  appendFileSync(file, "\n");
  for (const command of [["verify", uri], ["pull", uri], ["policy", "explain"], ["status"]]) {
    const done = await run([...command, ...pinned, "--json"], { cwd });
    expect({ command, code: done.code }).toEqual({ command, code: 2 });
    expect(published("error", done)).toMatchObject({ error: { code: "CTXPACK_E_CONFIG" } });
  }
  const untrusting = ["run", "--contract", "c.json", "--force", "--on-untrusted", "miss"];
  expect((await run([...untrusting, ...pinned], { cwd })).code).toBe(2);
});

test("a pin that is none, or of nothing", async () => {
  const { cwd, uri } = await packed();
  writeFileSync(join(cwd, "policy.json"), "{}");
  const hex = "0".repeat(64);
  for (const flags of [
    ["--policy-sha256", hex],
    ["--policy", "policy.json", "--policy-sha256", "1"],
    ["--policy", "policy.json", "--policy-sha256", "A".repeat(64)],
  ]) {
    const done = await run(["pull", uri, ...flags, "--json"], { cwd });
    expect({ flags, code: done.code }).toEqual({ flags, code: 2 });
    expect(published("error", done)).toMatchObject({ error: { code: "CTXPACK_E_USAGE" } });
  }
});
