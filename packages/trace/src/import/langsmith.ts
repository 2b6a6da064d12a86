import type { JsonValue } from "@ctxpack/identity";
import type { RunPart } from "../run/draft.ts";
import { Fields } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { readLangSmithRun } from "./langsmith-run.ts";
import { type Span, SpanRun } from "./spans.ts";

type Members = { readonly [key: string]: JsonValue };

/**
 * LangSmith runs: a list, `{runs: []}`, a tree of `child_runs`, the batches that its SDKs send (`{post: [], patch: []}`),
 * or JSON lines of any of these. Each trace is a run.
 */
export async function* importLangSmith(log: LogSource): AsyncGenerator<ImportedRun> {
  const notes = new LossNotes();
  const runs = new Map<string, Members>();
  for await (const value of log.values()) {
    notes.noteSkipped(log);
    log.keepWhole();
    for (const run of runsOf(value)) {
      const id = String(run["id"] ?? `#${runs.size}`);
      runs.set(id, merged(runs.get(id), run));
    }
  }
  const traces = new Map<string, Members[]>();
  for (const run of runs.values()) {
    const key = String(run["trace_id"] ?? rootOf(run) ?? "");
    traces.set(key, [...(traces.get(key) ?? []), run]);
  }
  for (const [key, members] of traces) {
    yield { key, format: "langsmith", parts: readTrace(log, key, members, notes.copy()) };
  }
}

/** What is sent when a run ends is laid over what was sent when it began; what is empty covers nothing. */
function merged(begun: Members | undefined, ended: Members): Members {
  if (begun === undefined) return ended;
  const said = Object.entries(ended).filter(([, value]) => !isEmpty(value));
  return { ...begun, ...Object.fromEntries(said) };
}

function isEmpty(value: JsonValue): boolean {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The beginning of `dotted_order` is the root's time and id. */
function rootOf(run: Members): string | undefined {
  const order = run["dotted_order"];
  return typeof order === "string" ? order.split(".")[0] : undefined;
}

function runsOf(value: JsonValue): Members[] {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).flatMap(runsOf);
  if (!isObject(value)) return [];
  const lists = ["runs", "post", "patch"].filter((key) => Array.isArray(value[key]));
  if (lists.length > 0) return lists.flatMap((key) => runsOf(value[key] ?? []));
  const { child_runs: children, ...run } = value;
  const trace = run["trace_id"];
  // Children of a tree need not say which trace they are of.
  const inner = Array.isArray(children) ? runsOf(children) : [];
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
  const head = { source: { format: "langsmith", ...log.facts }, session: { group: key } };
  yield { head };
  const spans: Span[] = [];
  let hasTools = false;
  for (const run of runs) {
    const fields = new Fields(run, "$", notes.note);
    const { span, parts } = readLangSmithRun(fields, notes.note);
    fields.close();
    spans.push(span);
    hasTools ||= parts.some((part) => "tool" in part);
    yield* parts;
  }
  yield* new SpanRun(spans, "$.parent_run_id", notes.note).parts();
  if (!hasTools) yield { head: { notCaptured: ["tools"] } };
  yield* notes.parts();
}
