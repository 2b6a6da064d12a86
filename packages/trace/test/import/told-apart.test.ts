import { expect, test } from "vitest";
import type { Step } from "../../src/index.ts";
import { collect, type MemoryPack, reread } from "../run/memory.ts";
import { fixture, packOne } from "./read.ts";

function steps(pack: MemoryPack): Promise<Step[]> {
  return collect(reread(pack).steps());
}

test("a recorder's pairs of question and answer are a transcript, and what is none is told", async () => {
  const pack = await packOne(await fixture("mcp/calculator.json"));
  expect(await steps(pack)).toMatchObject([
    { name: "add", request: { value: { a: 2, b: 3 } }, result: { text: "5" }, status: "ok" },
    { name: "get_weather", request: { value: { city: "London" } }, status: "ok" },
  ]);
  const oneLine = JSON.stringify(
    JSON.parse(Buffer.from(await fixture("mcp/calculator.json")).toString()),
  );
  expect((await packOne(oneLine)).head.steps).toEqual(pack.head.steps);
  expect(pack.head.agent).toEqual({ name: "mcp", version: "0.1.0" });
  expect(pack.head.environment?.tools).toEqual({ "Test Calculator": "2.14.5" });
  expect(pack.head.loss).toContainEqual({ path: "$[*]", reason: "unmapped", count: 1 });
});

test("times of envelopes are those of the calls", async () => {
  const log = await fixture("mcp/clock.jsonl");
  const [call, refused] = await steps(await packOne(log, { skipMalformed: true }));
  expect(call).toMatchObject({
    startedAt: "2026-02-02T02:40:00.5Z",
    endedAt: "2026-02-02T02:40:00.75Z",
  });
  expect(refused).toMatchObject({
    endedAt: "2026-02-02T02:40:01.5Z",
    error: { message: { text: "there are twelve bells" } },
  });
});

test("an answer alone, and a request with its answer, are steps", async () => {
  const alone = await steps(await packOne(await fixture("messages/anthropic-response.json")));
  expect(alone.map(({ kind, by, callId }) => [kind, by, callId])).toEqual([
    ["llm", undefined, undefined],
    ["tool", 0, "toolu_weather"],
  ]);
  const pair = await steps(await packOne(await fixture("messages/pairs.json")));
  expect(pair.slice(0, 2)).toMatchObject([
    { kind: "user", result: { text: "Name a smoked tea." } },
    { kind: "llm", finishReason: "end_turn", extra: { value: { metadata: { counter: "left" } } } },
  ]);
});

test("a server's spans, flat or in OTLP, are the same steps", async () => {
  const seen = async (log: Uint8Array | string) =>
    (await steps(await packOne(log))).map((step) => ({ ...step, extra: undefined }));
  const listed = await fixture("openinference/baker-listed.json");
  const flat = await seen(listed);
  expect(flat).toEqual(await seen(await fixture("openinference/baker-otlp.json")));
  expect(flat[3]).toMatchObject({
    callId: "ov-1",
    by: 2,
    error: { message: { text: "the door is open" } },
  });
  const { data } = JSON.parse(Buffer.from(listed).toString());
  expect(await seen(JSON.stringify({ spans: data }))).toEqual(flat);
});

test("what was said in an event of its own is said by the model", async () => {
  const found = await steps(await packOne(await fixture("otlp/chat-tool.json")));
  expect(found.slice(0, 3)).toMatchObject([
    { kind: "user", result: { text: "Explain quantum computing" } },
    { kind: "llm", result: { text: "Quantum computing uses..." } },
    // An operation that the conventions do not name is kept, and the name of a tool tells that it is one.
    {
      kind: "tool",
      name: "web_search",
      extra: { value: { "gen_ai.operation.name": "tool_call" } },
    },
  ]);
});

test("what a model was asked stays with an answer that is a message", async () => {
  const log = JSON.stringify({
    id: "t",
    observations: [
      {
        id: "o",
        traceId: "t",
        type: "GENERATION",
        startTime: "2026-01-01T00:00:00Z",
        input: "a text that is no message",
        output: { role: "assistant", content: "an answer" },
        usage: { input: 3, output: 2, unit: "TOKENS" },
      },
    ],
  });
  const [answer] = await steps(await packOne(log));
  expect(answer).toMatchObject({
    kind: "llm",
    request: { text: "a text that is no message" },
    result: { text: "an answer" },
    usage: { input: 3, output: 2 },
  });
});

test("what is told of a sample stands beside what is told of its evaluation", async () => {
  const { head } = await packOne(await fixture("inspect/refund.json"));
  expect(head.extra).toMatchObject({
    value: {
      status: "success",
      sample: { target: "yes", scores: { accuracy: { answer: "yes" } } },
    },
  });
  const log = JSON.stringify([
    { messages: [{ role: "user", content: "a" }], metadata: { route: 1 }, user: "u" },
    { messages: [{ role: "user", content: "b" }], metadata: { route: 2 }, user: "u" },
  ]);
  expect((await packOne(log)).head.extra).toEqual({
    value: { metadata: { route: 1 }, "metadata#2": { route: 2 }, user: "u" },
  });
});

test("what an Inspect log tells of itself and of a sample's tries is kept", async () => {
  const { head } = await packOne(await fixture("inspect/shared-messages.json"));
  expect(head.extra).toMatchObject({
    value: {
      tags: ["harbour", "short"],
      metadata: { "asked by": "the pilot" },
      sample: {
        metadata: { port: "Esbjerg" },
        store: { gauge: "north pier" },
        error_retries: [{ message: "the gauge did not answer" }],
      },
    },
  });
});

test("observations alone tell whose trace they are", async () => {
  const { head } = await packOne(await fixture("langfuse/observations.json"));
  expect(head.session).toEqual({ group: "rain-0" });
});

test("how often a model was asked is kept, and results alone are no step", async () => {
  const found = await steps(await packOne(await fixture("atif/counted.json")));
  expect(found.map(({ kind }) => kind)).toEqual(["user", "llm", "tool", "tool", "llm"]);
  expect(found[1]?.extra).toEqual({ value: { desk: "east", llm_call_count: 1 } });
  expect(found[4]?.extra).toEqual({ value: { llm_call_count: 2 } });
  expect(found[3]).toMatchObject({ name: "deck_room", result: { text: "room for three" } });
});

test("a span that is not called by what it is about keeps its name", async () => {
  const found = await steps(await packOne(await fixture("otlp/named.json")));
  expect(found.slice(0, 2)).toMatchObject([
    { name: "archivist", extra: { value: { "vault.row": "barley" } } },
    { name: "count_seeds", extra: { value: { name: "the drawer: count_seeds" } } },
  ]);
  expect(found[0]?.extra).not.toHaveProperty("value.name");
});
