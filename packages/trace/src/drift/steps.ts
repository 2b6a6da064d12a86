import { pointerOf, visible } from "@ctxpack/identity";
import type { Content } from "../run/content.ts";
import type { RunModel } from "../run/head.ts";
import type { Step, StepKind } from "../run/step.ts";
import { type DriftDraft, listed } from "./draft.ts";
import type { DriftChange, DriftType } from "./entry.ts";
import { clip, plain } from "./head.ts";
import { MemberChanges } from "./members.ts";
import { type ModelPairs, modelName } from "./models.ts";
import { differingPlains, type Sides, withoutIgnored } from "./side.ts";

/** What it is called when a step of a kind is there on one side only, was asked or answered something else. */
const TYPES: Readonly<
  Record<StepKind, { there: DriftType; asked: DriftType; answered: DriftType }>
> = {
  user: { there: "prompt_drift", asked: "prompt_drift", answered: "prompt_drift" },
  system: { there: "prompt_drift", asked: "prompt_drift", answered: "prompt_drift" },
  compaction: { there: "prompt_drift", asked: "prompt_drift", answered: "prompt_drift" },
  llm: { there: "reasoning_drift", asked: "prompt_drift", answered: "reasoning_drift" },
  tool: { there: "tool_drift", asked: "param_drift", answered: "reasoning_drift" },
  agent: { there: "tool_drift", asked: "param_drift", answered: "reasoning_drift" },
  retrieval: { there: "tool_drift", asked: "param_drift", answered: "reasoning_drift" },
  event: { there: "tool_drift", asked: "param_drift", answered: "reasoning_drift" },
  error: { there: "error_drift", asked: "error_drift", answered: "error_drift" },
};

/** A model that has a name is called like a tool. */
function typesOf(step: Step): (typeof TYPES)[StepKind] {
  if (step.kind !== "llm" || step.name === undefined) return TYPES[step.kind];
  return { there: "tool_drift", asked: "param_drift", answered: "reasoning_drift" };
}

/** Compares steps, one pair at a time. */
export class StepComparison {
  readonly #sides: Sides;
  readonly #models: ModelPairs;
  /** Pairs of models that were told of. */
  readonly #crossed = new Set<string>();

  constructor(sides: Sides, models: ModelPairs) {
    this.#sides = sides;
    this.#models = models;
  }

  /** A step that only one side has. */
  async alone(step: Step, change: "added" | "removed"): Promise<DriftDraft> {
    const changes = this.#changes(step);
    const side = change === "added" ? "b" : "a";
    for (const member of ["request", "result"] as const) {
      await this.#content(changes, step, member, { [side]: step[member] });
    }
    return draft(typesOf(step).there, change, { [side]: step }, changes);
  }

  /** A step that is the same at another place. */
  moved(from: number, step: Step): DriftDraft {
    const changes = this.#changes(step);
    changes.compare(["steps", step.seq, "seq"], { value: from }, { value: step.seq });
    return draft(typesOf(step).there, "moved", { a: { ...step, seq: from }, b: step }, changes);
  }

  /** What differs between two steps that belong together: model, request, error, result, in this order. */
  async *pair(a: Step, b: Step): AsyncGenerator<DriftDraft> {
    yield* this.#model(a, b);
    const types = typesOf(b);
    if (a.name !== b.name) {
      const changes = this.#changes(b);
      changes.compare(["steps", b.seq, "name"], plain(a.name), plain(b.name));
      await this.#content(changes, b, "request", { a: a.request, b: b.request });
      await this.#outcome(changes, a, b);
      yield* anyOf(types.there, a, b, changes);
      return;
    }
    const asked = this.#changes(b);
    await this.#content(asked, b, "request", { a: a.request, b: b.request });
    const failed = this.#changes(b);
    await this.#failure(failed, a, b);
    const answered = failed.any ? failed : this.#changes(b);
    await this.#outcome(answered, a, b);
    if (types.asked === types.answered && asked.any) {
      for (const change of answered.list) asked.list.push(change);
      yield* anyOf(types.asked, a, b, asked);
      return;
    }
    yield* anyOf(types.asked, a, b, asked);
    yield* anyOf(failed.any ? "error_drift" : types.answered, a, b, answered);
  }

