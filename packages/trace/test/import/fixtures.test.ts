import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { RunHead } from "../../src/index.ts";
import { collect, reread } from "../run/memory.ts";
import { fixture, packOne } from "./read.ts";

interface Expected {
  readonly format: string;
  readonly steps: RunHead["totals"]["steps"];
  readonly errors?: number;
  readonly usage?: RunHead["totals"]["usage"];
  /** `path reason count`. */
  readonly loss: readonly string[];
  readonly skipped?: number;
}

const logs: Readonly<Record<string, Expected>> = {
  "atif/early-roles.json": {
    format: "atif",
    steps: { user: 1, llm: 2, tool: 1 },
    usage: { input: 350, output: 75, cacheRead: 50 },
    loss: [],
  },
  "atif/two-calls.json": {
    format: "atif",
    steps: { user: 1, llm: 2, tool: 2 },
    usage: { input: 1120, output: 124, cacheRead: 200, cost: 0.00078 },
    loss: [
      "$.steps[*].metrics.completion_token_ids unmapped 1",
      "$.steps[*].metrics.extra unmapped 1",
      "$.steps[*].metrics.logprobs unmapped 1",
    ],
  },
  "claude-code/rewind-compact.jsonl": {
    format: "claude-code",
    steps: { user: 4, llm: 4, event: 1, compaction: 1 },
    usage: { input: 40, output: 20 },
    loss: [
      "$ abandoned 2",
      "$.message.id unmapped 4",
      "$.parentUuid unmapped 8",
      "$.requestId unmapped 4",
      "$.userType unmapped 9",
    ],
  },
  "claude-code/sidechain.jsonl": {
    format: "claude-code",
    // Two lines of one message are one answer, and its usage counts once.
    steps: { llm: 2, agent: 1, tool: 1 },
    usage: { input: 161108, output: 548, cacheRead: 0, cacheWrite: 161102 },
    loss: [
      "$.agentId unmapped 1",
      "$.isSidechain unmapped 2",
      "$.message.id unmapped 3",
      "$.message.usage.service_tier unmapped 3",
      "$.parentUuid unmapped 3",
      "$.requestId unmapped 3",
      "$.userType unmapped 4",
      "$.uuid unmapped 2",
    ],
  },
  "claude-code/steering.jsonl": {
    format: "claude-code",
    steps: { user: 2, llm: 2, event: 1 },
    usage: { input: 2, output: 2 },
    loss: ["$.message.id unmapped 2", "$.parentUuid unmapped 3", "$.userType unmapped 4"],
  },
  "codex/legacy.jsonl": {
    format: "codex",
    steps: { user: 1, llm: 1 },
    loss: ["$.timestamp duplicate 1"],
  },
  "codex/malformed.jsonl": {
    format: "codex",
    steps: { user: 1 },
    loss: ["$ malformed 1"],
    skipped: 1,
  },
  "codex/shell.jsonl": {
    format: "codex",
    steps: { user: 2, llm: 4, tool: 2 },
    loss: ["$.payload.source unmapped 1", "$.payload.timestamp duplicate 1"],
  },
  "codex/structured.jsonl": {
    format: "codex",
    steps: { user: 1, llm: 4, tool: 3, event: 1 },
    loss: [
      "$.payload.encrypted_content unmapped 1",
      "$.payload.message duplicate 2",
      "$.payload.source unmapped 1",
      "$.payload.timestamp duplicate 1",
    ],
  },
  "execution-log/claude-code.json": {
    format: "execution-log",
    steps: { user: 1, tool: 7 },
    loss: [],
  },
  "execution-log/crewai.json": {
    format: "execution-log",
    steps: { user: 1, tool: 3 },
    loss: [],
  },
  "execution-log/langchain.json": {
    format: "execution-log",
    steps: { user: 1, tool: 2 },
    loss: [],
  },
  "inspect/popularity.json": {
    format: "inspect",
    steps: { agent: 2, user: 1, llm: 1, event: 1 },
    usage: { input: 66, output: 2 },
    loss: [
      '$..events[?@.event=="state"] duplicate 1',
      "$.results unmapped 1",
      "$.samples[*].messages duplicate 1",
      "$.samples[*].output duplicate 1",
      "$.samples[*].store unmapped 1",
      "$.stats unmapped 1",
    ],
  },
  "inspect/tool-errors.json": { format: "inspect", steps: { tool: 3 }, errors: 3, loss: [] },
  "langfuse/math-tutor.json": {
    format: "langfuse",
    steps: { agent: 1, llm: 2, user: 1 },
    usage: { input: 49, output: 40, cost: 0.00387 },
    loss: [
      "$.observations[*].createdAt unmapped 2",
      "$.observations[*].internalModelId unmapped 1",
      "$.observations[*].projectId unmapped 2",
      "$.observations[*].updatedAt unmapped 2",
      "$.trace.createdAt unmapped 1",
      "$.trace.projectId unmapped 1",
      "$.trace.timestamp unmapped 1",
      "$.trace.updatedAt unmapped 1",
    ],
  },
  "langsmith/flat.json": {
    format: "langsmith",
    steps: { agent: 2, llm: 1, tool: 1 },
    usage: { input: 180000, output: 20000, cost: 0.15 },
    loss: [
      "$.child_run_ids duplicate 4",
      "$.dotted_order duplicate 4",
      "$.first_token_time unmapped 3",
    ],
  },
  "langsmith/openai-batch.json": {
    format: "langsmith",
    steps: { user: 1, llm: 1 },
    usage: { input: 9, output: 9, cacheRead: 0, reasoning: 0 },
    loss: ["$.dotted_order duplicate 1", "$.serialized unmapped 1", "$.session_name unmapped 1"],
  },
  "mcp/enveloped.jsonl": {
    format: "mcp",
    steps: { tool: 1, event: 1 },
    loss: ["$ malformed 1"],
    skipped: 1,
  },
  "mcp/files-server.jsonl": {
    format: "mcp",
    steps: { tool: 2, retrieval: 1 },
    errors: 2,
    loss: [],
  },
  "messages/anthropic.json": {
    format: "messages",
    steps: { user: 1, llm: 2, tool: 1 },
    loss: ["$.messages[*].content[*].signature unmapped 1"],
  },
  "messages/openai-requests.json": {
    format: "messages",
    steps: { user: 1 },
    loss: ["$[*].tools[*].strict unmapped 1"],
  },
  "messages/openai-response.json": {
    format: "messages",
    steps: { llm: 1, tool: 1 },
    usage: { input: 97, output: 23, cacheRead: 0, reasoning: 0 },
    loss: [
      "$.usage.completion_tokens_details.accepted_prediction_tokens unmapped 1",
      "$.usage.completion_tokens_details.audio_tokens unmapped 1",
      "$.usage.completion_tokens_details.rejected_prediction_tokens unmapped 1",
      "$.usage.prompt_tokens_details.audio_tokens unmapped 1",
    ],
  },
  "openinference/flat.jsonl": {
    format: "openinference",
    steps: { agent: 1, user: 1, llm: 1, tool: 1 },
    errors: 1,
    usage: { input: 40, output: 9 },
    loss: ['$..["input.value"] duplicate 1'],
  },
  "otlp/agent.jsonl": {
    format: "otlp",
    steps: { agent: 1, user: 1, llm: 2, tool: 1 },
    errors: 1,
    usage: { input: 12, output: 5 },
    loss: [],
  },
  "otlp/trace.json": {
    format: "otlp",
    steps: { event: 1 },
    loss: [
      "$..parentSpanId unmapped 1",
      "$.resourceSpans[*].scopeSpans[*].scope.attributes unmapped 1",
    ],
  },
};

