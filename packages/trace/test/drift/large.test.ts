import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  packRun,
  type RunDiff,
  type RunPart,
  type StepDraft,
  writeRunFolder,
} from "../../src/index.ts";
import { llm, tool, user } from "./runs.ts";

const COUNT = 100_000;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ctxpack-drift-"));
  await write("a", (n) => [step(n)]);
});
afterAll(() => rm(dir, { recursive: true }));

/** Like a real run: some questions, many calls; few steps are like no other. Each takes about a kilobyte. */
function step(n: number): StepDraft {
  if (n % 50 === 0) return user(`question ${n}`);
  const pad = "x".repeat(900);
  return n % 2 === 0
    ? llm(`thought ${n % 97} ${pad}`)
    : tool("read", { path: `f${n % 1000}` }, `${n % 13} ${pad}`);
}

async function write(name: string, change: (n: number) => readonly StepDraft[]): Promise<void> {
  async function* parts(): AsyncGenerator<RunPart> {
    for (let n = 0; n < COUNT; n++) for (const one of change(n)) yield { step: one };
  }
  const { config } = await writeRunFolder(packRun(parts()), join(dir, name, "tree"));
  await writeFile(join(dir, name, "head.json"), config);
}

/** In a process whose heap is smaller than one of the runs. */
async function compare(a: string, b: string): Promise<Pick<RunDiff, "entries" | "steps">> {
  const script = fileURLToPath(new URL("large-diff.ts", import.meta.url));
  const flags = ["--max-old-space-size=80", "--conditions=@ctxpack/source", "--no-warnings"];
  const argv = [...flags, script, join(dir, a), join(dir, b)];
  const options = { maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(process.execPath, argv, options);
  return JSON.parse(stdout);
}

test("100,000 steps: one put in, one taken out, one changed", async () => {
  await write("few", (n) => {
    if (n === 10) return [tool("grep", { pattern: "x" }, "none"), step(n)];
    if (n === 50_000) return [];
    return n === 90_001 ? [tool("read", { path: "f1" }, "another")] : [step(n)];
  });
  const { entries, steps } = await compare("a", "few");
  expect(entries.map(({ type, change, steps: at }) => [type, change, at])).toEqual([
    ["tool_drift", "added", { b: 10 }],
    ["prompt_drift", "removed", { a: 50_000 }],
    ["reasoning_drift", "changed", { a: 90_001, b: 90_001 }],
  ]);
  expect(steps).toEqual({ same: COUNT - 2, changed: 1, added: 1, removed: 1, moved: 0 });
});

test("100,000 steps of which every tenth is another", async () => {
  await write("many", (n) => [n % 10 === 3 ? llm(`other ${n}`) : step(n)]);
  const { entries, steps } = await compare("a", "many");
  expect(entries).toHaveLength(100);
  // As many answers came as calls went: each is told of once, and nothing else is.
  expect(steps).toEqual({ same: 90_000, changed: 0, added: 10_000, removed: 10_000, moved: 0 });
});
