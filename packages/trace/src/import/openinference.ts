import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart } from "../run/draft.ts";
import type { StepKind } from "../run/step.ts";
import type { OnLoss } from "../source/fields.ts";
import { Fields } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import { argumentsOf } from "./blocks.ts";
import { isMessage } from "./message.ts";
import { toolOf } from "./messages.ts";
import { Attributes } from "./otlp-attributes.ts";
import type { OtelSpan } from "./otlp-container.ts";
import { exceptionOf, keptEvents } from "./otlp-events.ts";
import type { ReadSpan } from "./otlp-genai.ts";
import type { Span } from "./spans.ts";

const KINDS: Readonly<Record<string, StepKind>> = {
  LLM: "llm",
  TOOL: "tool",
  AGENT: "agent",
  CHAIN: "agent",
  RETRIEVER: "retrieval",
  RERANKER: "retrieval",
};

type Members = { readonly [key: string]: JsonValue };

/** Reads a span by the OpenInference conventions, whose messages are spelt out in numbered attributes. */
export function readOpenInference(otel: OtelSpan, onLoss: OnLoss): ReadSpan {
  const a = new Attributes(otel.attributes);
  const kind = KINDS[a.text("openinference.span.kind")?.toUpperCase() ?? ""] ?? "event";
  const parts: RunPart[] = [...toolsOf(a, onLoss)];
  const session = a.text("session.id");
  if (session !== undefined) parts.push({ head: { session: { id: session } } });
  const isLlm = kind === "llm";
  const asked = a.numbered("llm.input_messages.").map(messageOf);
  const said = a.numbered("llm.output_messages.").map(messageOf);
  const input = io(a, "input");
  const output = io(a, "output");
  const messages = isLlm && asked.length === 0 ? messagesIn(input) : asked;
  const answers = isLlm && said.length === 0 ? messagesIn(output) : said;
  const params = a.json("llm.invocation_parameters");
  const documents = a.numbered("retrieval.documents.");
  const error = otel.isError ? errorOf(otel, a) : undefined;
  const span: Span = {
    id: otel.id,
    parentId: otel.parentId,
    order: otel.id,
    kind,
    name: a.text("tool.name", "agent.name", "tool_call.function.name") ?? otel.name,
    startedAt: otel.startedAt,
    endedAt: otel.endedAt,
    status: otel.isError ? "error" : "ok",
    error,
    callId: a.text("tool_call.id", "tool.call.id", "tool.id"),
    model: isLlm
      ? {
          requested: a.text("llm.model_name", "gen_ai.request.model"),
          provider: a.text("llm.provider", "llm.system"),
          params: params ?? a.under("gen_ai.request."),
        }
      : undefined,
    usage: isLlm ? usageOf(a) : undefined,
    finishReason: isLlm ? a.text("llm.finish_reason") : undefined,
    // An llm span tells its messages again in `input.value`, as its provider wrote them.
    request: isLlm && messages.length > 0 ? undefined : (toolArguments(a) ?? input),
    result:
      documents.length > 0
        ? { value: documents.map(documentOf) }
        : isLlm && answers.length > 0
          ? undefined
          : output,
    messages: isLlm ? messages : undefined,
    answers: isLlm ? answers : undefined,
    extra: a.rest({
      message: otel.isError || otel.message === "" ? undefined : otel.message,
      events: keptEvents(otel, () => false, error),
    }),
  };
  if (isLlm && asked.length > 0 && input !== undefined) onLoss('$..["input.value"]', "duplicate");
  if (isLlm && said.length > 0 && output !== undefined) onLoss('$..["output.value"]', "duplicate");
  return { span, parts };
}

