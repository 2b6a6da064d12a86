import { readdirSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  diffRuns,
  finalizeFork,
  forkRun,
  parseJson,
  type Run,
  type RunPart,
} from "../../src/index.ts";
import { llm, runOf, tool, user } from "../drift/runs.ts";
import { fixture, packAll } from "../import/read.ts";
import { collect, type MemoryPack, packInMemory, reread } from "../run/memory.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "ctxpack-fork-"));
});
afterAll(() => rm(dir, { recursive: true }));

const parts: readonly RunPart[] = [
  { head: { name: "a run", agent: { name: "loop" }, environment: { os: "linux" } } },
  { system: { text: "Be brief." } },
  { tool: { name: "read", schema: { type: "object" }, description: { text: "d".repeat(2000) } } },
  { input: { name: "data/in.csv", content: { text: "x,y\n" }, mediaType: "text/csv" } },
  {
    input: {
      name: "logo.png",
      content: { bytes: Buffer.from([137, 80, 0, 255]), mediaType: "image/png" },
    },
  },
  { step: user("What is in it?") },
  { step: llm("I look.", { model: { requested: "m-1", params: { seed: 7, temperature: 0 } } }) },
  { step: { ...tool("read", { path: "data/in.csv" }, "y".repeat(3000)), by: 1 } },
  {
    step: {
      kind: "tool",
      name: "get",
      by: 1,
      request: parse('{"id":9007199254740993}'),
      result: { absent: "not-captured" },
    },
  },
  { step: llm("Columns.", { model: { requested: "m-1", params: { temperature: 1 } } }) },
  { output: { name: "report.md", content: { text: "# Columns\n" }, producedBy: 4 } },
];

function parse(text: string): { value: ReturnType<typeof parseJson>["value"] } {
  return { value: parseJson(text).value };
}

async function finalized(folder: string): Promise<Run> {
  return reread(await packInMemory(finalizeFork(folder)));
}

test("a fork is files that a person can edit", async () => {
  const run = await runOf(...parts);
  const folder = await forkRun(run, { below: dir });
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  expect(files.sort()).toEqual([
    expect.stringMatching(/^content\/[0-9a-f]{64}\.txt$/),
    expect.stringMatching(/^content\/[0-9a-f]{64}\.txt$/),
    "inputs/data/in.csv",
    "inputs/logo.png",
    "outputs/report.md",
    "prompts/0000-user.txt",
    "run.json",
    "steps.ndjson",
    "system/1.txt",
  ]);
  expect(await readFile(join(folder, "prompts/0000-user.txt"), "utf8")).toBe("What is in it?");
  expect(JSON.parse(await readFile(join(folder, "run.json"), "utf8"))).toMatchObject({
    schema: "ctxpack.fork/v1",
    parent: run.uri,
    models: [{ requested: "m-1", params: { seed: 7, temperature: 0 } }],
  });
  expect(await readFile(join(folder, "steps.ndjson"), "utf8")).toContain('{"id":9007199254740993}');
});

test("§7.11.10: fork, edit, finalize; the parent is in the run, and a second fork keeps the edits of the first", async () => {
  const run = await runOf(...parts);
  const first = await forkRun(run, { below: join(dir, "forks") });
  await writeFile(join(first, "prompts/0000-user.txt"), "How many lines?");
  await writeFile(join(first, "inputs/data/in.csv"), "a,b\n");
  await replaceIn(join(first, "run.json"), '"temperature": 0', '"temperature": 0.5');
  const second = await forkRun(run, { below: join(dir, "forks") });
  expect(second).not.toBe(first);
  await expect(forkRun(run, { folder: first })).rejects.toMatchObject({
    code: "CTXPACK_E_CONFLICT",
  });
  expect(await readFile(join(first, "prompts/0000-user.txt"), "utf8")).toBe("How many lines?");

  const fork = await finalized(first);
  expect(fork.head.parents).toEqual([{ uri: run.uri }]);
  expect(fork.head.source).toEqual({ format: "fork" });
  const { entries } = await diffRuns(run, fork);
  expect(entries.map(({ type, path }) => `${type} ${path}`)).toEqual([
    "model_drift /models/0",
    "input_drift /inputs/data~1in.csv",
    "prompt_drift /steps/0",
  ]);
  // The same files are the same run; what was not edited is the parent's in everything but its lineage.
  expect((await finalized(first)).uri).toBe(fork.uri);
  expect((await diffRuns(run, await finalized(second))).entries).toEqual([]);
});

