import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart } from "../run/draft.ts";
import type { StepKind } from "../run/step.ts";
import { utcTime } from "../run/time.ts";
import { Fields } from "../source/fields.ts";
import { parseJson } from "../source/json.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { isMessage } from "./message.ts";
import { type Span, SpanRun } from "./spans.ts";

type Members = { readonly [key: string]: JsonValue };

const KINDS: Readonly<Record<string, StepKind>> = {
  GENERATION: "llm",
  TOOL: "tool",
  AGENT: "agent",
  CHAIN: "agent",
  SPAN: "agent",
  RETRIEVER: "retrieval",
};

/** Derived from others, or about the account that holds it. */
const DERIVED = [
  "latency",
  "timeToFirstToken",
  "totalCost",
  "inputUsage",
  "outputUsage",
  "totalUsage",
  "calculatedTotalCost",
  "promptTokens",
  "completionTokens",
  "totalTokens",
  "inputTokens",
  "outputTokens",
  "usage",
  "providedCostDetails",
  "providedUsageDetails",
  "traceName",
];

/** A Langfuse trace with its observations, a list of traces or of observations, or JSON lines. Each trace is a run. */
export async function* importLangfuse(log: LogSource): AsyncGenerator<ImportedRun> {
  const notes = new LossNotes();
  const traces = new Map<string, { trace: Members; observations: Members[] }>();
  const of = (id: string) => {
    // Observations alone tell of their trace nothing but its id.
    const known = traces.get(id) ?? { trace: id === "" ? {} : { id }, observations: [] };
    traces.set(id, known);
    return known;
  };
  const read = (value: JsonValue): void => {
    if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) read(item);
    if (!isObject(value)) return;
    const { trace, observations, data } = value;
    if (Array.isArray(observations)) {
      const { observations: _, trace: __, ...self } = value;
      const head = isObject(trace) ? trace : self;
      const entry = of(String(head["id"] ?? ""));
      entry.trace = head;
      entry.observations.push(...(observations as readonly JsonValue[]).filter(isObject));
    } else if (Array.isArray(data)) read(data);
    else if (value["traceId"] !== undefined) of(String(value["traceId"])).observations.push(value);
    else if (value["id"] !== undefined) of(String(value["id"])).trace = value;
  };
  for await (const value of log.values()) {
    notes.noteSkipped(log);
    log.keepWhole();
    read(value);
  }
  for (const [key, { trace, observations }] of traces) {
    yield { key, format: "langfuse", parts: readTrace(log, trace, observations, notes.copy()) };
  }
}

async function* readTrace(
  log: LogSource,
  trace: Members,
  observations: readonly Members[],
  notes: LossNotes,
): AsyncGenerator<RunPart> {
  const fields = new Fields(trace, "$.trace", notes.note);
  yield {
    head: { source: { format: "langfuse", version: fields.text("sdkVersion"), ...log.facts } },
  };
  yield {
    head: {
      name: fields.text("name"),
      session: { id: fields.text("sessionId"), group: fields.text("id") },
      notCaptured: ["agent", "environment", "system", "tools"],
    },
  };
  const extra = membersOf(fields, [
    "input",
    "output",
    "metadata",
    "tags",
    "userId",
    "release",
    "version",
    "environment",
    "scores",
  ]);
  if (extra !== undefined) yield { head: { extra } };
  for (const key of [...DERIVED, "bookmarked", "public"]) fields.take(key);
  fields.close();
  const spans: Span[] = [];
  for (const observation of observations) {
    const one = new Fields(observation, "$.observations[*]", notes.note);
    spans.push(readObservation(one));
    one.close();
  }
  yield* new SpanRun(spans, "$.observations[*].parentObservationId", notes.note).parts();
  yield* notes.parts();
}

