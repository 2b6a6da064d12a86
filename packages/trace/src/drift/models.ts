import { canonicalize, type JsonValue } from "@ctxpack/identity";
import type { RunModel } from "../run/head.ts";
import type { DriftDraft } from "./draft.ts";
import { compareContents, draftOf, plain } from "./head.ts";
import { MemberChanges } from "./members.ts";
import { notCaptured, pairLists, type Sides } from "./side.ts";

/** Which models of two runs stand for each other: positions in `models`. */
export class ModelPairs {
  readonly pairs: readonly { readonly a?: number; readonly b?: number }[];
  /** Position in `pairs` by position in `models`. */
  readonly #pairs = { a: new Map<number, number>(), b: new Map<number, number>() };

  constructor(sides: Sides) {
    const names = (models: readonly RunModel[]) =>
      models.map(({ params: _, ...model }) => canonicalize(model as unknown as JsonValue));
    this.pairs = pairLists(names(sides.a.head.models), names(sides.b.head.models));
    for (const [index, pair] of this.pairs.entries()) {
      if (pair.a !== undefined) this.#pairs.a.set(pair.a, index);
      if (pair.b !== undefined) this.#pairs.b.set(pair.b, index);
    }
  }

  /** One number for a model and for what took its place. */
  pairOf(side: "a" | "b", position: number): number {
    return this.#pairs[side].get(position) ?? -1;
  }

  /** Whether a step that ran on `a` runs on what took its place. */
  areOne(a: number | undefined, b: number | undefined): boolean {
    return a === undefined || b === undefined || this.pairOf("a", a) === this.pairOf("b", b);
  }
}

/** The models and their parameters. */
export async function* compareModels(sides: Sides, models: ModelPairs): AsyncGenerator<DriftDraft> {
  for (const pair of models.pairs) {
    const before = pair.a === undefined ? undefined : sides.a.head.models[pair.a];
    const after = pair.b === undefined ? undefined : sides.b.head.models[pair.b];
    if (before === undefined && notCaptured(sides.a, "models")) continue;
    if (after === undefined && notCaptured(sides.b, "models")) continue;
    const path = ["models", pair.b ?? pair.a ?? 0];
    const changes = new MemberChanges(sides);
    if (before === undefined || after === undefined) {
      const whole = (model: RunModel | undefined) => model && plain(model as unknown as JsonValue);
      changes.compare(path, whole(before), whole(after));
    } else await compareModel(sides, changes, path, { a: before, b: after });
    yield* draftOf("model_drift", path, `model ${modelName(after ?? before)}`, changes);
  }
}

/** What a person calls a model. */
export function modelName(model: RunModel | undefined): string {
  return model?.requested ?? model?.served ?? model?.provider ?? "without a name";
}

async function compareModel(
  sides: Sides,
  changes: MemberChanges,
  path: readonly (string | number)[],
  model: { readonly a: RunModel; readonly b: RunModel },
): Promise<void> {
  for (const member of ["requested", "served", "provider"] as const) {
    changes.compare([...path, member], plain(model.a[member]), plain(model.b[member]));
  }
  const [a, b] = [model.a.params, model.b.params];
  if (a === undefined && notCaptured(sides.a, "params")) return;
  if (b === undefined && notCaptured(sides.b, "params")) return;
  const none = { value: {} };
  await compareContents(sides, changes, [...path, "params"], { a: a ?? none, b: b ?? none });
}
