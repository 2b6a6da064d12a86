import { deflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { CallQueue } from "../../src/import/call-queue.ts";
import type { Malformed, RunPart, Step } from "../../src/index.ts";
import { collect, type MemoryPack, reread } from "../run/memory.ts";
import { fixture, packAll, packOne } from "./read.ts";

function steps(pack: MemoryPack): Promise<Step[]> {
  return collect(reread(pack).steps());
}

test("a line that cannot be read ends the import, named; or is passed over, told and counted", async () => {
  const log = await fixture("codex/malformed.jsonl");
  await expect(packOne(log, { file: "rollout.jsonl" })).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
    message: expect.stringMatching(/^rollout\.jsonl:3: not JSON/),
    details: { file: "rollout.jsonl", line: 3 },
  });
  const told: Malformed[] = [];
  const { head } = await packOne(log, {
    skipMalformed: true,
    onMalformed: (one) => told.push(one),
  });
  expect(told).toEqual([{ line: 3, message: expect.stringContaining("not JSON") }]);
  expect(head.loss).toContainEqual({ path: "$", reason: "malformed", count: 1, lines: [3] });
});

test("what is no log is said to be none", async () => {
  for (const log of ["", "hello\n", "{}", "[]", "[1,2]", '{"a":1}\n{"b":2}\n']) {
    await expect(packAll(log, { file: "x.json" })).rejects.toMatchObject({
      code: "CTXPACK_E_TRACE",
      message: "x.json: no log of a known format",
    });
  }
});

test("several traces of one log are several runs", async () => {
  const span = (traceId: string, spanId: string) =>
    `{"traceId":"${traceId.repeat(32)}","spanId":"${spanId.repeat(16)}","name":"s","startTimeUnixNano":"1"}\n`;
  const packs = await packAll(`${span("a", "1")}${span("b", "2")}${span("a", "3")}`);
  expect(packs.map(({ head }) => [head.session?.group, head.steps.count])).toEqual([
    ["a".repeat(32), 2],
    ["b".repeat(32), 1],
  ]);
});

test("a tool span and the call that asked for it are one step; history is told once", async () => {
  const found = await steps(await packOne(await fixture("otlp/agent.jsonl")));
  expect(found.map(({ kind, parent, by }) => [kind, parent, by])).toEqual([
    ["agent", undefined, undefined],
    ["user", 0, undefined],
    ["llm", 0, undefined],
    ["tool", 0, 2],
    ["llm", 0, undefined],
  ]);
  expect(found[3]).toMatchObject({
    callId: "call_1",
    request: { value: { city: "Paris" } },
    result: { text: "rainy, 14 °C" },
    startedAt: "2025-10-09T08:53:22.000000001Z",
  });
  expect(found[4]).toMatchObject({
    status: "error",
    error: { type: "429", message: { text: "rate limited" } },
    result: { absent: "not-captured" },
    // The head has the parameters of the first call; this one had none.
    params: { value: {} },
  });
});

test("integers beyond 2^53 reach the run", async () => {
  const { head } = await packOne(await fixture("otlp/agent.jsonl"));
  expect(head.models[0]?.params).toEqual({
    value: { temperature: 0.5, seed: { $number: "9007199254740993" } },
  });
});

test("spans without call ids are joined by name and equal arguments", async () => {
  const found = await steps(await packOne(await fixture("openinference/flat.jsonl")));
  expect(found.filter(({ kind }) => kind === "tool")).toMatchObject([
    {
      name: "multiply",
      by: 2,
      callId: "call_a",
      status: "error",
      error: { type: "OverflowError" },
    },
  ]);
});

test("empty and missing differ", async () => {
  const log = [
    '{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"t","arguments":"{}"}},{"id":"b","function":{"name":"t","arguments":"{}"}}]}',
    '{"role":"tool","tool_call_id":"a","content":""}',
  ].join("\n");
  const found = await steps(await packOne(log));
  expect(found.map(({ callId, result, status }) => [callId, result, status])).toEqual([
    [undefined, undefined, "ok"],
    ["a", { text: "" }, "ok"],
    ["b", { absent: "not-captured" }, "unknown"],
  ]);
});

