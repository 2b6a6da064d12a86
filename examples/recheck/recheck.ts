// Is it deterministic? A step that is not, found and repaired:
//   node examples/recheck/recheck.ts
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { environment, expectThat, inWorkplace } from "../workplace.ts";

/** A step that samples; what it leaves out of its contract decides the output. */
function contract(pick: string) {
  const program = `
    const all = Array.from({ length: 100 }, (_, id) => ({ id, score: (id * 37) % 100 }));
    const picked = ${pick};
    require("node:fs").writeFileSync(process.argv[1], JSON.stringify({ total: all.length, picked }));`;
  return {
    command: ["node", "-e", program, "{out}"],
    transforms: [{ tool: "sample", tool_version: "1" }],
    outputs: [{ path: "sample.json" }],
  };
}

await inWorkplace(async (cwd) => {
  await using ctx = await CtxPack.open({
    cwd,
    env: environment(),
    cacheDir: "store",
    pantries: [],
  });
  const random = contract("all.filter(() => Math.random() < 0.5)");
  const { uri } = await ctx.run({ contract: random });
  writeFileSync(join(cwd, "sample.json"), "mine");
  const checked = await ctx.recheck({ contract: random, times: 2 });
  for (const { same, outputs } of checked.runs) {
    const where = outputs.map(({ path, pointer, byte }) => `${path} at ${pointer}, byte ${byte}`);
    console.log(same ? "the same" : `another output: ${where.join("; ")}`);
  }
  expectThat(
    checked.runs.every(({ same }) => !same),
    "a random sample is another one each time",
  );
  const described = await ctx.inspect(uri);
  const known = "rechecks" in described ? described.rechecks : undefined;
  expectThat(known?.different === 2, "the store remembers that it is not deterministic");

  const seeded = contract("all.filter(({ score }) => score < 50)");
  await ctx.run({ contract: seeded });
  const again = await ctx.recheck({ contract: seeded, times: 2 });
  expectThat(
    again.runs.every(({ same }) => same),
    "a sample by score is the same each time",
  );
});
