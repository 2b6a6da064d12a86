// The main job on real input, every step a real process: contract → URI → seed → push → pull → query.
// The corpus is undici's own documentation; the pipeline writes an SQLite search index.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { search } from "./search.ts";

const here = import.meta.dirname;
const { resolve } = createRequire(import.meta.url);
const ctxpack = join(dirname(resolve("@ctxpack/cli/package.json")), "bin/ctxpack.cjs");
const question = "How do I limit the size of a response body?";

/** What one process did: its stdout without the last newline, its exit code, wall time in seconds. */
interface Done {
  readonly stdout: string;
  readonly exitCode: number;
  readonly seconds: number;
}

const work = mkdtempSync(join(tmpdir(), "ctxpack-demo-"));
let store = "store-a";

/** Runs a command in the work folder as a user would, echoing the command and what it says. */
function run(shown: string, command: readonly string[], expected = 0): Done {
  console.log(`\n$ ${shown}`);
  const started = performance.now();
  const child = spawnSync(process.execPath, command, {
    cwd: work,
    encoding: "utf8",
    env: { ...process.env, CTXPACK_CACHE_DIR: join(work, store) },
  });
  const seconds = (performance.now() - started) / 1000;
  if (child.error) throw child.error;
  process.stdout.write(child.stderr + child.stdout);
  if (child.status !== expected) {
    throw new Error(`${shown}: exit code ${child.status}, expected ${expected}`);
  }
  return { stdout: child.stdout.trimEnd(), exitCode: child.status, seconds };
}

function cli(args: string, expected?: number): Done {
  return run(`ctxpack ${args}`, [ctxpack, ...args.split(" ")], expected);
}

function title(text: string): void {
  console.log(`\n\x1b[1m── ${text}\x1b[0m`);
}

function edit(file: string, change: (text: string) => string): void {
  const path = join(work, file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

/** What a pipeline asks before it computes: 0 is a hit, 3 a miss. */
function lookUp(expected: 0 | 3): string {
  const uri = cli("id contract.yaml").stdout;
  cli("exists contract.yaml", expected);
  return uri;
}

function main(): void {
  const docs = join(dirname(resolve("undici")), "docs");
  cpSync(docs, join(work, "docs"), { recursive: true });
  cpSync(join(here, "index-docs.ts"), join(work, "index-docs.ts"));
  cpSync(join(here, "contract.yaml"), join(work, "contract.yaml"));

  title("1. Machine A: a real pipeline over undici's documentation (46 Markdown files or so)");
  console.log(readFileSync(join(work, "contract.yaml"), "utf8"));
  const argv = ["index-docs.ts", "docs", "index", "1200", "256", "5"];
  const computed = run(`node ${argv.join(" ")}`, argv);
  console.log(`computed in ${computed.seconds.toFixed(2)} s`);

  title("2. Its URI; the output seeded into A's store and pushed to a directory pantry");
  const uri = cli("id contract.yaml").stdout;
  cli("seed index --contract contract.yaml");
  cli(`push ${uri} --to oci:./pantry`);

  title("3. Machine B: an empty store pulls by URI and answers from the index");
  store = "store-b";
  const pulled = cli(`pull ${uri} --from oci:./pantry`);
  const answers = search(pulled.stdout, question);
  if (answers.length === 0) throw new Error("the pulled index has no answer");
  console.log(`\n? ${question}`);
  for (const answer of answers) {
    console.log(`  ${answer.path}: ${answer.heading}\n      ${answer.passage}`);
  }
  console.log(
    `\ncomputed in ${computed.seconds.toFixed(2)} s, pulled in ${pulled.seconds.toFixed(2)} s; ` +
      "the first grows with the work, the second with the bytes",
  );

  title("4. What changes the URI");
  console.log("\none param, 1200 → 800:");
  edit("contract.yaml", (text) => text.replace("section_chars: 1200", "section_chars: 800"));
  const otherParam = lookUp(3);
  edit("contract.yaml", (text) => text.replace("section_chars: 800", "section_chars: 1200"));

  console.log("\none byte of one document:");
  const changed = "docs/docs/api/Agent.md";
  edit(changed, (text) => `${text} `);
  const otherByte = lookUp(3);
  edit(changed, (text) => text.slice(0, -1));

  console.log("\nthe same again:");
  const same = lookUp(0);

  if (same !== uri || new Set([uri, otherParam, otherByte]).size !== 3) {
    throw new Error("the URIs are not what they must be");
  }
  console.log("\nAll of this was real: run it again with `pnpm demo`, read it in examples/demo/.");
}

try {
  main();
} finally {
  rmSync(work, { recursive: true, force: true });
}
