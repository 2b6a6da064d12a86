import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, ModelDraft, RunPart, StepDraft } from "../run/draft.ts";
import { bothExtras } from "../run/extras.ts";
import { utcTime } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { KEPT, keptParts, keptStep, splitKept } from "./atif-kept.ts";
import { joined, readBlocks } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { toolOf } from "./messages.ts";

/**
 * ATIF (Harbor's Agent Trajectory Interchange Format, v1.0 to v1.7): one JSON document. Trajectories of sub-agents that
 * it holds are runs of their own.
 */
export async function* importAtif(log: LogSource): AsyncGenerator<ImportedRun> {
  const { value, duplicates } = await log.document();
  if (!isObject(value)) throw log.broken(1, "no ATIF trajectory");
  const { subagent_trajectories: nested, ...main } = value;
  yield { key: keyOf(main), format: "atif", parts: readTrajectory(log, main, duplicates) };
  for (const inner of Array.isArray(nested) ? (nested as readonly JsonValue[]) : []) {
    if (isObject(inner))
      yield { key: keyOf(inner), format: "atif", parts: readTrajectory(log, inner, []) };
  }
}

function keyOf(value: { readonly [key: string]: JsonValue }): string {
  return String(value["trajectory_id"] ?? value["session_id"] ?? "");
}

async function* readTrajectory(
  log: LogSource,
  value: { readonly [key: string]: JsonValue },
  duplicates: readonly string[],
): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
  const root = new Fields(value, "$", notes.note);
  const { extra, kept } = splitKept(root.take("extra"));
  const parts = kept && keptParts(kept);
  if (kept !== undefined && parts === undefined) notes.note(`$.extra.${KEPT}`, "unmapped");
  const named = root.peek("agent");
  const model = isObject(named) ? named["model_name"] : undefined;
  const version = root.text("schema_version");
  yield { head: { source: { format: "atif", version, ...log.facts } } };
  if (parts === undefined) yield* readHead(root, extra);
  else {
    yield* parts;
    root.duplicate("agent", "session_id", "trajectory_id", "continued_trajectory_ref", "notes");
    root.duplicate("final_metrics");
    if (extra !== undefined) notes.note("$.extra", "unmapped");
  }
  const reader = new AtifSteps(typeof model === "string" ? model : undefined, parts, notes.note);
  for (const step of root.objects("steps")) {
    reader.read(step);
    step.close();
    yield* reader.take();
  }
  yield* reader.finish();
  root.close();
  yield* notes.parts();
}

/** What a trajectory says of itself. */
function* readHead(root: Fields, extra: JsonValue | undefined): Generator<RunPart> {
  const agent = root.object("agent");
  const model = agent?.text("model_name");
  const tools = agent?.objects("tool_definitions") ?? [];
  const notCaptured =
    tools.length === 0 ? (["environment", "tools"] as const) : (["environment"] as const);
  yield {
    head: {
      agent: { name: agent?.text("name"), version: agent?.text("version") },
      session: {
        id: root.text("trajectory_id") ?? (root.peek("session_id") as string | undefined),
        group: root.text("session_id"),
        parent: root.text("continued_trajectory_ref"),
      },
      note: root.text("notes"),
      notCaptured,
    },
  };
  if (model !== undefined) yield { model: { requested: model } };
  for (const tool of tools) yield { tool: toolOf(tool) };
  const others: Record<string, JsonValue> = {};
  for (const [key, part] of [
    ["agent", agent?.take("extra")],
    ["final_metrics", root.take("final_metrics")],
    ["extra", extra],
  ] as const) {
    if (part !== undefined) others[key] = part;
  }
  if (Object.keys(others).length > 0) yield { head: { extra: others } };
}

const EARLY_ROLES: Readonly<Record<string, string>> = {
  system: "system",
  user: "user",
  assistant: "agent",
  observation: "observation",
};

/** Turns the steps of a trajectory into those of a run: an agent's step is an answer and its calls. */
class AtifSteps {
  readonly #queue = new CallQueue();
  readonly #parts: RunPart[] = [];
  /** What is kept of calls, by their ids: their results do not tell it otherwise. */
  readonly #restored = new Map<string, Partial<StepDraft>>();
  /** What a step that names no model was answered by. */
  readonly #model: ModelDraft | undefined;
  readonly #models: readonly ModelDraft[];
  readonly #onLoss: OnLoss;
  /** System prompts that are still to come and are known already. */
  #knownPrompts: number;
  #begun = false;

