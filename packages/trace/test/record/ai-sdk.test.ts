import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readRecording, recordAiSdk, recordRun } from "../../src/index.ts";
import { collect, packInMemory, reread } from "../run/memory.ts";

const KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789";
const MODEL = { provider: "acme.chat", modelId: "m-1" };

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctxpack-ai-sdk-"));
  file = join(folder, "run.ndjson");
});
afterEach(async () => await rm(folder, { recursive: true }));

const first = {
  content: [
    { type: "reasoning", text: "Think." },
    { type: "text", text: "Reading." },
    { type: "tool-call", toolCallId: "c1", toolName: "read_file", input: '{"path":"a"}' },
  ],
  finishReason: { unified: "tool-calls", raw: "tool_use" },
  usage: { inputTokens: { total: 10, cacheRead: 4 }, outputTokens: { total: 5, reasoning: 2 } },
  response: { id: "r1", modelId: "m-1-2026" },
};
const opening = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "go" }] },
];
const history = [
  ...opening,
  {
    role: "assistant",
    content: [
      ...first.content.slice(0, 2),
      { type: "tool-call", toolCallId: "c1", toolName: "read_file", input: { path: "a" } },
    ],
  },
  {
    role: "tool",
    content: [
      {
        type: "tool-result",
        toolCallId: "c1",
        toolName: "read_file",
        output: { type: "error-text", value: "no such file" },
      },
    ],
  },
];
const tools = [
  { type: "function", name: "read_file", description: "reads", inputSchema: { type: "object" } },
];
const params = {
  temperature: 0,
  tools,
  headers: { authorization: KEY },
  abortSignal: new AbortController().signal,
};

const parts = [
  { type: "stream-start", warnings: [] },
  { type: "response-metadata", id: "r2", modelId: "m-1-2026" },
  { type: "text-start", id: "0" },
  { type: "text-delta", id: "0", delta: "It is " },
  { type: "text-delta", id: "0", delta: "not there." },
  { type: "text-end", id: "0" },
  {
    type: "finish",
    finishReason: "stop",
    usage: { inputTokens: 20, outputTokens: 6, totalTokens: 26 },
  },
];

async function recordedSteps() {
  const bytes = await readFile(file);
  expect(bytes.includes(KEY)).toBe(false);
  const pack = await packInMemory(readRecording(bytes));
  return { head: pack.head, steps: await collect(reread(pack).steps()) };
}

test("generated and streamed calls become steps; the caller gets what the model gave", async () => {
  {
    await using recorder = recordRun({ file });
    const middleware = recordAiSdk(recorder);
    const result = await middleware.wrapGenerate({
      doGenerate: async () => first,
      params: { ...params, prompt: opening },
      model: MODEL,
    });
    expect(result).toBe(first);
    const { stream } = await middleware.wrapStream({
      doStream: async () => ({ stream: ReadableStream.from(parts) as ReadableStream<unknown> }),
      params: { ...params, prompt: history },
      model: MODEL,
    });
    expect(await collect(stream)).toEqual(parts);
  }
  const { head, steps } = await recordedSteps();
  expect(head.models).toMatchObject([
    {
      requested: "m-1",
      served: "m-1-2026",
      provider: "acme.chat",
      params: { value: { temperature: 0 } },
    },
  ]);
  expect(head.tools).toMatchObject([{ name: "read_file", description: { text: "reads" } }]);
  expect(head.system).toEqual([{ text: "Be brief." }]);
  expect(steps).toMatchObject([
    { kind: "user", result: { text: "go" } },
    {
      kind: "llm",
      result: { text: "Reading." },
      reasoning: { text: "Think." },
      finishReason: "tool_use",
      usage: { input: 10, output: 5, cacheRead: 4, reasoning: 2 },
    },
    {
      kind: "tool",
      name: "read_file",
      by: 1,
      request: { value: { path: "a" } },
      status: "error",
      result: { text: "no such file" },
    },
    {
      kind: "llm",
      result: { text: "It is not there." },
      finishReason: "stop",
      usage: { input: 20, output: 6 },
    },
  ]);
  expect(steps).toHaveLength(4);
});

test("a call that throws, and a stream that is left, are told", async () => {
  {
    await using recorder = recordRun({ file });
    const middleware = recordAiSdk(recorder);
    const call = { params: { prompt: opening }, model: MODEL };
    await expect(
      middleware.wrapGenerate({
        ...call,
        doGenerate: () => Promise.reject(new Error("overloaded")),
      }),
    ).rejects.toThrow("overloaded");
    const { stream } = await middleware.wrapStream({
      ...call,
      doStream: async () => ({ stream: ReadableStream.from(parts) as ReadableStream<unknown> }),
    });
    const reader = stream.getReader();
    for (let i = 0; i < 4; i++) await reader.read();
    await reader.cancel("enough");
  }
  const { steps } = await recordedSteps();
  expect(steps).toMatchObject([
    { kind: "user" },
    { kind: "llm", status: "error" },
    {
      kind: "llm",
      status: "unknown",
      extra: { value: { problem: "the client went away: enough" } },
    },
  ]);
});