test("steps may go, come and change their numbers; what named one that is gone is told", async () => {
  const run = await runOf(...parts);
  const folder = await forkRun(run, { below: dir });
  const path = join(folder, "steps.ndjson");
  const [zero, one, two, three, four] = (await readFile(path, "utf8")).trimEnd().split("\n");
  const fresh =
    '{"kind":"tool","name":"grep","by":1,"request":{"value":{"n":12345678901234567890}}}';
  await writeFile(path, [zero, one, fresh, three, "", four].join("\n"));
  const steps = await collect((await finalized(folder)).steps());
  expect(steps.map(({ kind, name, by }) => [kind, name, by])).toEqual([
    ["user", undefined, undefined],
    ["llm", undefined, undefined],
    ["tool", "grep", 1],
    ["tool", "get", 1],
    ["llm", undefined, undefined],
  ]);
  expect(steps[2]?.request).toEqual({ value: { n: { $number: "12345678901234567890" } } });
  await writeFile(path, [zero, two, four].join("\n"));
  await expect(finalized(folder)).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
    message: expect.stringContaining("steps.ndjson:2: /by: no step 1 before it"),
  });
  await writeFile(path, [zero, zero].join("\n"));
  await expect(finalized(folder)).rejects.toThrow("steps.ndjson:2: /seq: a second step 0");
});

test("what is wrong in an edited file is told with its place", async () => {
  const run = await runOf(...parts);
  const folder = await forkRun(run, { below: dir });
  const path = join(folder, "run.json");
  const good = await readFile(path, "utf8");
  const refused = async (text: string, message: string | RegExp) => {
    await writeFile(path, text);
    const failed = finalized(folder);
    await expect(failed).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
    await expect(failed).rejects.toThrow(message);
  };
  await refused(good.replace('"name": "a run",', '"name": "a run"'), /run\.json:5: column 3/);
  await refused(good.replace('"parent"', '"parnt"'), "run.json: ");
  await refused(
    good.replace('"name": "a run",', '"name": "a", "name": "b",'),
    '"name" is there twice',
  );
  await refused(good.replace('"producedBy": 4', '"producedBy": 9'), "no step 9 before it");
  await writeFile(path, good.replace("outputs/report.md", "outputs/gone.md"));
  await expect(finalized(folder)).rejects.toMatchObject({ code: "CTXPACK_E_PATH_NOT_FOUND" });
  await rm(path);
  await expect(finalized(folder)).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
});

test("every log we have: a fork that nobody edits has the steps, files and facts of its run", async () => {
  const root = new URL("../fixtures/", import.meta.url);
  let runs = 0;
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === "SOURCES.md") continue;
    const name = join(entry.parentPath, entry.name).slice(root.pathname.length);
    for (const pack of await packAll(await fixture(name), { skipMalformed: true })) {
      await expectSame(pack, name);
      runs++;
    }
  }
  expect(runs).toBeGreaterThan(20);
});

async function expectSame(pack: MemoryPack, name: string): Promise<void> {
  const folder = await forkRun(reread(pack), { below: join(dir, "logs") });
  const again = await packInMemory(finalizeFork(folder));
  const { source: _, parents, loss: __, ...head } = again.head;
  const { source: ___, parents: ____, loss: _____, ...before } = pack.head;
  expect(head, name).toEqual(before);
  expect(parents).toEqual([{ uri: pack.uri }]);
  expect([...again.tree.keys()].sort(), name).toEqual([...pack.tree.keys()].sort());
}

async function replaceIn(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, "utf8");
  if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
  await writeFile(path, text.replace(from, to));
}