function readObservation(one: Fields): Span {
  const type = one.text("type") ?? "";
  const kind = KINDS[type] ?? "event";
  const isLlm = kind === "llm";
  const input = unpacked(one.take("input"));
  const output = unpacked(one.take("output"));
  const messages = isLlm ? messagesIn(input) : undefined;
  const answers = isLlm ? messagesIn(output) : undefined;
  const level = one.text("level");
  const message = one.text("statusMessage");
  const model = one.text("model") ?? one.text("providedModelName");
  const params = unpacked(one.take("modelParameters"));
  const usage = usageOf(one);
  for (const key of [...DERIVED, "traceId"]) one.take(key);
  return {
    id: one.text("id") ?? "",
    parentId: one.text("parentObservationId"),
    order: one.peek("id") as string | undefined,
    kind,
    name: one.text("name"),
    startedAt: timeOf(one, "startTime"),
    endedAt: timeOf(one, "endTime"),
    status: level === "ERROR" ? "error" : "ok",
    error: level === "ERROR" && message !== undefined ? { message: { text: message } } : undefined,
    model: isLlm && model !== undefined ? { requested: model, params } : undefined,
    usage: isLlm ? usage : undefined,
    request: messages === undefined ? contentOf(input) : undefined,
    result: answers === undefined ? contentOf(output) : undefined,
    messages,
    answers,
    extra: membersOf(
      one,
      [
        "metadata",
        "version",
        "environment",
        "promptName",
        "promptVersion",
        "completionStartTime",
        "scores",
      ],
      {
        type: kind === "event" ? type : undefined,
        statusMessage: level === "ERROR" ? undefined : message,
        level: level === "DEFAULT" || level === "ERROR" ? undefined : level,
      },
    ),
  };
}

function usageOf(one: Fields): Span["usage"] {
  const details = one.object("usageDetails");
  const costs = one.object("costDetails");
  // What was told before there were details, under the names it had then; with details it is 0 for what is not known.
  const early = one.object("usage");
  const plain = details === undefined && costs === undefined ? one : undefined;
  const first = (fields: Fields | undefined, ...keys: string[]) =>
    keys.map((key) => fields?.number(key)).find((value) => value !== undefined);
  const usage = {
    input:
      details?.number("input") ??
      first(early, "input", "promptTokens") ??
      first(plain, "promptTokens", "inputTokens", "inputUsage"),
    output:
      details?.number("output") ??
      first(early, "output", "completionTokens") ??
      first(plain, "completionTokens", "outputTokens", "outputUsage"),
    cacheRead: details?.number("input_cached_tokens") ?? details?.number("cache_read_input_tokens"),
    cacheWrite: details?.number("cache_creation_input_tokens"),
    reasoning: details?.number("output_reasoning_tokens"),
    cost:
      costs?.number("total") ??
      first(early, "totalCost") ??
      first(plain, "calculatedTotalCost", "totalCost"),
  };
  details?.take("total");
  for (const key of ["total", "totalTokens", "unit"]) early?.take(key);
  if (costs !== undefined) for (const key of ["inputCost", "outputCost"]) one.take(key);
  return usage;
}

/** Langfuse keeps what it was sent: JSON may be text of JSON. */
function unpacked(value: JsonValue | undefined): JsonValue | undefined {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseJson(value).value;
  } catch {
    return value;
  }
}

function messagesIn(value: JsonValue | undefined): Members[] | undefined {
  if (isMessage(value)) return [value];
  const list = isObject(value) && Array.isArray(value["messages"]) ? value["messages"] : value;
  if (!Array.isArray(list)) return undefined;
  const found = (list as readonly JsonValue[]).filter(isMessage);
  return found.length > 0 && found.length === list.length ? found : undefined;
}

function contentOf(value: JsonValue | undefined): ContentDraft | undefined {
  return value === undefined ? undefined : { value };
}

function timeOf(one: Fields, key: string): string | undefined {
  const text = one.text(key);
  const time = text === undefined ? undefined : utcTime(text);
  if (text !== undefined && time === undefined) one.changed(key);
  return time;
}

function membersOf(
  fields: Fields,
  keys: readonly string[],
  more: { readonly [key: string]: JsonValue | undefined } = {},
): JsonValue | undefined {
  const found: Record<string, JsonValue> = {};
  for (const key of keys) {
    const value = unpacked(fields.take(key));
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    if (value !== undefined && !isEmpty) found[key] = value;
  }
  for (const [key, value] of Object.entries(more)) if (value !== undefined) found[key] = value;
  return Object.keys(found).length === 0 ? undefined : found;
}
