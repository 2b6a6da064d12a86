// What differs between two runs: as many entries as there are differences, the same every time.
import { expect, test } from "vitest";
import { cleanUp, run, scratch } from "../run.ts";
import { diff, type Log, packLog, read, write } from "./logs.ts";

cleanUp();

test("3: another model alone is a drift, and so are its parameters, the environment, an input", async () => {
  const cwd = scratch();
  const base: Log = { inputs: { "a.txt": "alpha\n" }, tools: { read_file: "1.0.0" } };
  const a = await packLog(cwd, base);
  const others: readonly [Log, string, string][] = [
    [{ model: "m-2" }, "model_drift", "/models/0/requested"],
    [{ parameters: { temperature: 1 } }, "model_drift", "/models/0/params/temperature"],
    [{ tools: { read_file: "2.0.0" } }, "environment_drift", "/environment/tools/read_file"],
    [{ inputs: { "a.txt": "gamma\n" } }, "input_drift", "/inputs/a.txt"],
    [{ system: "Be brief." }, "prompt_drift", "/system/0"],
    [{ prompt: "Go on." }, "prompt_drift", "/steps/0/result"],
  ];
  for (const [change, type, path] of others) {
    const b = await packLog(cwd, { ...base, ...change });
    const { drift, entries } = await diff(cwd, a, b);
    expect(drift).toBe(true);
    expect(entries, type).toEqual([expect.objectContaining({ type })]);
    const paths = [entries[0]?.path, ...(entries[0]?.changes.map((one) => one.path) ?? [])];
    expect(
      paths.some((one) => one?.startsWith(path)),
      `${path}: ${paths}`,
    ).toBe(true);
    const told = await run(["trace", "diff", a, b, "--exit-code"], { cwd });
    expect(told.code).toBe(1);
    expect(told.stdout).toContain(type.replace("_drift", ""));
    const ignored = await run(["trace", "diff", a, b, "--exit-code", "--ignore", type], { cwd });
    expect(ignored.code).toBe(0);
  }
  expect((await run(["trace", "diff", a, a, "--exit-code"], { cwd })).code).toBe(0);
});

const steps = Array.from({ length: 6 }, (_, i) => read(`${i}.txt`, `${i}\n`));

test("4: one step put in is one entry, wherever it is put", async () => {
  const cwd = scratch();
  const a = await packLog(cwd, { steps });
  for (const at of [0, 3, 6]) {
    const b = await packLog(cwd, { steps: steps.toSpliced(at, 0, write("new.txt", "n")) });
    const put = await diff(cwd, a, b);
    expect(put.entries).toEqual([
      expect.objectContaining({ type: "tool_drift", change: "added", path: `/steps/${at + 1}` }),
    ]);
    expect(put.steps).toMatchObject({ same: 7, changed: 0, added: 1, removed: 0, moved: 0 });
    const taken = await diff(cwd, b, a);
    expect(taken.entries).toEqual([
      expect.objectContaining({ type: "tool_drift", change: "removed", name: "write_file" }),
    ]);
  }
});

test("5: a comparison is the same bytes twenty times", async () => {
  const cwd = scratch();
  const outputs = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`${i}.md`, `${i}`]));
  const tools = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`t${i}`, `${i}`]));
  const a = await packLog(cwd, { steps, outputs, tools });
  const b = await packLog(cwd, { steps: steps.toReversed(), model: "m-2", system: "Other." });
  for (const flag of ["--json", "--quiet"]) {
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { code, stdout } = await run(["trace", "diff", a, b, flag], { cwd });
      expect(code).toBe(0);
      seen.add(stdout);
    }
    expect([...seen]).toHaveLength(1);
    expect([...seen][0]?.length).toBeGreaterThan(500);
  }
});
