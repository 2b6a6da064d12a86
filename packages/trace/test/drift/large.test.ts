import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  diffRuns,
  packRun,
  type Run,
  type RunPart,
  readRun,
  runFolder,
  type StepDraft,
  writeRunFolder,
} from "../../src/index.ts";
import { llm, tool, user } from "./runs.ts";

const COUNT = 100_000;

function step(n: number): StepDraft {
  if (n % 50 === 0) return user(`question ${n}`);
  return n % 2 === 0
    ? llm(`thought ${n % 97}`)
    : tool("read", { path: `f${n % 1000}` }, `${n % 13}`);
}

async function* parts(change: (n: number) => readonly StepDraft[]): AsyncGenerator<RunPart> {
  for (let n = 0; n < COUNT; n++) for (const one of change(n)) yield { step: one };
}

async function onDisk(folder: string, change: (n: number) => readonly StepDraft[]): Promise<Run> {
  const { config } = await writeRunFolder(packRun(parts(change)), folder);
  return readRun(config, runFolder(folder));
}

test("100,000 steps: an insertion, a removal, a change; then every tenth step another", async () => {
  const dir = await mkdtemp(join(tmpdir(), "ctxpack-drift-"));
  try {
    const a = await onDisk(join(dir, "a"), (n) => [step(n)]);
    const b = await onDisk(join(dir, "b"), (n) => {
      if (n === 10) return [tool("grep", { pattern: "x" }, "none"), step(n)];
      if (n === 50_000) return [];
      return n === 90_001 ? [tool("read", { path: "f1" }, "another")] : [step(n)];
    });
    const few = await diffRuns(a, b);
    expect(few.entries.map(({ type, change, steps }) => [type, change, steps])).toEqual([
      ["tool_drift", "added", { b: 10 }],
      ["prompt_drift", "removed", { a: 50_000 }],
      ["reasoning_drift", "changed", { a: 90_001, b: 90_001 }],
    ]);
    expect(few.steps.same).toBe(COUNT - 2);

    const c = await onDisk(join(dir, "c"), (n) => [n % 10 === 3 ? llm(`other ${n}`) : step(n)]);
    const before = process.memoryUsage().heapUsed;
    const many = await diffRuns(a, c, { maxEntries: 100 });
    expect(many.entries).toHaveLength(100);
    // As many tool calls went as answers came: each is told of once.
    expect(many.steps.removed).toBe(many.steps.added);
    expect(many.steps.added).toBeGreaterThan(0);
    expect(many.steps.same).toBeGreaterThanOrEqual(COUNT * 0.85);
    // 16 bytes of keys a step and what is collected lazily; the steps themselves are 20 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(256 * 1024 * 1024);
  } finally {
    await rm(dir, { recursive: true });
  }
});
