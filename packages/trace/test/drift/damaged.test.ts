import { expect, test } from "vitest";
import { diffRuns, finalizeFork, forkRun, readRun, STEPS_PATH } from "../../src/index.ts";
import { memoryFiles, packInMemory, reread } from "../run/memory.ts";
import { stepsOf, tool, user } from "./runs.ts";

test("a run whose steps are not its own is not compared", async () => {
  const pack = await packInMemory([{ step: user("one") }, { step: user("two") }]);
  const other = await packInMemory([{ step: user("one") }, { step: user("2") }]);
  const tree = new Map([[STEPS_PATH, other.tree.get(STEPS_PATH) ?? new Uint8Array()]]);
  const damaged = readRun(pack.config, memoryFiles(tree));
  for (const [a, b] of [
    [damaged, reread(other)],
    [reread(other), damaged],
  ] as const) {
    await expect(diffRuns(a, b)).rejects.toMatchObject({ code: "CTXPACK_E_DIGEST_MISMATCH" });
  }
});

test("a content that is not what its name says is not shown as a difference", async () => {
  const pack = await packInMemory([{ step: tool("cat", { f: "a" }, "a".repeat(2000)) }]);
  const tree = new Map(pack.tree);
  for (const path of tree.keys()) if (path !== STEPS_PATH) tree.set(path, Buffer.alloc(2000, "b"));
  const damaged = readRun(pack.config, memoryFiles(tree));
  const other = await stepsOf(tool("cat", { f: "a" }, "c".repeat(2000)));
  await expect(diffRuns(damaged, other)).rejects.toMatchObject({
    code: "CTXPACK_E_DIGEST_MISMATCH",
  });
});

test("comparing and forking can be given up", async () => {
  const run = await stepsOf(user("one"));
  const signal = AbortSignal.abort();
  await expect(diffRuns(run, run, { signal })).rejects.toMatchObject({ name: "AbortError" });
  const place = { below: `${process.env["TMPDIR"] ?? "/tmp"}/ctxpack-given-up-${process.pid}` };
  await expect(forkRun(run, place, { signal })).rejects.toMatchObject({ name: "AbortError" });
  const parts = finalizeFork("/nonexistent", { signal });
  await expect(parts.next()).rejects.toMatchObject({ name: "AbortError" });
});
