import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, StepDraft } from "../run/draft.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import {
  argumentsOf,
  type CallBlock,
  joined,
  type MessageBlocks,
  type ResultBlock,
  readBlocks,
} from "./blocks.ts";

/** Who speaks in a message. */
type Speaker = "user" | "system" | "assistant" | "tool";

/** A message of any of the chat formats, told apart. */
export interface ReadMessage {
  readonly speaker: Speaker;
  /** The role as written, when it is not one of the four. */
  readonly role: string | undefined;
  readonly said: ContentDraft | undefined;
  readonly thought: ContentDraft | undefined;
  readonly calls: readonly CallBlock[];
  readonly results: readonly ResultBlock[];
  /** Members with no place of their own. */
  readonly extra: JsonValue | undefined;
  readonly id: string | undefined;
  readonly model: string | undefined;
  readonly finishReason: string | undefined;
  readonly usage: StepDraft["usage"];
}

const SPEAKERS: Readonly<Record<string, Speaker>> = {
  user: "user",
  human: "user",
  system: "system",
  developer: "system",
  assistant: "assistant",
  ai: "assistant",
  model: "assistant",
  tool: "tool",
  function: "tool",
  ipython: "tool",
};

/** Whether a value looks like a message of a chat, or an item of OpenAI's responses. */
export function isMessage(
  value: JsonValue | undefined,
): value is { readonly [key: string]: JsonValue } {
  if (!isObject(value)) return false;
  const { role, type } = value;
  const speaks = typeof role === "string" && role.length < 64;
  const lists = ["content", "parts", "tool_calls", "function_call", "reasoning_content"];
  if (speaks && lists.some((key) => Object.hasOwn(value, key))) return true;
  if (typeof type !== "string") return false;
  return (
    /^(?:function_call|custom_tool_call)(?:_output)?$|^reasoning$/.test(type) || isLangChain(value)
  );
}

/**
 * Reads a message of OpenAI (chat and responses), Anthropic, Gemini, LangChain, Inspect or OpenTelemetry.
 *
 * @param path JSONPath of the message.
 */
export function readMessage(
  value: { readonly [key: string]: JsonValue },
  path: string,
  onLoss: OnLoss,
): ReadMessage {
  const inner = innerOf(value);
  const fields = new Fields(inner.value, `${path}${inner.path}`, onLoss);
  const blocks = readBlocks(
    fields.take("content") ?? fields.take("parts"),
    `${path}.content`,
    onLoss,
  );
  const type = fields.text("type");
  const role = fields.text("role") ?? inner.role ?? roleOf(type);
  const speaker = SPEAKERS[role ?? ""] ?? "user";
  readCalls(fields, blocks, type);
  readResult(fields, blocks, speaker, type);
  readThoughts(fields, blocks, type, path, onLoss);
  const message: ReadMessage = {
    speaker,
    role: role !== undefined && SPEAKERS[role] !== undefined ? undefined : role,
    said: joined(blocks.said),
    thought: joined(blocks.thought),
    calls: blocks.calls,
    results: blocks.results,
    id: fields.text("id"),
    model: fields.text("model"),
    finishReason: fields.text("finish_reason") ?? fields.text("stop_reason"),
    usage: usageOf(fields),
    extra: fields.rest(),
  };
  fields.close();
  return message;
}

/** LangChain wraps a message: `{type, data}`, `{lc, id, kwargs}`; its class says who speaks. */
function innerOf(value: { readonly [key: string]: JsonValue }) {
  const { data, kwargs, id, type } = value;
  if (isObject(kwargs) && Array.isArray(id)) {
    const name = String(id.at(-1));
    return {
      value: kwargs,
      path: ".kwargs",
      role: /^([A-Z][a-z]+|AI)Message/.exec(name)?.[1]?.toLowerCase(),
    };
  }
  if (isObject(data) && typeof type === "string" && "content" in data) {
    return { value: data, path: ".data", role: type };
  }
  return { value, path: "", role: undefined };
}

function isLangChain(value: { readonly [key: string]: JsonValue }): boolean {
  const { type, content, data, kwargs } = value;
  if (type === "constructor" && isObject(kwargs)) return "content" in kwargs;
  if (!["human", "ai", "system", "tool", "function"].includes(String(type))) return false;
  return content !== undefined || (isObject(data) && "content" in data);
}

function roleOf(type: string | undefined): string | undefined {
  if (type === undefined || type === "message") return undefined;
  if (type.endsWith("_output")) return "tool";
  return type.endsWith("_call") || type === "reasoning" ? "assistant" : type;
}

