import type { JsonValue } from "@ctxpack/identity";
import type { RunPart, ToolDraft } from "../run/draft.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { Conversation } from "./conversation.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { isMessage, readUsage } from "./message.ts";

/**
 * Messages of a chat: an array, a request `{model, messages|input, system?, tools?}`, a dump with a `history` or
 * `traj`, or JSON lines of messages, as OpenAI (chat and responses), Anthropic and Gemini have them.
 */
export async function* importMessages(log: LogSource): AsyncGenerator<ImportedRun> {
  const { value, duplicates } = await log.document();
  yield { key: "", format: "messages", parts: readChat(log, value, duplicates) };
}

/** The same, one message or request a line. */
export async function* importMessageLines(log: LogSource): AsyncGenerator<ImportedRun> {
  yield { key: "", format: "messages", parts: readLinesOfChat(log) };
}

async function* readChat(
  log: LogSource,
  value: JsonValue,
  duplicates: readonly string[],
): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
  const talk = new Conversation(notes.note);
  yield CAPTURED;
  if (isMessage(value)) talk.add(value, "$");
  else if (isObject(value)) readRequest(new Fields(value, "$", notes.note), talk, notes.note);
  else readList(value, "$[*]", talk, notes.note, {});
  yield* talk.finish();
  yield { head: { source: { format: "messages", ...log.facts } } };
  yield* notes.parts();
}

async function* readLinesOfChat(log: LogSource): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  const talk = new Conversation(notes.note);
  yield CAPTURED;
  for await (const { value, line, duplicates } of log.lines()) {
    notes.noteSkipped(log);
    notes.line = line;
    for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
    if (isMessage(value)) talk.add(value, "$", { src: { line } });
    else log.malformed(line, "no message");
    yield* talk.take();
  }
  yield* talk.finish();
  notes.noteSkipped(log);
  yield { head: { source: { format: "messages", ...log.facts } } };
  yield* notes.parts();
}

const CAPTURED: RunPart = { head: { notCaptured: ["agent", "environment", "timestamps"] } };

/** Members that hold the conversation, the first that is there. */
const LISTS = ["messages", "input", "history", "traj", "trajectory", "conversation", "contents"];

function readRequest(request: Fields, talk: Conversation, onLoss: OnLoss): void {
  const system =
    request.take("system") ?? request.take("instructions") ?? request.take("system_prompt");
  if (system !== undefined) talk.parts.push({ system: { value: system } });
  for (const tool of request.objects("tools")) talk.parts.push({ tool: toolOf(tool) });
  const model = request.text("model");
  const params: Record<string, JsonValue> = {};
  for (const key of PARAMS) {
    const value = request.take(key);
    if (value !== undefined) params[key] = value;
  }
  const list = LISTS.find((key) => Array.isArray(request.peek(key)));
  const text = list === undefined ? request.text("input") : undefined;
  const configured = { requested: model, params };
  if (text !== undefined) talk.queue.add({ kind: "user", result: { text } });
  if (list !== undefined)
    readList(request.take(list) ?? [], `$.${list}[*]`, talk, onLoss, { model: configured });
  readResponse(request, talk, { model: configured });
  const extra = request.rest();
  if (extra !== undefined) talk.parts.push({ head: { extra } });
  request.close();
}

/** A response beside its request: `choices`, `output`. */
function readResponse(request: Fields, talk: Conversation, at: { model: object }): void {
  const usage = request.object("usage");
  for (const choice of request.objects("choices")) {
    const message = choice.take("message");
    const finishReason = choice.text("finish_reason");
    choice.take("index");
    if (isObject(message))
      talk.add(message, "$.choices[*].message", {
        ...at,
        finishReason,
        usage: usage && readUsage(usage),
      });
  }
}

function readList(
  value: JsonValue,
  path: string,
  talk: Conversation,
  onLoss: OnLoss,
  at: object,
): void {
  if (!Array.isArray(value)) return;
  for (const [index, message] of (value as readonly JsonValue[]).entries()) {
    const src = { id: String(index) };
    if (isMessage(message)) talk.add(message, path, { ...at, src });
    else if (isRequest(message)) readRequest(new Fields(message, path, onLoss), talk, onLoss);
    else if (isExchange(message))
      readExchange(new Fields(message, path, onLoss), talk, onLoss, src);
    else talk.queue.add({ kind: "event", name: "item", extra: message, src });
  }
}

/** A request and what came back, as gateways log them. */
function isExchange(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return (
    isObject(value) &&
    [value["request"], value["response"]].some(
      (one) => isObject(one) && (isMessage(one) || isRequest(one)),
    )
  );
}

function readExchange(
  exchange: Fields,
  talk: Conversation,
  onLoss: OnLoss,
  src: { id: string },
): void {
  const request = exchange.object("request");
  const model = request?.peek("model");
  if (request !== undefined) readRequest(request, talk, onLoss);
  const response = exchange.peek("response");
  const at = { src, ...(typeof model === "string" && { model: { requested: model } }) };
  if (isMessage(response)) {
    exchange.take("response");
    talk.add(response, "$[*].response", { ...at, extra: exchange.rest() });
    return;
  }
  const others = exchange.object("response");
  if (others !== undefined) readRequest(others, talk, onLoss);
  const extra = exchange.rest();
  if (extra !== undefined) talk.parts.push({ head: { extra } });
}

/** A request or response among others. */
function isRequest(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return isObject(value) && [...LISTS, "choices"].some((key) => Array.isArray(value[key]));
}

const PARAMS = [
  "temperature",
  "top_p",
  "top_k",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "stop",
  "stop_sequences",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "tool_choice",
  "parallel_tool_calls",
  "response_format",
  "reasoning",
  "reasoning_effort",
  "thinking",
  "generationConfig",
];

/** A tool's definition as OpenAI (flat and nested), Anthropic and MCP write it. */
export function toolOf(tool: Fields): ToolDraft {
  const inner = tool.object("function") ?? tool;
  tool.text("type");
  const description = inner.text("description");
  const draft: ToolDraft = {
    name: inner.text("name") ?? "unnamed",
    description: description === undefined ? undefined : { text: description },
    schema:
      inner.take("parameters") ??
      inner.take("input_schema") ??
      inner.take("inputSchema") ??
      inner.take("parameters_json_schema"),
  };
  return draft;
}
