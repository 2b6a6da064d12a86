import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { expect, test } from "vitest";
import { type DriftEntry, diffRuns, parseJson, type RunPart } from "../../src/index.ts";
import { llm, runOf, stepsOf, tool, user } from "./runs.ts";

const steps = [
  user("Fix the handler."),
  llm("I read it."),
  tool("read_file", { path: "a.go" }, "package a\n"),
  llm("I change it."),
  tool("write_file", { path: "a.go", content: "package b\n" }, "ok", {
    effects: { write: ["a.go"] },
  }),
  llm("Done."),
] as const;

test("a run and itself: nothing", async () => {
  const run = await stepsOf(...steps);
  const diff = await diffRuns(run, await stepsOf(...steps));
  expect(diff).toMatchObject({ drift: false, entries: [], omitted: 0, firstDivergence: null });
  expect(diff.steps).toEqual({ same: 6, changed: 0, added: 0, removed: 0, moved: 0 });
});

test("§7.11.2: an integer beyond 2^53 that changed is a change", async () => {
  const call = (id: string) =>
    runOf({ step: { kind: "tool", name: "get", request: { value: parse(`{"id":${id}}`) } } });
  const diff = await diffRuns(await call("9007199254740993"), await call("9007199254740992"));
  expect(diff.entries).toHaveLength(1);
  expect(diff.entries[0]).toMatchObject({ type: "param_drift", path: "/steps/0" });
  expect(diff.entries[0]?.changes).toEqual([
    {
      path: "/steps/0/request/id",
      change: "changed",
      a: { value: { $number: "9007199254740993" } },
      b: { value: { $number: "9007199254740992" } },
    },
  ]);
});

test("§7.11.3: another model alone is drift, once, however many steps it answered", async () => {
  const on = (requested: string) =>
    stepsOf(
      ...steps.map((step) => (step.kind === "llm" ? { ...step, model: { requested } } : step)),
    );
  const diff = await diffRuns(await on("m-1"), await on("m-2"));
  expect(diff.entries).toMatchObject([
    {
      type: "model_drift",
      change: "changed",
      path: "/models/0",
      cause: { why: "independent" },
      changes: [{ path: "/models/0/requested", a: { text: "m-1" }, b: { text: "m-2" } }],
    },
  ]);
  expect(diff.firstDivergence).toBeNull();
});

test("other parameters of the model alone are drift", async () => {
  const at = (temperature: number) =>
    stepsOf(user("hi"), llm("ho", { model: { requested: "m", params: { temperature } } }));
  const diff = await diffRuns(await at(0), await at(1));
  expect(diff.entries).toMatchObject([
    { type: "model_drift", changes: [{ path: "/models/0/params/temperature" }] },
  ]);
});

test("§7.11.4: one inserted step is exactly one entry, wherever it is inserted", async () => {
  const a = await stepsOf(...steps);
  for (let at = 0; at <= steps.length; at++) {
    const more = [
      ...steps.slice(0, at),
      tool("grep", { pattern: "x" }, "none"),
      ...steps.slice(at),
    ];
    const b = await stepsOf(...more);
    const diff = await diffRuns(a, b);
    expect(diff.entries).toHaveLength(1);
    expect(diff.entries[0]).toMatchObject({
      type: "tool_drift",
      change: "added",
      path: `/steps/${at}`,
      steps: { b: at },
      name: "grep",
    });
    expect(diff.steps).toEqual({ same: 6, changed: 0, added: 1, removed: 0, moved: 0 });
    expect(diff.firstDivergence).toEqual({ entry: 1, b: at, ...(at < 6 && { a: at }) });
    const back = await diffRuns(b, a);
    expect(back.entries).toMatchObject([{ type: "tool_drift", change: "removed" }]);
  }
});

test("§7.11.5: twenty comparisons are the same bytes", async () => {
  const outputs: RunPart[] = ["d", "b", "a", "c"].map((name) => ({
    output: { name, content: { text: name } },
  }));
  const a = await runOf(...steps.map((step) => ({ step })), ...outputs.slice(0, 2));
  const b = await runOf(...[...steps].reverse().map((step) => ({ step })), ...outputs.slice(2));
  const first = JSON.stringify(await diffRuns(a, b));
  for (let turn = 1; turn < 20; turn++) {
    expect(JSON.stringify(await diffRuns(a, b))).toBe(first);
  }
});

