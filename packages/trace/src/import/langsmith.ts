import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart } from "../run/draft.ts";
import type { StepKind } from "../run/step.ts";
import { utcTime } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { isMessage } from "./message.ts";
import { type Span, SpanRun } from "./spans.ts";

type Members = { readonly [key: string]: JsonValue };

const KINDS: Readonly<Record<string, StepKind>> = {
  llm: "llm",
  chat: "llm",
  tool: "tool",
  chain: "agent",
  retriever: "retrieval",
};

/** LangSmith runs: a list, `{runs: []}`, a tree of `child_runs`, or JSON lines. Each trace is a run. */
export async function* importLangSmith(log: LogSource): AsyncGenerator<ImportedRun> {
  const notes = new LossNotes();
  const traces = new Map<string, Members[]>();
  for await (const value of log.values()) {
    notes.noteSkipped(log);
    log.keepWhole();
    for (const run of runsOf(value)) {
      const key = String(run["trace_id"] ?? rootOf(run) ?? "");
      traces.set(key, [...(traces.get(key) ?? []), run]);
    }
  }
  for (const [key, runs] of traces) {
    yield { key, format: "langsmith", parts: readTrace(log, key, runs, notes) };
  }
}

/** The beginning of `dotted_order` is the root's time and id. */
function rootOf(run: Members): string | undefined {
  const order = run["dotted_order"];
  return typeof order === "string" ? order.split(".")[0] : undefined;
}

function runsOf(value: JsonValue): Members[] {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).flatMap(runsOf);
  if (!isObject(value)) return [];
  if (Array.isArray(value["runs"])) return runsOf(value["runs"]);
  const { child_runs: children, ...run } = value;
  const inner = Array.isArray(children) ? runsOf(children) : [];
  const trace = run["trace_id"];
  // Children of a tree need not say which trace they are of.
  return [
    run,
    ...inner.map((child) =>
      trace === undefined || "trace_id" in child ? child : { ...child, trace_id: trace },
    ),
  ];
}

async function* readTrace(
  log: LogSource,
  key: string,
  runs: readonly Members[],
  notes: LossNotes,
): AsyncGenerator<RunPart> {
  yield {
    head: {
      source: { format: "langsmith", ...log.facts },
      session: { group: key },
      notCaptured: ["system", "tools"],
    },
  };
  const spans: Span[] = [];
  for (const run of runs) {
    const fields = new Fields(run, "$", notes.note);
    const { span, parts } = readRun(fields, notes.note);
    fields.close();
    spans.push(span);
    yield* parts;
  }
  yield* new SpanRun(spans, notes.note).parts();
  yield* notes.parts();
}

function readRun(run: Fields, onLoss: OnLoss): { span: Span; parts: RunPart[] } {
  const kind = KINDS[run.text("run_type") ?? ""] ?? "event";
  const isLlm = kind === "llm";
  const extra = run.object("extra");
  const metadata = extra?.object("metadata");
  const runtime = extra?.object("runtime");
  const invocation = extra?.take("invocation_params");
  const inputs = run.take("inputs");
  const outputs = run.take("outputs");
  const requested = metadata?.text("ls_model_name") ?? modelIn(invocation);
  const provider = metadata?.text("ls_provider");
  const messages = isLlm ? messagesIn(inputs) : undefined;
  const answers = isLlm ? answersIn(outputs) : undefined;
  const error = run.text("error");
  const status = run.text("status");
  const session = metadata?.text("thread_id") ?? metadata?.text("session_id");
  const parts: RunPart[] = [
    {
      head: {
        session: { id: session },
        environment: environmentOf(runtime),
        agent: { framework: runtime?.text("library") },
      },
    },
  ];
  run.duplicate("parent_run_ids", "child_run_ids", "direct_child_run_ids", "trace_id");
  for (const key of ["prompt_cost", "completion_cost"]) run.take(key);
  const span: Span = {
    id: run.text("id") ?? "",
    parentId: run.text("parent_run_id"),
    order: run.text("dotted_order"),
    kind,
    name: run.text("name"),
    startedAt: timeOf(run, "start_time"),
    endedAt: timeOf(run, "end_time"),
    status:
      error !== undefined || status === "error" ? "error" : status === "pending" ? "unknown" : "ok",
    error: error === undefined ? undefined : { message: { text: error } },
    callId: toolCallId(inputs, outputs),
    model:
      isLlm && requested !== undefined ? { requested, provider, params: invocation } : undefined,
    usage: usageOf(run, isLlm),
    request: isLlm && messages !== undefined ? undefined : contentOf(inputs),
    result: isLlm && answers !== undefined ? undefined : contentOf(outputs),
    messages,
    answers,
    extra: others({
      metadata: metadata?.rest(),
      runtime: runtime?.rest(),
      tags: nonEmpty(run.take("tags")),
      events: nonEmpty(run.take("events")),
    }),
  };
  if (!isLlm && invocation !== undefined) onLoss("$.extra.invocation_params", "unmapped");
  return { span, parts };
}

/** Sums of a chain are those of the calls in it: told once, with the calls. */
function usageOf(run: Fields, isLlm: boolean): Span["usage"] {
  const usage = {
    input: run.number("prompt_tokens"),
    output: run.number("completion_tokens"),
    cost: run.number("total_cost"),
  };
  run.take("total_tokens");
  return isLlm ? usage : undefined;
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

/** Messages in the inputs: a list, or a list of lists as LangChain batches them. */
function messagesIn(inputs: JsonValue | undefined): Members[] | undefined {
  if (!isObject(inputs)) return undefined;
  const { messages } = inputs;
  const list = Array.isArray(messages) ? (messages as readonly JsonValue[]).flat(1) : [];
  const found = (list as readonly JsonValue[]).filter(isMessage);
  return found.length === 0 || found.length !== list.length ? undefined : found;
}

/** `{generations: [[{message}]]}`, `{choices: [{message}]}`, `{messages}`, or a message itself. */
function answersIn(outputs: JsonValue | undefined): Members[] | undefined {
  if (!isObject(outputs)) return undefined;
  if (isMessage(outputs)) return [outputs];
  const { generations, choices, messages, output } = outputs;
  const lists = [generations, choices, messages, output].find(Array.isArray) as
    | readonly JsonValue[]
    | undefined;
  const found = (lists?.flat(1) as readonly JsonValue[] | undefined)?.flatMap((item) => {
    const message = isObject(item) ? (item["message"] ?? item) : item;
    return isMessage(message) ? [message] : [];
  });
  return found === undefined || found.length === 0 ? undefined : found;
}

function toolCallId(
  inputs: JsonValue | undefined,
  outputs: JsonValue | undefined,
): string | undefined {
  const output = isObject(outputs) ? outputs["output"] : undefined;
  const inner = isObject(output)
    ? isObject(output["kwargs"])
      ? output["kwargs"]
      : output
    : undefined;
  const id =
    (isObject(inner) ? inner["tool_call_id"] : undefined) ??
    (isObject(inputs) ? inputs["tool_call_id"] : undefined);
  return typeof id === "string" ? id : undefined;
}

function contentOf(value: JsonValue | undefined): ContentDraft | undefined {
  return value === undefined ? undefined : { value };
}

function nonEmpty(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

function others(members: { readonly [key: string]: JsonValue | undefined }): JsonValue | undefined {
  const entries = Object.entries(members).filter(
    (entry): entry is [string, JsonValue] => entry[1] !== undefined,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