test("files that Claude Code's tools read and wrote are inputs and outputs", async () => {
  const line = (value: object) =>
    `${JSON.stringify({ parentUuid: null, isSidechain: false, sessionId: "s", cwd: "/w", uuid: "u", ...value })}\n`;
  const call = (id: string, name: string, input: object) =>
    line({
      type: "assistant",
      message: { id: `m${id}`, model: "claude", content: [{ type: "tool_use", id, name, input }] },
    });
  const result = (id: string, toolUseResult: object, more: object = {}) =>
    line({
      type: "user",
      message: { content: [{ type: "tool_result", tool_use_id: id, content: "done", ...more }] },
      toolUseResult,
    });
  const log = [
    call("1", "Read", { file_path: "/w/src/a.ts" }),
    result("1", {
      type: "text",
      file: {
        filePath: "/w/src/a.ts",
        content: "let a = 1;\n",
        startLine: 1,
        numLines: 1,
        totalLines: 1,
      },
    }),
    call("2", "Edit", { file_path: "/w/src/a.ts", old_string: "1", new_string: "$&2" }),
    result("2", { filePath: "/w/src/a.ts" }),
    call("3", "Write", { file_path: "/w/b.md", content: "# b\n" }),
    result("3", {}),
    call("4", "Write", { file_path: "/w/failed.md", content: "x" }),
    result("4", {}, { is_error: true }),
    call("5", "Edit", { file_path: "/elsewhere/c.ts", old_string: "x", new_string: "y" }),
    result("5", {}),
  ].join("");
  const pack = await packOne(log);
  const text = (name: string) => {
    const file = [...pack.head.inputs, ...pack.head.outputs]
      .filter((one) => one.name === name)
      .at(-1);
    return Buffer.from(pack.tree.get(`content/${file?.digest?.slice(7)}`) ?? "").toString();
  };
  expect(pack.head.inputs.map(({ name }) => name)).toEqual(["src/a.ts"]);
  expect(
    pack.head.outputs.map(({ name, digest, producedBy }) => [
      name,
      digest !== undefined,
      producedBy,
    ]),
  ).toEqual([
    ["b.md", true, 5],
    // What it held before is not in the log.
    ["outside/elsewhere/c.ts", false, 9],
    ["src/a.ts", true, 3],
  ]);
  expect(text("src/a.ts")).toBe("let a = $&2;\n");
  expect((await steps(pack))[1]).toMatchObject({ effects: { read: ["src/a.ts"] } });
});

test("calls that never return hold up no more than a bounded number of steps", () => {
  const queue = new CallQueue();
  queue.call("lost", { kind: "tool", name: "lost" });
  const out: RunPart[] = [];
  for (let index = 0; index < 50_000; index++) {
    queue.add({ kind: "user", result: { text: "x" } });
    for (const step of queue.ready()) out.push({ step });
  }
  expect(out.length).toBeGreaterThan(29_000);
  expect(out[0]).toMatchObject({
    step: { name: "lost", status: "unknown", result: { absent: "not-captured" } },
  });
  // Its result comes after all: whoever brings it makes a step of its own.
  expect(queue.result("lost", (step) => step)).toBe(false);
  for (const step of queue.rest()) out.push({ step });
  expect(out).toHaveLength(50_001);
});

test("an Inspect log with NaN in it and without samples is read, and holds no run", async () => {
  expect(await packAll(await fixture("inspect/nan.json"))).toEqual([]);
});

test("a log is told when its first text is long, and is nothing when it never tells", async () => {
  const text = "x".repeat(300_000);
  const log = {
    model: { identifier: "m" },
    system_prompt: text,
    prompts: [],
    inputs: [],
    steps: [],
    outputs: [],
    environment: { os: "linux" },
  };
  const { head } = await packOne(JSON.stringify(log));
  expect(head.source.format).toBe("execution-log");
  const message = `[{"content":"${text}","role":"user"}]`;
  expect((await packOne(message)).head.source.format).toBe("messages");
  await expect(packAll(`{"content":"${text}"}`)).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
});

test("an Inspect archive gives a run for each sample, and refuses one that is there twice", async () => {
  const header = { version: 2, eval: { run_id: "r", task: "t", model: "m" } };
  const sample = (id: number) => ({
    id,
    epoch: 1,
    messages: [{ role: "user", content: `sample ${id}` }],
  });
  const zip = (...samples: object[]) =>
    zipOf([
      ["header.json", header],
      ...samples.map((one, index): [string, object] => [`samples/${index}.json`, one]),
    ]);
  const packs = await packAll(zip(sample(1), sample(2)));
  expect(packs.map(({ head }) => head.session?.id)).toEqual(["1/1", "2/1"]);
  await expect(packAll(zip(sample(1), sample(1)))).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
  });
});

/** A zip of JSON files, every other one compressed. */
function zipOf(files: readonly (readonly [string, object])[]): Uint8Array {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let at = 0;
  for (const [index, [name, value]] of files.entries()) {
    const plain = Buffer.from(JSON.stringify(value));
    const method = index % 2 === 0 ? 0 : 8;
    const data = method === 0 ? plain : deflateRawSync(plain);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(data.length, 20);
    central.writeUInt32LE(plain.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(at, 42);
    const file = Buffer.concat([local, Buffer.from(name), data]);
    locals.push(file);
    centrals.push(central, Buffer.from(name));
    at += file.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, ...centrals, end]);
}
