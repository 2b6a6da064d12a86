import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart } from "../run/draft.ts";
import type { StepKind } from "../run/step.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import { argumentsOf } from "./blocks.ts";
import { toolOf } from "./messages.ts";
import { Attributes } from "./otlp-attributes.ts";
import type { OtelSpan } from "./otlp-container.ts";
import { exceptionOf, keptEvents } from "./otlp-events.ts";
import {
  attributesWithDetails,
  CHOICE,
  isSaid,
  legacy,
  messagesOf,
  PROMPT_EVENTS,
  parsed,
  vercelAnswer,
} from "./otlp-genai-messages.ts";
import type { Span } from "./spans.ts";

/** What a span is, and what it tells about the whole run. */
export interface ReadSpan {
  readonly span: Span;
  readonly parts: readonly RunPart[];
}

const KINDS: Readonly<Record<string, StepKind>> = {
  chat: "llm",
  completion: "llm",
  text_completion: "llm",
  generate_content: "llm",
  responses: "llm",
  plan: "llm",
  execute_tool: "tool",
  create_memory: "tool",
  update_memory: "tool",
  upsert_memory: "tool",
  delete_memory: "tool",
  invoke_agent: "agent",
  create_agent: "agent",
  invoke_workflow: "agent",
  retrieval: "retrieval",
  search_memory: "retrieval",
  embeddings: "event",
};

const PARAMS = "gen_ai.request.";

/**
 * Reads a span by the semantic conventions for generative AI, with the names they had before, those of OpenLLMetry and
 * of the Vercel AI SDK.
 */
export function readGenAi(otel: OtelSpan, onLoss: OnLoss): ReadSpan {
  const a = new Attributes(attributesWithDetails(otel));
  const kind = kindOf(otel, a);
  const parts: RunPart[] = [];
  for (const text of instructions(a)) parts.push({ system: text });
  for (const tool of toolDefinitions(a, onLoss)) parts.push({ tool });
  const session = a.text("gen_ai.conversation.id", "session.id");
  if (session !== undefined) parts.push({ head: { session: { id: session } } });
  const messages =
    messagesOf(a.json("gen_ai.input.messages", "ai.prompt.messages"), "user") ??
    legacy(a, "gen_ai.prompt.", otel, PROMPT_EVENTS);
  const answers =
    messagesOf(a.json("gen_ai.output.messages"), "assistant") ??
    legacy(a, "gen_ai.completion.", otel, [CHOICE]) ??
    vercelAnswer(a);
  const isLlm = kind === "llm";
  const requested = a.text("gen_ai.request.model", "ai.model.id");
  const served = a.text("gen_ai.response.model", "ai.response.model");
  const provider = a.text(
    "gen_ai.provider.name",
    "gen_ai.system",
    "ai.model.provider",
    "gen_ai.request.provider",
  );
  const params = a.under(PARAMS);
  const errorType = a.text("error.type");
  const isError = otel.isError || errorType !== undefined;
  const error = isError ? errorOf(otel, errorType) : undefined;
  const finishReasons = a.json("gen_ai.response.finish_reasons");
  const named = a.text(
    "gen_ai.tool.name",
    "ai.toolCall.name",
    "gen_ai.agent.name",
    "gen_ai.workflow.name",
  );
  // By the conventions a span is called by its operation and what that is about.
  const usual = [named, `${String(otel.attributes.get("gen_ai.operation.name"))} ${named}`];
  const isOtherwise = !isLlm && named !== undefined && !usual.includes(otel.name);
  const span: Span = {
    id: otel.id,
    parentId: otel.parentId,
    order: otel.id,
    kind,
    name: isLlm ? otel.name : (named ?? otel.name),
    startedAt: otel.startedAt,
    endedAt: otel.endedAt,
    status: isError ? "error" : "ok",
    error,
    callId: a.text("gen_ai.tool.call.id", "ai.toolCall.id"),
    model:
      isLlm && (requested ?? served) !== undefined
        ? { requested, served, provider, params }
        : undefined,
    usage: isLlm ? usageOf(a) : undefined,
    finishReason: firstOf(finishReasons) ?? a.text("ai.response.finishReason"),
    request:
      contentOf(
        a.json("gen_ai.tool.call.arguments", "ai.toolCall.args", "traceloop.entity.input"),
      ) ?? (isLlm ? undefined : asContent(messages)),
    result:
      contentOf(
        a.json("gen_ai.tool.call.result", "ai.toolCall.result", "traceloop.entity.output"),
      ) ?? (isLlm ? undefined : asContent(answers)),
    messages: isLlm ? messages : undefined,
    answers: isLlm ? answers : undefined,
    extra: a.rest({
      name: isOtherwise ? otel.name : undefined,
      provider: isLlm ? undefined : provider,
      // One for each answer.
      finishReasons:
        Array.isArray(finishReasons) && finishReasons.length > 1 ? finishReasons : undefined,
      message: isError || otel.message === "" ? undefined : otel.message,
      events: keptEvents(otel, isSaid, error),
    }),
  };
  return { span, parts };
}

