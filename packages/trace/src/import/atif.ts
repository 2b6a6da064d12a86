import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart, StepDraft } from "../run/draft.ts";
import { utcTime } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
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
  const agent = root.object("agent");
  const model = agent?.text("model_name");
  const version = root.text("schema_version");
  yield { head: { source: { format: "atif", version, ...log.facts } } };
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
  const reader = new AtifSteps(model, notes.note);
  for (const step of root.objects("steps")) {
    reader.read(step);
    step.close();
    yield* reader.take();
  }
  yield* reader.finish();
  const extra: Record<string, JsonValue> = {};
  for (const [key, part] of [
    ["agent", agent?.take("extra")],
    ["final_metrics", root.take("final_metrics")],
    ["extra", root.take("extra")],
  ] as const) {
    if (part !== undefined) extra[key] = part;
  }
  if (Object.keys(extra).length > 0) yield { head: { extra } };
  root.close();
  yield* notes.parts();
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
  readonly #model: string | undefined;
  readonly #onLoss: OnLoss;
  #begun = false;

  constructor(model: string | undefined, onLoss: OnLoss) {
    this.#model = model;
    this.#onLoss = onLoss;
  }

  read(step: Fields): void {
    // Writers of before the format had a name: `role` instead of `source`, results in a step of their own.
    const source = step.text("source") ?? EARLY_ROLES[step.text("role") ?? ""];
    const time = step.text("timestamp");
    const startedAt = time === undefined ? undefined : utcTime(time);
    if (time !== undefined && startedAt === undefined) step.changed("timestamp");
    const at: Partial<StepDraft> = { startedAt, src: { id: step.id("step_id") } };
    if (source === "observation") {
      this.#results(step.objects("results"), at);
      return;
    }
    const said = joined(readBlocks(step.take("message"), "$.steps[*].message", this.#onLoss).said);
    if (source === "agent") this.#agent(step, said, at);
    else if (source === "system" && !this.#begun && !step.has("observation")) {
      this.#parts.push({ system: said ?? { text: "" } });
      return;
    } else if (said !== undefined || !step.has("observation")) {
      const kind = source === "user" ? "user" : "system";
      this.#queue.add({ ...at, kind, result: said ?? { text: "" }, extra: step.take("extra") });
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

  #agent(step: Fields, said: ContentDraft | undefined, at: Partial<StepDraft>): void {
    const thought = step.take("reasoning_content");
    const effort = step.take("reasoning_effort");
    const metrics = step.object("metrics");
    const model = step.text("model_name") ?? this.#model;
    const extra = extraOf(step);
    const by = this.#queue.add({
      ...at,
      kind: "llm",
      model:
        model === undefined
          ? undefined
          : {
              requested: model,
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
      extra,
    });
    for (const call of step.objects("tool_calls")) {
      const id = call.text("tool_call_id") ?? `#${this.#queue.next}`;
      this.#queue.call(id, {
        ...at,
        kind: "tool",
        name: call.text("function_name") ?? "unnamed",
        by,
        request: { value: call.take("arguments") ?? {} },
        extra: call.take("extra"),
      });
    }
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
      const extra =
        refs === undefined
          ? result.take("extra")
          : { subagent_trajectory_ref: refs, ...withExtra(result) };
      const done = {
        result:
          content ??
          (refs === undefined ? ({ text: "" } as const) : ({ absent: "external" } as const)),
        status: "ok" as const,
      };
      const isKnown =
        id !== undefined &&
        this.#queue.result(id, (call) => ({ ...call, ...done, extra: extra ?? call.extra }));
      if (!isKnown)
        this.#queue.add({
          ...at,
          kind: id === undefined ? "event" : "tool",
          name: "observation",
          callId: id,
          ...done,
          extra,
        });
    }
  }
}

/** What a step has beside its own members; how often a model was asked is kept there too. */
function extraOf(step: Fields): JsonValue | undefined {
  const extra = step.take("extra");
  const count = step.take("llm_call_count");
  if (count === undefined) return extra;
  return { ...(isObject(extra) ? extra : extra !== undefined && { extra }), llm_call_count: count };
}

function withExtra(result: Fields): { readonly [key: string]: JsonValue } {
  const extra = result.take("extra");
  return extra === undefined ? {} : { extra };
}