  /** @param parts of the run's head that the trajectory keeps. */
  constructor(model: string | undefined, parts: readonly RunPart[] | undefined, onLoss: OnLoss) {
    this.#model = model === undefined ? undefined : { requested: model };
    this.#models =
      parts?.flatMap((part) => ("model" in part ? [part.model] : [])) ??
      (this.#model === undefined ? [] : [this.#model]);
    this.#knownPrompts = parts?.filter((part) => "system" in part).length ?? 0;
    this.#onLoss = onLoss;
  }

  read(step: Fields): void {
    // Writers of before the format had a name: `role` instead of `source`, results in a step of their own.
    const source = step.text("source") ?? EARLY_ROLES[step.text("role") ?? ""];
    if (this.#isKnownPrompt(step, source)) return;
    const time = step.text("timestamp");
    const startedAt = time === undefined ? undefined : utcTime(time);
    if (time !== undefined && startedAt === undefined) step.changed("timestamp");
    const at: Partial<StepDraft> = { startedAt, src: { id: step.id("step_id") } };
    if (source === "observation") {
      this.#results(step.objects("results"), at);
      return;
    }
    const said = joined(readBlocks(step.take("message"), "$.steps[*].message", this.#onLoss).said);
    const isPrompt = source === "system" && !this.#begun && !step.has("observation");
    if (source === "agent") this.#agent(step, said, at);
    else if (isPrompt && !isKept(step)) {
      this.#parts.push({ system: said ?? { text: "" } });
      if (startedAt !== undefined) step.unmapped("timestamp");
      return;
    } else if (said !== undefined || !step.has("observation")) {
      const { extra, kept } = this.#kept(step);
      const kind = source === "user" ? "user" : "system";
      this.#queue.add({ ...at, kind, result: said ?? { text: "" }, extra, ...kept });
    }
    this.#begun = true;
    this.#observe(step, at);
  }

  *take(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    for (const step of this.#queue.ready()) yield { step };
  }

  *finish(): Generator<RunPart> {
    for (const step of this.#queue.rest()) yield { step };
  }

  /** Whether a step says a system prompt that the trajectory keeps as well. */
  #isKnownPrompt(step: Fields, source: string | undefined): boolean {
    if (source !== "system" || this.#knownPrompts === 0) return false;
    this.#knownPrompts--;
    step.rest();
    this.#onLoss("$.steps[*]", "duplicate");
    return true;
  }

  #agent(step: Fields, said: ContentDraft | undefined, at: Partial<StepDraft>): void {
    // A step that holds nothing but calls says so; they say themselves who asked.
    const isEmpty = said !== undefined && "text" in said && said.text === "";
    const holdsCalls = isEmpty && keptOf(step)?.["answered"] === false;
    const by = holdsCalls ? undefined : this.#answer(step, said, at);
    if (holdsCalls && splitKept(step.take("extra")).extra !== undefined) {
      this.#onLoss("$.steps[*].extra", "unmapped");
    }
    for (const call of step.objects("tool_calls")) {
      const id = call.text("tool_call_id") ?? `#${this.#queue.next}`;
      const { extra, kept } = this.#kept(call);
      this.#restored.set(id, kept);
      this.#queue.call(id, {
        ...at,
        kind: "tool",
        name: call.text("function_name") ?? "unnamed",
        by,
        request: { value: call.take("arguments") ?? {} },
        extra,
        callId: id,
        ...kept,
      });
    }
  }

  #answer(step: Fields, said: ContentDraft | undefined, at: Partial<StepDraft>): number {
    const thought = step.take("reasoning_content");
    const effort = step.take("reasoning_effort");
    const metrics = step.object("metrics");
    const named = step.text("model_name");
    const model = named === undefined ? this.#model : { requested: named };
    const count = step.take("llm_call_count");
    const { extra, kept } = this.#kept(step);
    return this.#queue.add({
      ...at,
      kind: "llm",
      model: model && {
        ...model,
        params: effort === undefined ? undefined : { reasoning_effort: effort },
      },
      // A message is required: none is an empty one.
      result: said ?? { text: "" },
      reasoning:
        thought === undefined
          ? undefined
          : joined(readBlocks(thought, "$.steps[*].reasoning_content", this.#onLoss).said),
      usage: metrics && {
        input: metrics.number("prompt_tokens"),
        output: metrics.number("completion_tokens"),
        cacheRead: metrics.number("cached_tokens"),
        cost: metrics.number("cost_usd"),
      },
      // How often a model was asked is kept there too.
      extra: count === undefined ? extra : bothExtras(extra, { llm_call_count: count }),
      ...kept,
    });
  }

  /** What stands in an `extra`: the log's own, and what is kept of a step. */
  #kept(from: Fields): { extra: JsonValue | undefined; kept: Partial<StepDraft> } {
    const { extra, kept } = splitKept(from.take("extra"));
    if (kept === undefined) return { extra, kept: {} };
    const step = keptStep(kept, this.#queue.next, this.#models);
    if (step === undefined) this.#onLoss(`$.steps[*]..extra.${KEPT}`, "unmapped");
    return { extra, kept: step ?? {} };
  }

  #observe(step: Fields, at: Partial<StepDraft>): void {
    this.#results(step.object("observation")?.objects("results") ?? [], at);
  }

  #results(results: readonly Fields[], at: Partial<StepDraft>): void {
    for (const result of results) {
      const id = result.text("source_call_id");
      const refs = result.take("subagent_trajectory_ref");
      const content = joined(
        readBlocks(result.take("content"), "$..results[*].content", this.#onLoss).said,
      );
      const own = this.#kept(result);
      const extra =
        refs === undefined
          ? own.extra
          : {
              subagent_trajectory_ref: refs,
              ...(own.extra !== undefined && { extra: own.extra }),
            };
      const done = {
        result:
          content ??
          (refs === undefined ? ({ text: "" } as const) : ({ absent: "external" } as const)),
        status: "ok" as const,
      };
      const restored = this.#restored.get(id ?? "");
      this.#restored.delete(id ?? "");
      const isKnown =
        id !== undefined &&
        this.#queue.result(id, (call) => ({
          ...call,
          ...done,
          ...restored,
          extra: bothExtras(call.extra, extra),
        }));
      if (!isKnown)
        this.#queue.add({
          ...at,
          kind: id === undefined ? "event" : "tool",
          name: "observation",
          callId: id,
          ...done,
          extra,
          ...own.kept,
        });
    }
  }
}

function keptOf(from: Fields) {
  return splitKept(from.peek("extra")).kept;
}

function isKept(step: Fields): boolean {
  return keptOf(step) !== undefined;
}
