// Every log that the importers are tested with, through the commands.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { fixtureNames, fixtures, json } from "./logs.ts";

cleanUp();

/** An evaluation that has no samples yet. */
const WITHOUT_RUNS = ["inspect/nan.json"];

interface Head {
  readonly source: { readonly format: string };
  readonly loss: readonly { path: string; reason: string; count: number; lines?: number[] }[];
}

test("20: every log is imported with a list of what is lost, and what is malformed is told by its line", async () => {
  const cwd = scratch();
  const names = fixtureNames().filter((name) => !WITHOUT_RUNS.includes(name));
  expect(names.length).toBeGreaterThan(20);
  for (const name of WITHOUT_RUNS) {
    const none = await run(["trace", "pack", join(fixtures, name)], { cwd });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("no run in it") });
  }
  for (const name of names) {
    const log = join(fixtures, name);
    const strict = await run(["trace", "pack", log, "--json"], { cwd });
    let packed = strict;
    if (strict.code !== 0) {
      expect(strict.code, name).toBe(2);
      expect(strict.stderr, name).toMatch(new RegExp(`${name}:[0-9]+: `));
      packed = await run(["trace", "pack", log, "--json", "--skip-malformed"], { cwd });
      expect(packed.code, `${name}: ${packed.stderr}`).toBe(0);
      const { malformed } = JSON.parse(packed.stdout);
      expect(malformed.length).toBeGreaterThan(0);
      for (const { line, log: file } of malformed) {
        expect(line).toBeGreaterThan(0);
        expect(file).toBe(log);
      }
    }
    const { uri, runs } = JSON.parse(packed.stdout);
    const { head } = (await json(cwd, "trace", "show", uri)) as unknown as { head: Head };
    expect(Array.isArray(head.loss), name).toBe(true);
    for (const { path, reason, count } of head.loss) {
      expect(path).toMatch(/^\$/);
      expect(["unmapped", "malformed", "duplicate", "abandoned", "changed"]).toContain(reason);
      expect(count).toBeGreaterThan(0);
    }
    expect(runs.at(-1).losses).toBe(head.loss.length);
  }
});

test("20: malformed lines are named one by one, and the run counts them", async () => {
  const cwd = scratch();
  const good = readFileSync(join(fixtures, "codex/structured.jsonl"), "utf8").trimEnd().split("\n");
  const lines = good.toSpliced(2, 0, '{"cut": ').toSpliced(5, 0, "[1,2", "not json");
  writeFileSync(join(cwd, "log.jsonl"), `${lines.join("\n")}\n`);
  const strict = await run(["trace", "pack", "log.jsonl"], { cwd });
  expect(strict).toMatchObject({ code: 2, stdout: "" });
  expect(strict.stderr).toContain("log.jsonl:3: ");
  expect(strict.stderr).toContain("--skip-malformed");
  const skipped = await run(["trace", "pack", "log.jsonl", "--skip-malformed"], { cwd });
  expect(skipped.code).toBe(0);
  for (const line of [3, 6, 7]) expect(skipped.stderr).toContain(`log.jsonl:${line}: not JSON`);
  const uri = skipped.stdout.trim();
  const { head } = (await json(cwd, "trace", "show", uri)) as unknown as { head: Head };
  expect(head.loss).toContainEqual({ path: "$", reason: "malformed", count: 3, lines: [3, 6, 7] });
  expect(await result(["trace", "show", uri], { cwd })).toContain("$ (malformed, 3 times)");
});

test("20: export, import, export, import: the same run, and the same bytes", async () => {
  const cwd = scratch();
  const names = fixtureNames().filter((one) => !WITHOUT_RUNS.includes(one));
  const imported = async (logs: readonly string[]): Promise<string[]> => {
    const uris = (await result(["trace", "import", ...logs, "--skip-malformed"], { cwd })).split(
      "\n",
    );
    expect(uris).toHaveLength(names.length);
    return uris;
  };
  const exported = async (uris: readonly string[], round: string): Promise<string[]> => {
    const files: string[] = [];
    for (const [index, uri] of uris.entries()) {
      const file = `${round}-${index}.json`;
      writeFileSync(join(cwd, file), await result(["trace", "export", uri], { cwd }));
      files.push(file);
    }
    return files;
  };
  const first = await imported(names.map((name) => join(fixtures, name)));
  const second = await imported(await exported(first, "one"));
  for (const [index, name] of names.entries()) {
    const [was, is] = [first[index] ?? "", second[index] ?? ""];
    expect(await essence(cwd, is), name).toEqual(await essence(cwd, was));
  }
  const two = await exported(second, "two");
  const three = await exported(await imported(two), "three");
  for (const [index, name] of names.entries()) {
    const text = (files: readonly string[]) => readFileSync(join(cwd, files[index] ?? ""), "utf8");
    expect(text(three), name).toBe(text(two));
  }
});

/** Head and steps of a run without what is its log's alone, which docs/trace.md names. */
async function essence(cwd: string, uri: string): Promise<unknown> {
  const shown = (await json(cwd, "trace", "show", uri)) as unknown as {
    head: Record<string, unknown>;
    steps: readonly Record<string, unknown>[];
  };
  const { source: _, loss: __, steps: ___, ...facts } = shown.head;
  return { facts, steps: shown.steps.map(({ src: ____, ...step }) => step) };
}