for (const [name, expected] of Object.entries(logs)) {
  test(`${name} is told by what it holds, and every member is a step, a fact or a loss`, async () => {
    const bytes = await fixture(name);
    const lines: number[] = [];
    const options = {
      skipMalformed: true,
      onMalformed: ({ line }: { line: number }) => lines.push(line),
    };
    const pack = await packOne(bytes, options);
    const { head } = pack;
    expect(head.source).toMatchObject({
      format: expected.format,
      digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
      size: bytes.length,
    });
    expect(head.totals.steps).toEqual(expected.steps);
    expect(head.totals.errors).toBe(expected.errors ?? 0);
    expect(head.totals.usage).toEqual(expected.usage);
    expect(head.loss.map(({ path, reason, count }) => `${path} ${reason} ${count}`)).toEqual(
      expected.loss,
    );
    expect(lines).toHaveLength(expected.skipped ?? 0);
    // Read back whole, and the same when the log comes in pieces.
    expect(await collect(reread(pack).steps())).toHaveLength(head.steps.count);
    const again = await packOne(pieces(bytes), { ...options, onMalformed: undefined });
    expect(again.uri).toBe(pack.uri);
    expect([...again.tree]).toEqual([...pack.tree]);
  });
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 61) yield bytes.subarray(at, at + 61);
}
