// Two stages over undici's documentation; an update that leaves the text as it was does not embed again:
//   node examples/pipeline/pipeline.ts
import { appendFileSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CtxPack, type CtxUri } from "@ctxpack/client";
import { environment, expectThat, inWorkplace } from "../workplace.ts";

const here = import.meta.dirname;

/** Which stages did something; the other ones were hits. */
interface Ran {
  readonly extract: boolean;
  readonly embed: boolean;
}

async function runBoth(ctx: CtxPack): Promise<Ran> {
  const extracted = await ctx.run({
    contract: {
      inputs: [{ name: "docs", path: "docs", include: ["**/*.md"] }],
      command: ["node", "extract.ts", "{in}", "{out}"],
      transforms: [{ tool: "extract", tool_version: "1", code: ["extract.ts"] }],
      outputs: [{ path: "text" }],
    },
  });
  const embedded = await ctx.run({ contract: embedding(extracted.uri) });
  return { extract: !extracted.hit, embed: !embedded.hit };
}

/** The input is the first stage's output: what counts is the text it holds, not the URI it has. */
function embedding(text: CtxUri) {
  return {
    inputs: [{ name: "text", pack: text }],
    command: ["node", "embed.ts", "{in}", "{out}"],
    transforms: [
      { tool: "embed", tool_version: "1", model: "bag-of-words-64", code: ["embed.ts"] },
    ],
    outputs: [{ path: "vectors" }],
  };
}

await inWorkplace(async (cwd) => {
  const undici = dirname(createRequire(import.meta.url).resolve("undici"));
  cpSync(join(undici, "docs"), join(cwd, "docs"), { recursive: true });
  for (const file of ["extract.ts", "embed.ts"]) cpSync(join(here, file), join(cwd, file));
  await using ctx = await CtxPack.open({
    cwd,
    env: environment(),
    cacheDir: "store",
    pantries: [],
  });
  const agent = join(cwd, "docs/docs/api/Agent.md");
  const rows: [string, Ran][] = [];
  const step = async (what: string): Promise<Ran> => {
    const ran = await runBoth(ctx);
    rows.push([what, ran]);
    return ran;
  };

  await step("everything is new");
  await step("nothing has changed");
  appendFileSync(agent, "\n<!-- reviewed -->\n");
  writeFileSync(agent, readFileSync(agent, "utf8").replace(/\]\(/, "](https://example.org/moved/"));
  const cutOff = await step("a comment and the address of a link");
  appendFileSync(agent, "\nAn agent may hold many connections.\n");
  const changed = await step("a sentence");

  console.log(`${"".padEnd(38)}extract  embed`);
  for (const [what, { extract, embed }] of rows) {
    console.log(`${what.padEnd(38)}${extract ? "ran" : "hit"}      ${embed ? "ran" : "hit"}`);
  }
  expectThat(cutOff.extract && !cutOff.embed, "the text was the same: nothing was embedded again");
  expectThat(changed.extract && changed.embed, "the text was another: it was embedded again");
});