/** `{message: {role, content, tool_calls: [{tool_call: {…}}], contents: [{message_content: {…}}]}}` as a message. */
function messageOf(item: Members): Members {
  const { message } = item;
  if (!isObject(message)) return item;
  const {
    tool_calls: calls,
    contents,
    function_call_name: name,
    function_call_arguments_json: json,
    ...others
  } = message;
  const listed = Array.isArray(calls) ? (calls as readonly JsonValue[]) : [];
  const blocks = Array.isArray(contents) ? (contents as readonly JsonValue[]) : [];
  const legacy = name === undefined ? {} : { function_call: { name, arguments: json ?? null } };
  return {
    ...others,
    ...(blocks.length > 0 && { content: blocks.map(blockOf) }),
    ...(listed.length > 0 && {
      tool_calls: listed.map((call) => (isObject(call) ? (call["tool_call"] ?? call) : call)),
    }),
    ...legacy,
  };
}

/** Messages that `input.value` or `output.value` alone tells: nothing but a list of them, or one. */
function messagesIn(content: ContentDraft | undefined): Members[] {
  const read = content !== undefined && "text" in content ? argumentsOf(content.text) : content;
  if (read === undefined || !("value" in read)) return [];
  const { value } = read;
  const list: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  return list.every(isMessage) ? [...list] : [];
}

function blockOf(block: JsonValue): JsonValue {
  const content = isObject(block) ? block["message_content"] : undefined;
  if (!isObject(content)) return block;
  const image = content["image"];
  const inner = isObject(image) ? image["image"] : undefined;
  const url = isObject(inner) ? inner["url"] : undefined;
  return typeof url === "string" ? { type: "image_url", image_url: { url } } : content;
}

function documentOf(item: Members): JsonValue {
  return item["document"] ?? item;
}

function* toolsOf(a: Attributes, onLoss: OnLoss): Generator<RunPart> {
  for (const { tool } of a.numbered("llm.tools.")) {
    if (!isObject(tool)) continue;
    const schema =
      typeof tool["json_schema"] === "string" ? argumentsOf(tool["json_schema"]) : undefined;
    const value = schema !== undefined && "value" in schema ? schema.value : tool["json_schema"];
    const definition = isObject(value) ? { ...value, ...withoutSchema(tool) } : withoutSchema(tool);
    const fields = new Fields(definition, "$..llm.tools[*].tool", onLoss);
    yield { tool: toolOf(fields) };
    fields.close();
  }
}

function withoutSchema(tool: Members): Members {
  const { json_schema: _, ...others } = tool;
  return others;
}

function toolArguments(a: Attributes): ContentDraft | undefined {
  const value = a.json("tool_call.function.arguments");
  // `tool.parameters` is the schema of some and the arguments of others: kept beside, not believed.
  return value === undefined ? undefined : argumentsOf(value);
}

function io(a: Attributes, which: "input" | "output"): ContentDraft | undefined {
  const type = a.text(`${which}.mime_type`);
  const value = type === "application/json" ? a.json(`${which}.value`) : a.take(`${which}.value`);
  if (value === undefined) return undefined;
  return typeof value === "string" ? { text: value, mediaType: type } : { value };
}

function usageOf(a: Attributes): Span["usage"] {
  const under = "llm.token_count.";
  a.take(`${under}total`);
  return {
    input: a.integer(`${under}prompt`, "gen_ai.usage.input_tokens"),
    output: a.integer(`${under}completion`, "gen_ai.usage.output_tokens"),
    cacheRead: a.integer(`${under}prompt_details.cache_read`),
    cacheWrite: a.integer(`${under}prompt_details.cache_write`),
    reasoning: a.integer(`${under}completion_details.reasoning`),
    cost: a.number("llm.cost.total"),
  };
}

function errorOf(otel: OtelSpan, a: Attributes): Span["error"] {
  const exception = exceptionOf(otel);
  const message =
    otel.message || (exception?.get("exception.message") ?? a.text("exception.message"));
  const type = exception?.get("exception.type") ?? a.text("exception.type", "error.type");
  return {
    type: type === undefined ? undefined : String(type),
    message: message === undefined || message === "" ? undefined : { text: String(message) },
  };
}
