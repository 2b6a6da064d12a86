import { CtxPackError, type JsonValue } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readRecording } from "../../src/index.ts";
import { AnswerReader } from "../../src/record/answer.ts";
import { LogSource } from "../../src/source/log.ts";
import { packOne } from "../import/read.ts";
import { collect, packInMemory, reread } from "../run/memory.ts";

const FIRST = { schema: "ctxpack.recording/v1" };

function recording(...lines: readonly unknown[]): Uint8Array {
  return Buffer.from([FIRST, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""));
}

const key = fc.constantFrom(
  "part",
  "exchange",
  "step",
  "head",
  "system",
  "tool",
  "input",
  "output",
  "loss",
  "model",
  "kind",
  "name",
  "request",
  "result",
  "text",
  "value",
  "parts",
  "bytes",
  "$bytes",
  "mediaType",
  "absent",
  "by",
  "parent",
  "usage",
  "api",
  "messages",
  "params",
  "answer",
  "choices",
  "message",
  "role",
  "content",
  "tool_calls",
  "function",
  "arguments",
  "output",
  "type",
  "index",
  "delta",
  "id",
  "startedAt",
  "endedAt",
  "httpStatus",
  "tools",
  "__proto__",
  "response",
  "item",
  "content_block",
  "partial_json",
  "path",
  "reason",
);
const leaf = fc.oneof(
  fc.constantFrom<JsonValue>(
    "tool",
    "llm",
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "assistant",
    "user",
    "",
    null,
    true,
    0,
    -1,
    200,
    1.5,
  ),
  fc.constantFrom<JsonValue>(
    "message_start",
    "content_block_start",
    "content_block_delta",
    "response.completed",
    "2026-01-01T00:00:00.500Z",
    "unmapped",
  ),
);
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 6 }),
  ),
}));

test("whatever a recording holds, it becomes a run, or an error that says what is wrong", async () => {
  const exchange = fc.record(
    {
      api: fc.constantFrom("openai-chat", "openai-responses", "anthropic-messages"),
      params: fc.constant({}),
      messages: fc.array(value, { maxLength: 4 }),
      answer: value,
      model: value,
      tools: value,
      system: value,
      startedAt: fc.constant("2026-01-01T00:00:00.500Z"),
      endedAt: fc.constant(""),
    },
    { requiredKeys: ["api", "params", "messages", "startedAt", "endedAt"] },
  );
  const line = fc.oneof(
    value,
    fc.record({ exchange }),
    fc.record({
      exchange: fc
        .tuple(exchange, fc.constant({ httpStatus: 200 }))
        .map(([a, b]) => ({ ...a, ...b })),
    }),
    fc.record({ part: value }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
      try {
        const pack = await packInMemory(
          readRecording(recording(...lines), { skipMalformed: true }),
        );
        await collect(reread(pack).steps());
      } catch (error) {
        if (!CtxPackError.isInstance(error)) throw error;
        expect(error.code).toBe("CTXPACK_E_TRACE");
      }
    }),
    { numRuns: 400 },
  );
});

test("whatever a stream holds, reading it ends in an answer or none", () => {
  const events = fc.array(value, { maxLength: 8 });
  const apis = fc.constantFrom(
    "openai-chat" as const,
    "openai-responses" as const,
    "anthropic-messages" as const,
  );
  fc.assert(
    fc.property(apis, events, (api, list) => {
      const reader = new AnswerReader(api, "text/event-stream");
      for (const event of list) reader.push(Buffer.from(`data: ${JSON.stringify(event)}\n\n`));
      const { answer } = reader.finish();
      expect(answer === undefined || typeof answer === "object").toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("a line that breaks the format is a loss when that was asked for, with its number; bytes are bytes only where contents are", async () => {
  const shape = { $bytes: "AQID" };
  const pack = await packInMemory(
    readRecording(
      recording(
        {
          part: {
            step: {
              kind: "tool",
              name: "t",
              request: { value: { bytes: shape, mediaType: "x/y" } },
              result: { bytes: shape, mediaType: "x/y" },
            },
          },
        },
        { part: { step: { kind: "nothing" } } },
        { part: { step: { kind: "tool", request: 5 } } },
        { part: { step: { kind: "user" }, head: {} } },
      ),
      { skipMalformed: true },
    ),
  );
  const steps = await collect(reread(pack).steps());
  expect(steps).toMatchObject([
    {
      request: { value: { bytes: shape, mediaType: "x/y" } },
      result: { mediaType: "x/y", size: 3 },
    },
  ]);
  expect(steps).toHaveLength(1);
  expect(pack.head.loss).toEqual([{ path: "$", reason: "malformed", count: 3, lines: [3, 4, 5] }]);
});

test("a log that does not go on does not keep its reader from being stopped", async () => {
  async function* stalled(size: number): AsyncGenerator<Uint8Array> {
    yield recording({ part: { step: { kind: "user", result: { text: "x".repeat(size) } } } });
    await new Promise(() => undefined);
  }
  // While it is told what it is, and while it is read.
  for (const size of [10, 100_000]) {
    const aborter = new AbortController();
    const reading = collect(readRecording(stalled(size), { signal: aborter.signal }));
    setTimeout(() => aborter.abort(new Error("enough")), 20);
    await expect(reading).rejects.toThrow("enough");
  }
});

const STEP = JSON.stringify({ part: { step: { kind: "user", result: { text: "hi" } } } });

function rawRecording(...lines: readonly string[]): Uint8Array {
  return Buffer.from([JSON.stringify(FIRST), ...lines].join("\n"));
}

test("only the last line of a recording may be torn: a damaged middle is an error with its line", async () => {
  const torn = await packInMemory(readRecording(rawRecording(STEP, STEP.slice(0, 20))));
  expect(torn.head).toMatchObject({
    steps: { count: 1 },
    loss: [{ path: "$", reason: "malformed", count: 1, lines: [3] }],
  });
  for (const lines of [
    [STEP, STEP.slice(0, 20), STEP, ""],
    [STEP, STEP.slice(0, 20), ""],
    [STEP, '{"part":{"step":{"kind":"nothing"}}}', STEP, ""],
  ]) {
    const bytes = rawRecording(...lines);
    await expect(packInMemory(readRecording(bytes))).rejects.toMatchObject({
      code: "CTXPACK_E_TRACE",
      message: expect.stringMatching(/^recording:3: /),
    });
    await expect(packOne(bytes)).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
    const { head } = await packOne(bytes, { skipMalformed: true });
    expect(head.loss).toEqual([{ path: "$", reason: "malformed", count: 1, lines: [3] }]);
  }
});

test("of many lines that are passed over the places of the first are kept, and all counted", async () => {
  const source = await LogSource.open(Buffer.from("}\n".repeat(20_000)), {
    file: "log",
    skipMalformed: true,
  });
  for await (const _ of source.lines()) throw new Error("no line is JSON");
  const { lines, more } = source.takeSkipped();
  expect([lines.length, lines[0]?.line, lines.at(-1)?.line, more]).toEqual([1000, 1, 1000, 19_000]);
  expect(source.takeSkipped()).toEqual({ lines: [], more: 0 });

  const log = rawRecording(STEP, ...Array.from({ length: 5000 }, () => "}"), STEP, "");
  const { head } = await packOne(log, { skipMalformed: true });
  expect(head.steps.count).toBe(2);
  expect(head.loss).toMatchObject([{ path: "$", reason: "malformed", count: 5000 }]);
});
