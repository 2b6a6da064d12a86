// What importers once took and threw away: each is in the run now, or among its losses.
import { expect, test } from "vitest";
import type { RunHead, Step } from "../../src/index.ts";
import { collect, type MemoryPack, packInMemory, reread } from "../run/memory.ts";
import { packOne } from "./read.ts";

function steps(pack: MemoryPack): Promise<Step[]> {
  return collect(reread(pack).steps());
}

function losses({ loss }: RunHead): string[] {
  return loss.map(({ path, reason, count }) => `${path} ${reason} ${count}`);
}

const lines = (...values: readonly object[]) =>
  values.map((value) => JSON.stringify(value)).join("\n");

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });

const span = (spanId: string, more: object = {}) => ({
  traceId: "a".repeat(32),
  spanId: spanId.repeat(16),
  name: "work",
  startTimeUnixNano: `170000000${spanId}000000000`,
  endTimeUnixNano: "1700000009000000000",
  ...more,
});

const otlp = (...groups: readonly (readonly [resource: string, ...spans: object[]])[]) =>
  JSON.stringify({
    resourceSpans: groups.map(([name, ...spans]) => ({
      resource: {
        attributes: [attribute("service.name", name), attribute("host.name", `${name}.local`)],
      },
      scopeSpans: [{ spans }],
    })),
  });

test("OTLP: every service of a trace is told, and which span is whose", async () => {
  const pack = await packOne(otlp(["front", span("1")], ["back", span("2")], ["front", span("3")]));
  expect(pack.head.agent).toEqual({ name: "front" });
  expect(pack.head.extra).toEqual({
    value: {
      resources: [
        { "service.name": "front", "host.name": "front.local" },
        { "service.name": "back", "host.name": "back.local" },
      ],
    },
  });
  expect((await steps(pack)).map(({ extra }) => extra)).toEqual([
    { value: { "otel.resource": 0 } },
    { value: { "otel.resource": 1 } },
    { value: { "otel.resource": 0 } },
  ]);
  expect(losses(pack.head)).toEqual([]);
});

test.each(["otlp", "openinference"])(
  "%s: exceptions keep what the error does not say",
  async (format) => {
    const exception = (type: string, message: string, ...more: object[]) => ({
      name: "exception",
      timeUnixNano: "1700000001500000000",
      attributes: [
        attribute("exception.type", type),
        attribute("exception.message", message),
        ...more,
      ],
    });
    const kind = format === "otlp" ? [] : [attribute("openinference.span.kind", "CHAIN")];
    const stack = attribute("exception.stacktrace", "at line 7");
    const pack = await packOne(
      otlp([
        "s",
        span("1", {
          status: { code: 2 },
          attributes: kind,
          events: [exception("IOError", "disk", stack), exception("Retry", "again")],
        }),
        span("2", { attributes: kind, events: [exception("Handled", "no matter")] }),
        span("3", {
          status: { code: 2 },
          attributes: kind,
          events: [exception("Plain", "as it is")],
        }),
      ]),
    );
    expect(pack.head.source.format).toBe(format);
    const time = "2023-11-14T22:13:21.5Z";
    expect(await steps(pack)).toMatchObject([
      {
        status: "error",
        error: { type: "IOError", message: { text: "disk" } },
        extra: {
          value: {
            events: [
              { name: "exception", time, attributes: { "exception.stacktrace": "at line 7" } },
              {
                name: "exception",
                time,
                attributes: { "exception.type": "Retry", "exception.message": "again" },
              },
            ],
          },
        },
      },
      {
        status: "ok",
        extra: {
          value: {
            events: [
              {
                name: "exception",
                time,
                attributes: { "exception.type": "Handled", "exception.message": "no matter" },
              },
            ],
          },
        },
      },
      { status: "error", error: { type: "Plain", message: { text: "as it is" } } },
    ]);
    expect((await steps(pack))[2]?.extra).toBeUndefined();
  },
);

test("OTLP: an attribute that has another value under its older name keeps both", async () => {
  const named = span("1", {
    attributes: [
      attribute("gen_ai.operation.name", "execute_tool"),
      attribute("gen_ai.tool.name", "search"),
      attribute("gen_ai.agent.name", "librarian"),
    ],
  });
  const [step] = await steps(await packOne(otlp(["s", named])));
  expect(step).toMatchObject({
    name: "search",
    extra: { value: { "gen_ai.agent.name": "librarian" } },
  });
});

test("Claude Code: a session that changes its folder, branch or version says so", async () => {
  const line = (uuid: string, cwd: string, gitBranch: string, version: string) => ({
    type: "user",
    uuid,
    parentUuid: null,
    isSidechain: false,
    sessionId: "s",
    cwd,
    gitBranch,
    version,
    message: { role: "user", content: `in ${cwd}` },
  });
  const { head } = await packOne(
    lines(
      line("1", "/w", "main", "1.0.0"),
      line("2", "/w/sub", "main", "1.0.0"),
      line("3", "/w", "topic", "1.0.1"),
    ),
  );
  expect(head.session).toMatchObject({ cwd: "/w", vcs: { branch: "main" } });
  expect(head.loss).toEqual([
    { path: "$.cwd", reason: "changed", count: 1, lines: [2] },
    { path: "$.gitBranch", reason: "changed", count: 1, lines: [3] },
    { path: "$.version", reason: "changed", count: 1, lines: [3] },
  ]);
});