function kindOf(otel: OtelSpan, a: Attributes): StepKind {
  const operation = otel.attributes.get("gen_ai.operation.name");
  const known = typeof operation === "string" ? KINDS[operation] : undefined;
  // An operation of another name is kept with the step.
  if (known !== undefined) a.take("gen_ai.operation.name");
  if (known !== undefined) return known;
  if (operation !== undefined && a.has("gen_ai.tool.name")) return "tool";
  const loop = a.text("traceloop.span.kind");
  if (loop !== undefined) return loop === "tool" ? "tool" : "agent";
  if (/\.do(?:Generate|Stream)$/.test(otel.name)) return "llm";
  if (otel.name === "ai.toolCall") return "tool";
  if (/^ai\.(?:generate|stream)(?:Text|Object)$/.test(otel.name)) return "agent";
  if (a.text("mcp.method.name") === "tools/call") return "tool";
  return a.has("gen_ai.request.model") || a.has("llm.request.type") ? "llm" : "event";
}

function instructions(a: Attributes): ContentDraft[] {
  const value = a.json("gen_ai.system_instructions", "gen_ai.system.instructions");
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [{ value }];
  return (value as readonly JsonValue[]).map((item) =>
    isObject(item) && typeof item["content"] === "string"
      ? { text: item["content"] }
      : { value: item },
  );
}

function* toolDefinitions(
  a: Attributes,
  onLoss: OnLoss,
): Generator<Extract<RunPart, { tool: unknown }>["tool"]> {
  const value = a.json("gen_ai.tool.definitions", "ai.prompt.tools");
  for (const item of Array.isArray(value) ? (value as readonly JsonValue[]) : []) {
    const tool = typeof item === "string" ? parsed(item) : item;
    if (!isObject(tool)) continue;
    const fields = new Fields(tool, '$..["gen_ai.tool.definitions"][*]', onLoss);
    yield toolOf(fields);
    fields.close();
  }
}

function errorOf(otel: OtelSpan, type: string | undefined): Span["error"] {
  const exception = exceptionOf(otel);
  const message = otel.message || exception?.get("exception.message");
  const kind = type ?? exception?.get("exception.type");
  return {
    type: kind === undefined ? undefined : String(kind),
    message: message === undefined || message === "" ? undefined : { text: String(message) },
  };
}

function usageOf(a: Attributes): Span["usage"] {
  return {
    input: a.integer(
      "gen_ai.usage.input_tokens",
      "gen_ai.usage.prompt_tokens",
      "ai.usage.promptTokens",
      "ai.usage.inputTokens",
    ),
    output: a.integer(
      "gen_ai.usage.output_tokens",
      "gen_ai.usage.completion_tokens",
      "ai.usage.completionTokens",
      "ai.usage.outputTokens",
    ),
    cacheRead: a.integer(
      "gen_ai.usage.cache_read.input_tokens",
      "gen_ai.usage.cached_tokens",
      "ai.usage.cachedInputTokens",
    ),
    cacheWrite: a.integer(
      "gen_ai.usage.cache_write.input_tokens",
      "gen_ai.usage.cache_creation.input_tokens",
    ),
    reasoning: a.integer(
      "gen_ai.usage.reasoning.output_tokens",
      "gen_ai.usage.reasoning_tokens",
      "ai.usage.reasoningTokens",
    ),
    cost: a.number("gen_ai.usage.cost"),
  };
}

function contentOf(value: JsonValue | undefined): ContentDraft | undefined {
  return value === undefined
    ? undefined
    : typeof value === "string"
      ? { text: value }
      : argumentsOf(value);
}

function asContent(
  messages: readonly { readonly [key: string]: JsonValue }[] | undefined,
): ContentDraft | undefined {
  const [first] = messages ?? [];
  if (messages === undefined || first === undefined) return undefined;
  return messages.length === 1 && typeof first["content"] === "string"
    ? { text: first["content"] }
    : { value: messages };
}

function firstOf(value: JsonValue | undefined): string | undefined {
  const first = Array.isArray(value) ? (value[0] as JsonValue | undefined) : value;
  return typeof first === "string" ? first : undefined;
}
