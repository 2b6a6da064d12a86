import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { exportAtif, type RunHead } from "../../src/index.ts";
import { fixture, packAll, packOne } from "../import/read.ts";
import { collect, type MemoryPack, packInMemory, reread } from "../run/memory.ts";

async function exported(pack: MemoryPack): Promise<string> {
  return (await collect(exportAtif(reread(pack)))).join("");
}

/** A run without what is its log's alone: where it was read, from which lines, and what was lost on the way. */
async function essence(pack: MemoryPack): Promise<unknown> {
  const { source: _, loss: __, steps: ___, ...head } = pack.head as RunHead;
  const steps = (await collect(reread(pack).steps())).map(({ src: ____, ...step }) => step);
  const files = [...pack.tree].filter(([path]) => path !== "steps.ndjson").sort();
  return { head, steps, files };
}

const names = readdirSync(new URL("../fixtures/", import.meta.url), {
  recursive: true,
  encoding: "utf8",
})
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => /\.jsonl?$/.test(name) && name !== "inspect/nan.json");

test.each(names)("%s: import, export, import gives the same run", async (name) => {
  for (const first of await packAll(await fixture(name), { skipMalformed: true })) {
    const once = await exported(first);
    const second = await packOne(once);
    expect(second.head.source.format).toBe("atif");
    expect(await essence(second)).toEqual(await essence(first));
    const twice = await exported(second);
    expect(await exported(await packOne(twice))).toBe(twice);
  }
});

test("everything a run can hold comes back, failures first", async () => {
  const long = "x".repeat(2000);
  const bytes = new Uint8Array([0x89, 0x50, 0xff, 0x00]);
  const first = await packInMemory([
    {
      head: {
        name: "A title",
        note: "A remark",
        agent: { name: "a", framework: "f" },
        session: { cwd: "/w", vcs: { type: "git", dirty: true } },
        environment: { os: "linux", tools: { git: "2.4" } },
        parents: [{ uri: `ctx://sha256:${"0".repeat(64)}`, step: 1 }],
        notCaptured: ["usage"],
        extra: { ctxpack: 1, agent: "mine" },
      },
    },
    { system: { parts: [{ text: "Be" }, { text: "brief" }] } },
    { model: { requested: "never-called" } },
    {
      tool: {
        name: "t",
        description: { text: long },
        schema: { type: "object" },
        version: "1",
        server: "s",
        annotations: { readOnlyHint: true },
      },
    },
    { step: { kind: "system", name: "developer", result: { text: "Mind the gap." } } },
    { step: { kind: "agent", name: "plan", request: { text: "a task" } } },
    {
      step: {
        kind: "llm",
        parent: 1,
        model: { requested: "m", served: "m-1", provider: "p", params: { temperature: 0 } },
        status: "error",
        error: { type: "http 429", message: { value: { retry: 3 } } },
        startedAt: "2026-01-01T00:00:00Z",
        endedAt: "2026-01-01T00:00:01Z",
        usage: { input: 5, cacheWrite: 2, reasoning: 1, cost: 0.25 },
        finishReason: "length",
        request: { text: "seed" },
        reasoning: { absent: "encrypted" },
        extra: { ctxpack: { mine: true } },
      },
    },
    {
      step: {
        kind: "tool",
        name: "t",
        by: 2,
        callId: "c",
        request: { value: { n: { $number: "9007199254740993" } } },
        result: { value: { code: 1 } },
        status: "error",
        error: { type: "exit" },
        determinism: "no",
        effects: { write: ["a.txt"] },
        startedAt: "2026-01-01T00:00:02Z",
      },
    },
    // The same id again, in the same answer, and nothing that came back.
    {
      step: {
        kind: "tool",
        name: "t",
        by: 2,
        callId: "c",
        status: "unknown",
        result: { absent: "not-captured" },
      },
    },
    {
      step: {
        kind: "event",
        name: "observation",
        result: { text: "a bell" },
        extra: { loud: true },
      },
    },
    {
      step: {
        kind: "tool",
        by: 2,
        request: { text: "free text" },
        result: { bytes, mediaType: "image/png" },
      },
    },
    { step: { kind: "tool", name: "none", result: { text: long, truncated: true }, extra: {} } },
    { step: { kind: "retrieval", name: "r", request: { text: "q" }, result: { text: "" } } },
    { step: { kind: "user", result: { text: "\uFEFFwith a mark" } } },
    { step: { kind: "llm", model: { requested: "m", served: "m-1", provider: "p" } } },
    { step: { kind: "error", name: "crash", status: "error" } },
    { input: { name: "in.bin", content: { bytes, mediaType: "application/octet-stream" } } },
    { input: { name: "named.txt" } },
    {
      output: {
        name: "out.txt",
        content: { text: "out" },
        mediaType: "text/markdown",
        producedBy: 3,
      },
    },
  ]);
  const second = await packOne(await exported(first));
  expect(await essence(second)).toEqual(await essence(first));
  expect(second.head.totals.errors).toBe(3);
  const twice = await exported(second);
  expect(await exported(await packOne(twice))).toBe(twice);
});

test("what is kept and is of no form that we write is told as lost, and the rest is read", async () => {
  const trajectory = (kept: unknown, ofStep: unknown) =>
    JSON.stringify({
      schema_version: "ATIF-v1.7",
      session_id: "s",
      agent: { name: "a", version: "1" },
      steps: [{ step_id: 1, source: "user", message: "Hi", extra: { ctxpack: ofStep } }],
      extra: { ctxpack: kept },
    });
  for (const [kept, ofStep] of [
    [{}, { status: "fine" }],
    [{ parts: [{ step: { kind: "user" } }] }, { parent: 5 }],
    [{ parts: [{ head: { nothing: 1 } }] }, { model: 9 }],
    [{ parts: [7] }, { result: { text: 1 } }],
  ]) {
    const { head } = await packOne(trajectory(kept, ofStep));
    expect(head.agent).toEqual({ name: "a", version: "1" });
    expect(head.totals).toMatchObject({ steps: { user: 1 }, errors: 0 });
    expect(head.loss.map(({ path, reason }) => `${path} ${reason}`)).toEqual([
      "$.extra.ctxpack unmapped",
      "$.steps[*]..extra.ctxpack unmapped",
    ]);
  }
});

test("an answer and its calls are one step, with what came back", async () => {
  const pack = await packOne(await fixture("atif/two-calls.json"));
  const trajectory = JSON.parse(await exported(pack));
  const original = JSON.parse(Buffer.from(await fixture("atif/two-calls.json")).toString());
  expect(trajectory.steps.map(({ step_id }: { step_id: number }) => step_id)).toEqual([1, 2, 3]);
  const { metrics: _, extra: __, ...answer } = original.steps[2];
  expect(trajectory.steps[2]).toMatchObject(answer);
  expect(trajectory.steps[1]).toEqual(original.steps[1]);
  expect(trajectory.agent).toEqual(original.agent);
  expect(trajectory.final_metrics).toEqual(original.final_metrics);
  expect(trajectory.notes).toBe(original.notes);
});

test("numbers keep every digit", async () => {
  const pack = await packInMemory([
    {
      step: {
        kind: "tool",
        name: "t",
        callId: "c",
        request: { value: { n: { $number: "9007199254740993" } } },
        result: { text: "" },
      },
    },
  ]);
  const text = await exported(pack);
  expect(text).toContain('"arguments":{"n":9007199254740993}');
  const [step] = (await collect(reread(await packOne(text)).steps())).filter(
    ({ kind }) => kind === "tool",
  );
  expect(step?.request).toEqual({ value: { n: { $number: "9007199254740993" } } });
});
