import { RECORDING_SCHEMA } from "../record/schema.ts";
import type { LogSource } from "../source/log.ts";
import { type Outline, outlineOf } from "../source/outline.ts";
import type { LogFormat } from "./imported.ts";
import { isZip } from "./inspect.ts";

/** What a log is: its format, and for some in which of its forms. */
export type Detected = LogFormat | "execution-manifest" | "message-lines";

type Test = readonly [Detected, (outline: Outline) => boolean];

/** First match wins: the more particular come first. Names of items of a list are those of the items. */
const TESTS: readonly Test[] = [
  ["recorded", (o) => o.get("schema") === RECORDING_SCHEMA],
  ["otlp", isOtlp],
  [
    "codex",
    (o) =>
      o.get("type") === "session_meta" ||
      (o.has("payload.type") && o.has("timestamp") && o.has("type")),
  ],
  ["claude-code", isClaude],
  ["atif", isAtif],
  ["inspect", (o) => o.has("eval.run_id") || (o.has("eval.task") && o.has("version"))],
  ["langsmith", isLangSmith],
  ["langfuse", isLangfuse],
  ["mcp", isMcp],
  ["execution-manifest", isManifest],
  ["execution-log", (o) => o.has("model.identifier") && (o.has("steps") || o.has("environment"))],
  ["messages", isChat],
];

function isOtlp(o: Outline): boolean {
  if (o.has("resourceSpans")) return true;
  return ["", "spans.*.", "data.*."].some(
    (at) =>
      (o.has(`${at}spanId`) && o.has(`${at}traceId`)) ||
      (o.has(`${at}span_id`) && o.has(`${at}trace_id`)) ||
      o.has(`${at}context.trace_id`),
  );
}

function isClaude(o: Outline): boolean {
  const isNode = o.has("uuid") && o.has("parentUuid");
  const type = o.get("type");
  if (isNode && (o.has("sessionId") || o.has("isSidechain"))) return true;
  if (type === "summary" && o.has("leafUuid")) return true;
  return (
    o.has("sessionId") &&
    type !== undefined &&
    (o.has("operation") || o.has("message.role") || o.has("snapshot"))
  );
}

function isAtif(o: Outline): boolean {
  if (o.get("schema_version")?.startsWith("ATIF-v")) return true;
  return o.has("agent.name") && o.has("steps.*.message") && o.has("steps.*.step_id");
}

function isLangSmith(o: Outline): boolean {
  return ["", "runs.*.", "post.*.", "patch.*."].some(
    (at) =>
      o.has(`${at}run_type`) &&
      ["dotted_order", "trace_id", "start_time", "parent_run_id"].some((key) =>
        o.has(`${at}${key}`),
      ),
  );
}

function isLangfuse(o: Outline): boolean {
  if (o.has("observations.*.type") || o.has("observations.*.traceId")) return true;
  return ["", "data.*."].some(
    (at) => o.has(`${at}traceId`) && (o.has(`${at}parentObservationId`) || o.has(`${at}startTime`)),
  );
}

function isMcp(o: Outline): boolean {
  return [...o.keys()].some((key) => key === "jsonrpc" || key.endsWith(".jsonrpc"));
}

function isManifest(o: Outline): boolean {
  if (!o.has("model.identifier")) return false;
  if (o.has("hash") && o.has("version")) return true;
  return o.has("prompts.*.content_ref") || o.has("steps.*.output_ref");
}

function isChat(o: Outline): boolean {
  const lists = [
    "",
    "messages.*.",
    "input.*.",
    "history.*.",
    "traj.*.",
    "trajectory.*.",
    "conversation.*.",
    "contents.*.",
    "choices.*.message.",
  ];
  return lists.some(
    (at) => o.has(`${at}role`) || o.get(`${at}type`)?.startsWith("function_call") === true,
  );
}

/** How many lines are looked at: logs may begin with lines that say little. */
const LINES = 20;

/** What a log is, by what it holds; undefined when nothing fits. */
export function detectFormat(log: LogSource): Detected | undefined {
  if (isZip(log.head)) return "inspect";
  const text = new TextDecoder().decode(log.head).trimStart();
  const outlines =
    log.isLines || !/^[[{]\s*$/m.test(text.slice(0, 8))
      ? text.split("\n").slice(0, LINES).map(outlineOf)
      : [];
  outlines.push(outlineOf(text));
  if (log.isLines && isEarlyCodex(outlines)) return "codex";
  for (const [format, test] of TESTS) {
    if (!outlines.some((outline) => test(itemsAsSelf(outline)))) continue;
    const isBareLines =
      format === "messages" &&
      log.isLines &&
      text.startsWith("{") &&
      !outlines.some((o) => hasList(o));
    return isBareLines ? "message-lines" : format;
  }
  return undefined;
}

function hasList(outline: Outline): boolean {
  return ["messages", "input", "history", "traj", "trajectory", "conversation", "contents"].some(
    (key) => outline.has(`${key}.*.role`) || outline.has(`${key}.*.type`),
  );
}

/** Codex's first rollouts: a head `{id, timestamp}`, then bare items. */
function isEarlyCodex([head, ...items]: readonly Outline[]): boolean {
  if (!head?.has("id") || !head.has("timestamp") || head.has("type") || head.has("role"))
    return false;
  return items.some((item) => item.get("content.*.type")?.startsWith("input_") === true);
}

/** A list is told by its items. */
function itemsAsSelf(outline: Outline): Outline {
  const items = [...outline].filter(([path]) => path.startsWith("*."));
  if (items.length === 0) return outline;
  return new Map(items.map(([path, value]) => [path.slice(2), value]));
}