test("each kind of drift, with its cause", async () => {
  const head = (version: string, prompt: string): RunPart[] => [
    { head: { environment: { os: "linux", tools: { read_file: version } } } },
    { system: { text: prompt } },
    { input: { name: "data.csv", content: { text: `x,${version}\n` } } },
  ];
  const a = await runOf(...head("1", "Be brief.\nBe kind."), ...steps.map((step) => ({ step })), {
    output: { name: "a.go", content: { text: "package b\n" }, producedBy: 4 },
  });
  const changed = steps.with(2, tool("read_file", { path: "a.go" }, "package z\n"));
  const wrote = tool("write_file", { path: "a.go", content: "package z\n" }, "denied", {
    status: "error",
    error: { type: "permission" },
    effects: { write: ["a.go"] },
  });
  const b = await runOf(
    ...head("2", "Be brief.\nBe rude."),
    ...changed.with(4, wrote).map((step) => ({ step })),
    { output: { name: "a.go", content: { text: "package z\n" }, producedBy: 4 } },
  );
  const { entries, firstDivergence, counts } = await diffRuns(a, b);
  expect(entries.map(({ type, path, cause }) => [type, path, cause])).toEqual([
    ["prompt_drift", "/system/0", { why: "independent" }],
    ["environment_drift", "/environment/tools/read_file", { why: "independent" }],
    ["input_drift", "/inputs/data.csv", { why: "independent" }],
    ["reasoning_drift", "/steps/2", { entry: 2, root: 2, why: "tool" }],
    ["param_drift", "/steps/4", { entry: 1, root: 1, why: "seen" }],
    ["error_drift", "/steps/4", { entry: 5, root: 1, why: "arguments" }],
    ["output_drift", "/outputs/a.go", { entry: 5, root: 1, why: "written" }],
  ]);
  expect(firstDivergence).toEqual({ entry: 4, a: 2, b: 2 });
  expect(counts).toMatchObject({ prompt_drift: 1, model_drift: 0, error_drift: 1 });
  expect(entries[0]?.changes[0]?.text).toBe("@@ -1,2 +1,2 @@\n Be brief.\n-Be kind.\n+Be rude.");
  expect(paths(entries[5])).toEqual(["/steps/4/status", "/steps/4/error/type", "/steps/4/result"]);
});

test("a tool in place of another is one entry that hides neither arguments nor result", async () => {
  const a = await stepsOf(user("q"), tool("read_file", { path: "a" }, "1"), llm("x"));
  const b = await stepsOf(user("q"), tool("web_search", { query: "a" }, "2"), llm("x"));
  const { entries } = await diffRuns(a, b);
  expect(entries).toMatchObject([{ type: "tool_drift", change: "changed", name: "web_search" }]);
  expect(paths(entries[0])).toEqual([
    "/steps/1/name",
    "/steps/1/request/path",
    "/steps/1/request/query",
    "/steps/1/result",
  ]);
});

test("what went to another place is one entry", async () => {
  const moved = [...steps.slice(0, 2), ...steps.slice(3), steps[2]];
  const diff = await diffRuns(await stepsOf(...steps), await stepsOf(...moved));
  expect(diff.entries).toMatchObject([
    { type: "tool_drift", change: "moved", path: "/steps/5", steps: { a: 2, b: 5 } },
  ]);
  expect(diff.firstDivergence).toEqual({ entry: 1, a: 2, b: 2 });
});

test("an output that has another name and the same bytes is renamed", async () => {
  const named = (name: string) => runOf({ output: { name, content: { text: "same" } } });
  const { entries } = await diffRuns(await named("out/a.txt"), await named("out/b.txt"));
  expect(entries).toMatchObject([
    { type: "output_drift", change: "renamed", path: "/outputs/out~1b.txt" },
  ]);
});

test("an answer that differs though nothing before it does is the model's own", async () => {
  const a = await stepsOf(user("q"), llm("yes", { reasoning: { text: "hm" } }));
  const b = await stepsOf(user("q"), llm("no", { reasoning: { text: "ha" } }));
  const { entries } = await diffRuns(a, b);
  expect(entries).toMatchObject([{ type: "reasoning_drift", cause: { why: "independent" } }]);
  expect(paths(entries[0])).toEqual(["/steps/1/reasoning", "/steps/1/result"]);
});

test("what a log could not hold is no drift, and is named", async () => {
  const a = await runOf({ head: { agent: { name: "x" }, environment: { os: "linux" } } });
  const b = await runOf({ head: { agent: { name: "x" }, notCaptured: ["environment", "usage"] } });
  expect(await diffRuns(a, b)).toMatchObject({ drift: false, notCaptured: ["environment"] });
  const c = await runOf({ head: { agent: { name: "x" } } });
  expect(await diffRuns(a, c)).toMatchObject({ counts: { environment_drift: 1 } });
});

test("what is longer than a line is compared by what it holds", async () => {
  const text = (end: string) => `${"same line\n".repeat(500)}${end}\n`;
  const a = await stepsOf(tool("cat", { path: "x" }, text("old")));
  const b = await stepsOf(tool("cat", { path: "x" }, text("new")));
  const { entries } = await diffRuns(a, b);
  expect(entries[0]?.changes[0]?.text).toBe(
    "@@ -498,5 +498,5 @@\n same line\n same line\n same line\n-old\n+new\n ",
  );
  expect(entries[0]?.changes[0]?.a).toMatchObject({ mediaType: "text/plain", size: 5004 });
});

test("the rest is counted when the list is full", async () => {
  const many = (text: string) => stepsOf(...Array.from({ length: 9 }, (_, n) => user(text + n)));
  const diff = await diffRuns(await many("a"), await many("b"), { maxEntries: 4 });
  expect([diff.entries.length, diff.omitted, diff.counts.prompt_drift]).toEqual([4, 5, 9]);
});

function paths(entry: DriftEntry | undefined): string[] | undefined {
  return entry?.changes.map(({ path }) => path);
}

function parse(text: string): JsonValue {
  return parseJson(text).value;
}

test("canonical form of a comparison exists", async () => {
  const diff = await diffRuns(await stepsOf(...steps), await stepsOf());
  expect(JSON.parse(canonicalize(diff as unknown as JsonValue))).toEqual(diff);
});
