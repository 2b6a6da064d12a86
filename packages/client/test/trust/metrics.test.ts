import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { pushedIn, signerIn } from "./trusting.ts";

test("a sink hears of what is verified and signed", async () => {
  using scratch = scratchFolder();
  const cwd = scratch.path;
  await signerIn(cwd, "team");
  const uri = await pushedIn(cwd, "team");
  const heard: string[] = [];
  const metrics = {
    counter: (name: string) => void heard.push(name),
    histogram: (name: string) => void heard.push(name),
    gauge: (name: string) => void heard.push(name),
  };
  const options = { cwd, env: { HOME: cwd }, cacheDir: join(cwd, "b"), pantries: ["oci:pantry"] };
  await using ctx = await CtxPack.open({ ...options, policy: "team.json", metrics });
  await ctx.pull(uri);
  expect(heard).toContain("proof_artifacts.verify.result_count");
  await ctx.attest(uri, { key: "team.pem" });
  expect(heard).toContain("proof_artifacts.sign.duration_ms");
});
