import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart } from "../run/draft.ts";
import type { StepKind } from "../run/step.ts";
import { utcTime } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import { isMessage, readUsage } from "./message.ts";
import { toolOf } from "./messages.ts";
import type { ReadSpan } from "./otlp-genai.ts";
import type { Span } from "./spans.ts";

type Members = { readonly [key: string]: JsonValue };

const KINDS: Readonly<Record<string, StepKind>> = {
  llm: "llm",
  chat: "llm",
  tool: "tool",
  chain: "agent",
  agent: "agent",
  retriever: "retrieval",
};

/** Reads a run of LangSmith (docs.langchain.com/langsmith/run-data-format). */
export function readLangSmithRun(run: Fields, onLoss: OnLoss): ReadSpan {
  const kind = KINDS[run.text("run_type") ?? ""] ?? "event";
  const isLlm = kind === "llm";
  const extra = run.object("extra");
  const metadata = extra?.object("metadata");
  const runtime = extra?.object("runtime");
  const invocation = extra?.take("invocation_params");
  const inputs = run.take("inputs");
  const outputs = run.take("outputs");
  const asked = isLlm ? askedOf(inputs, invocation, onLoss) : undefined;
  const said = isLlm ? answerOf(outputs, onLoss) : undefined;
  const requested = metadata?.text("ls_model_name") ?? asked?.model;
  const error = run.text("error");
  const status = run.text("status");
  const session = metadata?.text("thread_id") ?? metadata?.text("session_id");
  const library = runtime?.text("library");
  const parts: RunPart[] = [
    {
      head: {
        session: { id: session },
        environment: environmentOf(runtime),
        agent: { framework: library },
      },
    },
    ...(asked?.tools ?? []),
  ];
  run.duplicate("parent_run_ids", "child_run_ids", "direct_child_run_ids");
  run.take("trace_id");
  const usage = usageOf(run);
  // Sorts; begins and ends with what other members tell.
  const order = run.peek("dotted_order") as string | undefined;
  run.duplicate("dotted_order");
  const span: Span = {
    id: run.text("id") ?? "",
    parentId: run.text("parent_run_id"),
    order,
    kind,
    name: run.text("name"),
    startedAt: timeOf(run, "start_time"),
    endedAt: timeOf(run, "end_time"),
    status:
      error !== undefined || status === "error" ? "error" : status === "pending" ? "unknown" : "ok",
    error: error === undefined ? undefined : { message: { text: error } },
    callId: toolCallId(inputs, outputs),
    model:
      isLlm && requested !== undefined
        ? {
            requested,
            served: said?.model === requested ? undefined : said?.model,
            provider: metadata?.text("ls_provider"),
            params: asked?.params,
          }
        : undefined,
    // Sums of a chain are those of the calls in it: told once, with the calls.
    usage: isLlm ? (said?.usage ?? usage) : undefined,
    finishReason: said?.finishReason,
    request: asked?.messages === undefined ? contentOf(inputs) : undefined,
    result: said?.messages === undefined ? contentOf(outputs) : undefined,
    messages: asked?.messages,
    answers: said?.messages,
    extra: members({
      metadata: metadata?.rest(),
      runtime: runtime?.rest(),
      tags: filled(run.take("tags")),
      events: filled(run.take("events")),
      attachments: filled(run.take("attachments")),
      output: said?.rest,
    }),
  };
  return { span, parts };
}

interface Asked {
  readonly messages: readonly Members[] | undefined;
  readonly model: string | undefined;
  readonly params: JsonValue | undefined;
  readonly tools: readonly RunPart[];
}

/** What a model was given: messages (a list, or a list of lists as LangChain batches them), tools, parameters. */
function askedOf(
  inputs: JsonValue | undefined,
  invocation: JsonValue | undefined,
  onLoss: OnLoss,
): Asked {
  const none = { messages: undefined, model: modelIn(invocation), params: invocation, tools: [] };
  if (!isObject(inputs)) return none;
  const messages = messagesIn(inputs["messages"]);
  if (messages === undefined) return none;
  const fields = new Fields(inputs, "$.inputs", onLoss);
  fields.take("messages");
  const tools = fields.objects("tools").map((tool): RunPart => {
    const read = toolOf(tool);
    tool.close();
    return { tool: read };
  });
  const model = fields.text("model");
  const params = invocation ?? fields.rest();
  if (invocation !== undefined) fields.close();
  return { messages, model: modelIn(invocation) ?? model, params, tools };
}

