import { canonicalize, type JsonValue } from "@ctxpack/identity";
import type { RunPart } from "../run/draft.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { readOpenInference } from "./openinference.ts";
import { type OtelSpan, readFlatSpan, readOtlp } from "./otlp-container.ts";
import { readGenAi } from "./otlp-genai.ts";
import { type Span, SpanRun } from "./spans.ts";

/** Lists of spans that servers answer with: Phoenix calls it `data`, others `spans`. */
const LISTS = ["spans", "data"];

/**
 * OpenTelemetry traces as OTLP/JSON: one document, or JSON lines of documents or spans. Each trace of the log is a run.
 * Spans are read by the semantic conventions for generative AI, or by OpenInference's when they carry them.
 */
export async function* importOtlp(log: LogSource): AsyncGenerator<ImportedRun> {
  const notes = new LossNotes();
  const traces = new Map<string, OtelSpan[]>();
  for await (const value of log.values()) {
    notes.noteSkipped(log);
    log.keepWhole();
    for (const span of spansOf(value, notes.note)) {
      traces.set(span.traceId, [...(traces.get(span.traceId) ?? []), span]);
    }
  }
  for (const [traceId, spans] of traces) {
    const inference = spans.some(({ attributes }) => attributes.has("openinference.span.kind"));
    const format = inference ? "openinference" : "otlp";
    yield { key: traceId, format, parts: readTrace(log, format, traceId, spans, notes.copy()) };
  }
}

function spansOf(value: JsonValue, onLoss: OnLoss): OtelSpan[] {
  if (Array.isArray(value)) return value.flatMap((item: JsonValue) => spansOf(item, onLoss));
  if (!isObject(value)) return [];
  if (Array.isArray(value["resourceSpans"])) return readOtlp(value, onLoss);
  const list = LISTS.find((key) => Array.isArray(value[key]));
  if (list !== undefined) {
    const page = new Fields(value, "$", onLoss);
    const spans = (page.list(list) ?? []).flatMap((item) => spansOf(item, onLoss));
    page.take("next_cursor");
    page.close();
    return spans;
  }
  const span = readFlatSpan(value, onLoss);
  return span === undefined ? [] : [span];
}

async function* readTrace(
  log: LogSource,
  format: "otlp" | "openinference",
  traceId: string,
  spans: readonly OtelSpan[],
  notes: LossNotes,
): AsyncGenerator<RunPart> {
  yield { head: { source: { format, ...log.facts }, session: { group: traceId } } };
  yield { head: headOf(resourcesOf(spans)) };
  const read: Span[] = [];
  const hasContent = { system: false, tools: false };
  for (const span of spans) {
    const dialect = span.attributes.has("openinference.span.kind") ? readOpenInference : readGenAi;
    const { span: one, parts } = dialect(span, notes.note);
    read.push(one);
    for (const part of parts) {
      if ("system" in part) hasContent.system = true;
      if ("tool" in part) hasContent.tools = true;
      yield part;
    }
  }
  yield* new SpanRun(read, "$..parentSpanId", notes.note).parts();
  if (!hasContent.system) yield { head: { notCaptured: ["system"] } };
  if (!hasContent.tools) yield { head: { notCaptured: ["tools"] } };
  yield* notes.parts();
}

type Resource = { readonly [key: string]: JsonValue };

/** The resources of a trace; where there are several, each span names its own by its place. */
function resourcesOf(spans: readonly OtelSpan[]): Resource[] {
  const resources: Resource[] = [];
  const known = new Map<string, number>();
  const places = new Map<OtelSpan["resource"], number>();
  for (const { resource } of spans) {
    if (resource.size === 0 || places.has(resource)) continue;
    const value = Object.fromEntries(resource);
    const key = canonicalize(value);
    const place = known.get(key) ?? resources.push(value) - 1;
    known.set(key, place);
    places.set(resource, place);
  }
  for (const { resource, attributes } of resources.length > 1 ? spans : []) {
    const place = places.get(resource);
    if (place !== undefined) attributes.set("otel.resource", place);
  }
  return resources;
}

/** What the first resource tells about program and machine. */
function headOf(resources: readonly Resource[]): Extract<RunPart, { head: unknown }>["head"] {
  const [resource = {}] = resources;
  const text = (key: string) => {
    const value = resource[key];
    return value === undefined ? undefined : String(value);
  };
  const runtime = [text("process.runtime.name"), text("process.runtime.version")]
    .filter(Boolean)
    .join(" ");
  const sdk = text("telemetry.sdk.name");
  const version = text("telemetry.sdk.version");
  return {
    agent: { name: text("service.name"), version: text("service.version") },
    environment: {
      os: text("os.type"),
      arch: text("host.arch"),
      runtime: runtime || text("telemetry.sdk.language"),
      ...(sdk && version ? { tools: { [sdk]: version } } : {}),
    },
    extra:
      resources.length === 0
        ? undefined
        : resources.length === 1
          ? { resource }
          : { resources: [...resources] },
  };
}