function readCalls(fields: Fields, blocks: MessageBlocks, type: string | undefined): void {
  for (const call of fields.objects("tool_calls")) {
    const named = call.object("function");
    const view = call.text("function") ?? call.text("name");
    call.text("type");
    blocks.calls.push({
      id: call.text("id"),
      name: named?.text("name") ?? view,
      request: argumentsOf(named?.take("arguments") ?? call.take("arguments") ?? call.take("args")),
    });
  }
  const legacy = fields.object("function_call");
  if (legacy !== undefined) {
    blocks.calls.push({
      id: undefined,
      name: legacy.text("name"),
      request: argumentsOf(legacy.take("arguments")),
    });
  }
  if (type === "function_call" || type === "custom_tool_call") {
    const request = fields.has("arguments")
      ? argumentsOf(fields.take("arguments"))
      : { text: fields.text("input") ?? "" };
    blocks.calls.push({ id: fields.text("call_id"), name: fields.text("name"), request });
    fields.take("id");
    fields.take("status");
  }
  const extra = fields.object("additional_kwargs");
  if (extra !== undefined) {
    if (blocks.calls.length > 0) extra.duplicate("tool_calls", "function_call");
    else readCalls(extra, blocks, undefined);
  }
}

function readResult(
  fields: Fields,
  blocks: MessageBlocks,
  speaker: Speaker,
  type: string | undefined,
): void {
  const isItem = type?.endsWith("_output") === true;
  if (!isItem && speaker !== "tool") return;
  const output = isItem
    ? readBlocks(fields.take("output"), "$.output", () => undefined).said
    : blocks.said.splice(0);
  // A message of tool results in blocks, as OpenTelemetry has them.
  if (blocks.results.length > 0 && output.length === 0) return;
  const error = fields.object("error");
  const status = fields.text("status");
  const message = error?.text("message");
  const text = message === undefined ? undefined : { text: message };
  blocks.results.push({
    id: fields.text("tool_call_id") ?? fields.text("call_id"),
    name: fields.text("name") ?? fields.text("function"),
    result: joined(output) ?? text ?? { text: "" },
    isError: error !== undefined || status === "error",
    ...(error !== undefined && { error: { type: error.text("type"), message: text } }),
  });
}

function readThoughts(
  fields: Fields,
  blocks: MessageBlocks,
  type: string | undefined,
  path: string,
  onLoss: OnLoss,
): void {
  for (const key of ["reasoning_content", "reasoning", "thinking"]) {
    const text = fields.text(key);
    if (text !== undefined && text !== "") blocks.thought.push({ text });
  }
  if (type !== "reasoning") return;
  blocks.thought.push(...blocks.said.splice(0));
  blocks.thought.push(...readBlocks(fields.take("summary"), `${path}.summary`, onLoss).said);
  if (fields.text("encrypted_content") !== undefined) {
    onLoss(`${path}.encrypted_content`, "unmapped");
    if (blocks.thought.length === 0) blocks.thought.push({ absent: "encrypted" });
  }
}

/** Usage as OpenAI, Anthropic and LangChain write it beside a message. */
function usageOf(fields: Fields): StepDraft["usage"] {
  const usage = fields.object("usage") ?? fields.object("usage_metadata");
  return usage === undefined ? undefined : readUsage(usage);
}

/** Usage under any of the names in use. */
export function readUsage(usage: Fields): NonNullable<StepDraft["usage"]> {
  const first = (...keys: string[]) => {
    let found: number | undefined;
    for (const key of keys) {
      const value = usage.number(key);
      found ??= value;
    }
    return found;
  };
  const write = first(
    "cache_creation_input_tokens",
    "cache_write_tokens",
    "input_tokens_cache_write",
  );
  // Anthropic counts what came from the cache beside the input, the others in it.
  const beside = usage.number("cache_read_input_tokens");
  const read = first("cached_tokens", "cache_read_tokens", "input_tokens_cache_read");
  const details =
    usage.object("prompt_tokens_details") ??
    usage.object("input_tokens_details") ??
    usage.object("input_token_details");
  const out =
    usage.object("completion_tokens_details") ??
    usage.object("output_tokens_details") ??
    usage.object("output_token_details");
  const input = first("input_tokens", "prompt_tokens", "input");
  usage.number("total_tokens");
  usage.number("total");
  return {
    input:
      input === undefined
        ? undefined
        : input + (beside ?? 0) + (beside === undefined ? 0 : (write ?? 0)),
    output: first("output_tokens", "completion_tokens", "output"),
    cacheRead: beside ?? read ?? details?.number("cached_tokens") ?? details?.number("cache_read"),
    cacheWrite: write,
    reasoning:
      first("reasoning_tokens") ?? out?.number("reasoning_tokens") ?? out?.number("reasoning"),
  };
}