interface Said {
  readonly messages: readonly Members[] | undefined;
  readonly model: string | undefined;
  readonly usage: Span["usage"];
  readonly finishReason: string | undefined;
  readonly rest: JsonValue | undefined;
}

/** `{choices: [{message}]}`, `{generations: [[{message}]]}`, `{messages}`, `{output}`, or a message itself. */
function answerOf(outputs: JsonValue | undefined, onLoss: OnLoss): Said | undefined {
  if (!isObject(outputs)) return undefined;
  if (isMessage(outputs)) {
    return {
      messages: [outputs],
      model: undefined,
      usage: undefined,
      finishReason: undefined,
      rest: undefined,
    };
  }
  const fields = new Fields(outputs, "$.outputs", onLoss);
  const key = ["choices", "generations", "messages", "output"].find(
    (name) => answersIn(outputs[name]) !== undefined,
  );
  if (key === undefined) return undefined;
  const list = fields.take(key);
  const usage = fields.object("usage_metadata") ?? fields.object("usage");
  const said = {
    messages: answersIn(list),
    model: fields.text("model"),
    usage: usage && readUsage(usage),
    finishReason: finishIn(list),
  };
  usage?.close();
  return { ...said, rest: fields.rest() };
}

function answersIn(value: JsonValue | undefined): Members[] | undefined {
  const list = Array.isArray(value)
    ? (value as readonly JsonValue[]).flat(1)
    : value === undefined
      ? []
      : [value];
  const found = (list as readonly JsonValue[]).flatMap((item) => {
    const message = isObject(item) && !isMessage(item) ? (item["message"] ?? item) : item;
    return isMessage(message) ? [message] : [];
  });
  return found.length === 0 ? undefined : found;
}

function finishIn(list: JsonValue | undefined): string | undefined {
  const first = Array.isArray(list) ? (list as readonly JsonValue[]).flat(1)[0] : undefined;
  const reason = isObject(first as JsonValue) ? (first as Members)["finish_reason"] : undefined;
  return typeof reason === "string" ? reason : undefined;
}

function messagesIn(value: JsonValue | undefined): Members[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list = (value as readonly JsonValue[]).flat(1) as readonly JsonValue[];
  const found = list.filter(isMessage);
  return found.length === 0 || found.length !== list.length ? undefined : found;
}

function usageOf(run: Fields): Span["usage"] {
  const usage = {
    input: run.number("prompt_tokens"),
    output: run.number("completion_tokens"),
    cost: costOf(run),
  };
  run.take("total_tokens");
  return usage;
}

/** A decimal: clients write it as text. */
function costOf(run: Fields): number | undefined {
  const text = run.peek("total_cost");
  if (typeof text !== "string" || !/^\d{1,15}(?:\.\d{1,20})?$/.test(text))
    return run.number("total_cost");
  run.take("total_cost");
  return Number(text);
}

function environmentOf(runtime: Fields | undefined): {
  os?: string | undefined;
  runtime?: string | undefined;
} {
  if (runtime === undefined) return {};
  const name = [runtime.text("runtime"), runtime.text("runtime_version")].filter(Boolean).join(" ");
  return { os: runtime.text("platform"), runtime: name || undefined };
}

function timeOf(run: Fields, key: string): string | undefined {
  const text = run.text(key);
  const time = text === undefined ? undefined : utcTime(text);
  if (text !== undefined && time === undefined) run.changed(key);
  return time;
}

function modelIn(params: JsonValue | undefined): string | undefined {
  if (!isObject(params)) return undefined;
  const model = params["model"] ?? params["model_name"];
  return typeof model === "string" ? model : undefined;
}

function toolCallId(
  inputs: JsonValue | undefined,
  outputs: JsonValue | undefined,
): string | undefined {
  const output = isObject(outputs) ? outputs["output"] : undefined;
  const kwargs = isObject(output) ? output["kwargs"] : undefined;
  const inner = isObject(kwargs) ? kwargs : output;
  const said = isObject(inner) ? inner["tool_call_id"] : undefined;
  const id = said ?? (isObject(inputs) ? inputs["tool_call_id"] : undefined);
  return typeof id === "string" ? id : undefined;
}

function contentOf(value: JsonValue | undefined): ContentDraft | undefined {
  return value === undefined ? undefined : { value };
}

function filled(value: JsonValue | undefined): JsonValue | undefined {
  const isNone = typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return isNone ? undefined : value;
}

function members(value: { readonly [key: string]: JsonValue | undefined }): JsonValue | undefined {
  const entries = Object.entries(value).filter(
    (entry): entry is [string, JsonValue] => entry[1] !== undefined,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