test("Codex: a turn in another folder says so", async () => {
  const turn = (cwd: string) => ({ type: "turn_context", payload: { cwd, model: "m" } });
  const { head } = await packOne(
    lines(
      { type: "session_meta", payload: { id: "x", cwd: "/w", originator: "codex" } },
      turn("/w"),
      turn("/elsewhere"),
    ),
  );
  expect(head.session).toMatchObject({ cwd: "/w" });
  expect(head.loss).toEqual([{ path: "$.payload.cwd", reason: "changed", count: 1, lines: [3] }]);
});

const execution = (members: object) =>
  JSON.stringify({
    model: { identifier: "m", parameters: {} },
    system_prompt: "Be exact.",
    prompts: [],
    steps: [],
    inputs: [],
    outputs: [],
    environment: { os: "linux", runtime: "go" },
    ...members,
  });

test("an execution log: two files of one name, a size that is not the file's, what else is said", async () => {
  const { head } = await packOne(
    execution({
      inputs: [
        { name: "a.txt", content: "first", size: 5 },
        { name: "a.txt", content: "second", size: 6 },
        { name: "b.txt", content: "b", size: 99, owner: "root" },
      ],
      outputs: [
        { name: "o", content: "one" },
        { name: "o", content: "two" },
      ],
    }),
  );
  expect(head.inputs).toMatchObject([
    { name: "a.txt", size: 6 },
    { name: "b.txt", size: 1 },
  ]);
  expect(head.outputs).toMatchObject([{ name: "o", size: 3 }]);
  expect(head.extra).toEqual({
    value: {
      inputs: [
        { name: "a.txt", content: "first" },
        { name: "b.txt", size: 99, owner: "root" },
      ],
      outputs: [{ name: "o", content: "one" }],
    },
  });
  expect(head.loss).toEqual([]);
});

test("files whose names have to become one name: the one that goes is told", async () => {
  const { head } = await packInMemory([
    { input: { name: "/x", content: { text: "a" } } },
    { input: { name: "//x", content: { text: "b" } } },
  ]);
  expect(head.inputs).toHaveLength(1);
  expect(losses(head)).toEqual(["$.inputs[*] unmapped 1", "$.inputs[*].name changed 2"]);
});

test("facts that a later part of a log tells otherwise are losses", async () => {
  const { head } = await packInMemory([
    { head: { name: "one", session: { id: "a" }, environment: { tools: { git: "2" } } } },
    { head: { name: "two", session: { id: "b" }, environment: { tools: { git: "3", sed: "4" } } } },
    { head: { name: "one", session: { id: "a" } } },
  ]);
  expect(head.name).toBe("one");
  expect(head.environment?.tools).toEqual({ git: "2", sed: "4" });
  expect(losses(head)).toEqual([
    "$.environment.tools.git changed 1",
    "$.name changed 1",
    "$.session.id changed 1",
  ]);
});

test("Inspect: the choice of tools is kept", async () => {
  const event = {
    event: "model",
    model: "m",
    input: [{ role: "user", content: "Hi" }],
    tools: [],
    tool_choice: { name: "submit" },
    config: {},
    output: { model: "m", choices: [{ message: { role: "assistant", content: "Hello" } }] },
  };
  const log = {
    version: 2,
    status: "success",
    eval: { run_id: "r", task: "t", model: "m" },
    samples: [{ id: 1, epoch: 1, events: [event] }],
  };
  const found = await steps(await packOne(JSON.stringify(log)));
  expect(found.find(({ kind }) => kind === "llm")?.extra).toEqual({
    value: { tool_choice: { name: "submit" } },
  });
});

test("a recording: the answers beside the first, and what an answer says of itself", async () => {
  const choice = (index: number, content: string) => ({
    index,
    finish_reason: "stop",
    message: { role: "assistant", content, annotations: ["a"] },
  });
  const exchange = {
    api: "openai-chat",
    model: "m",
    messages: [{ role: "user", content: "Hi" }],
    params: { n: 2 },
    answer: { model: "m", choices: [choice(0, "Hello"), choice(1, "Good day")] },
    httpStatus: 200,
    startedAt: "2026-01-01T00:00:00Z",
    endedAt: "2026-01-01T00:00:01Z",
  };
  const found = await steps(await packOne(lines({ schema: "ctxpack.recording/v1" }, { exchange })));
  expect(found.find(({ kind }) => kind === "llm")).toMatchObject({
    result: { text: "Hello" },
    extra: { value: { annotations: ["a"], choices: [choice(1, "Good day")] } },
  });
});