  async *#model(a: Step, b: Step): AsyncGenerator<DriftDraft> {
    const [before, after] = [this.#modelOf("a", a), this.#modelOf("b", b)];
    const changes = this.#changes(b);
    if (!this.#models.areOne(a.model, b.model)) {
      // Once for each pair of models: a model that was swapped for another would be told of at every call.
      const crossing = `${a.model} ${b.model}`;
      if (this.#crossed.has(crossing)) return;
      this.#crossed.add(crossing);
      const names = { a: modelName(before), b: modelName(after) };
      changes.compare(["steps", b.seq, "model"], plain(names.a), plain(names.b));
    }
    // The parameters of the first call are compared with the models.
    if (a.params !== undefined || b.params !== undefined) {
      const none = { value: {} };
      const params = {
        a: a.params ?? before?.params ?? none,
        b: b.params ?? after?.params ?? none,
      };
      await this.#content(changes, b, "params", params);
    }
    yield* anyOf("model_drift", a, b, changes);
  }

  #modelOf(side: "a" | "b", step: Step): RunModel | undefined {
    return step.model === undefined ? undefined : this.#sides[side].head.models[step.model];
  }

  async #failure(changes: MemberChanges, a: Step, b: Step): Promise<void> {
    const path = ["steps", b.seq];
    // Whether a step that the log says nothing about failed, is not known.
    const failed = (step: Step) => (step.status === "error" ? "error" : "ok");
    if (failed(a) !== failed(b)) {
      changes.compare([...path, "status"], plain(a.status), plain(b.status));
    }
    changes.compare([...path, "error", "type"], plain(a.error?.type), plain(b.error?.type));
    const messages = { a: a.error?.message, b: b.error?.message };
    const plains = await differingPlains(this.#sides, messages.a, messages.b);
    if (plains) {
      const { rules } = this.#sides;
      changes.compare(
        [...path, "error", "message"],
        withoutIgnored(rules, plains.a, "error", b),
        withoutIgnored(rules, plains.b, "error", b),
      );
    }
  }

  async #outcome(changes: MemberChanges, a: Step, b: Step): Promise<void> {
    for (const member of ["reasoning", "result"] as const) {
      await this.#content(changes, b, member, { a: a[member], b: b[member] });
    }
    const reasons = [plain(a.finishReason), plain(b.finishReason)] as const;
    if (reasons[0] && reasons[1]) changes.compare(["steps", b.seq, "finishReason"], ...reasons);
  }

  async #content(
    changes: MemberChanges,
    step: Step,
    member: "params" | "request" | "reasoning" | "result",
    contents: { readonly a?: Content | undefined; readonly b?: Content | undefined },
  ): Promise<void> {
    const plains = await differingPlains(this.#sides, contents.a, contents.b);
    if (plains === undefined) return;
    const { rules } = this.#sides;
    changes.compare(
      ["steps", step.seq, member],
      withoutIgnored(rules, plains.a, member, step),
      withoutIgnored(rules, plains.b, member, step),
    );
  }

  #changes(step: Step): MemberChanges {
    return new MemberChanges(this.#sides, step);
  }
}

function* anyOf(type: DriftType, a: Step, b: Step, changes: MemberChanges): Generator<DriftDraft> {
  if (changes.any) yield draft(type, "changed", { a, b }, changes);
}

function draft(
  type: DriftType,
  change: DriftChange,
  steps: { readonly a?: Step; readonly b?: Step },
  changes: MemberChanges,
): DriftDraft {
  const step = (steps.b ?? steps.a) as Step;
  return {
    type,
    change,
    path: pointerOf(["steps", step.seq]),
    description: clip(visible(sentence(change, steps, changes))),
    steps: {
      ...(steps.a && { a: steps.a.seq }),
      ...(steps.b && { b: steps.b.seq }),
    },
    kind: step.kind,
    ...(step.name !== undefined && { name: step.name }),
    ...listed(changes),
  };
}

function sentence(
  change: DriftChange,
  { a, b }: { readonly a?: Step; readonly b?: Step },
  changes: MemberChanges,
): string {
  const step = (b ?? a) as Step;
  const what = step.name === undefined ? step.kind : `${step.name} (${step.kind})`;
  const where = a && b && a.seq !== b.seq ? `step ${b.seq} (was ${a.seq})` : `step ${step.seq}`;
  if (change !== "changed") return `${where}: ${what} ${change}`;
  if (a?.name !== b?.name) return `${where}: ${what} instead of ${a?.name ?? a?.kind}`;
  const prefix = pointerOf(["steps", step.seq]).length + 1;
  const members = changes.list.map(({ path }) => path.slice(prefix));
  return `${where}: ${what}: ${members.join(", ")}`;
}
