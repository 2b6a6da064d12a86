import { type Alignment, alignSteps, invertAlignment } from "../align/align.ts";
import { KeyNumbers, stepKeys } from "../align/keys.ts";
import { CAPTURE_PARTS } from "../run/head.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { DetailBudget } from "./budget.ts";
import { Causes, type DriftSubject } from "./cause.ts";
import type { DriftDraft } from "./draft.ts";
import {
  DRIFT_TYPES,
  type DriftEntry,
  type DriftSummary,
  type DriftType,
  RUN_DIFF_SCHEMA,
  type RunDiff,
} from "./entry.ts";
import { compareFiles } from "./files.ts";
import { compareEnvironment, compareSystem, compareTools } from "./head.ts";
import { IgnoreRules } from "./ignore.ts";
import { compareModels, ModelPairs } from "./models.ts";
import { notCaptured, type Sides, stepTexts } from "./side.ts";
import { StepComparison } from "./steps.ts";
import { type StepEvent, StepWalk } from "./walk.ts";

/** What {@link diffRuns} lists at most, unless it is told otherwise. */
export const MAX_ENTRIES = 10_000;

/** Times and usage are compared in no run. */
const COMPARED_PARTS = CAPTURE_PARTS.filter((part) => part !== "timestamps" && part !== "usage");

/** How two runs are compared. */
export interface DiffOptions {
  /** What does not count as drift, see {@link IgnoreRules}. */
  readonly ignore?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How two runs are compared and listed. */
export interface DiffRunsOptions extends DiffOptions {
  /** Entries in the list; the rest is counted. Default {@link MAX_ENTRIES}. */
  readonly maxEntries?: number | undefined;
}

/**
 * Compares two runs. The same runs give the same result, byte for byte; compared the other way round they have as many
 * entries of each type. Times, token counts, ids and what the log called things are not compared.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` for what is no ignore rule; what reading a run throws when it is damaged.
 */
export async function diffRuns(a: Run, b: Run, options: DiffRunsOptions = {}): Promise<RunDiff> {
  const limit = options.maxEntries ?? MAX_ENTRIES;
  const entries: DriftEntry[] = [];
  const all = driftEntries(a, b, options);
  let omitted = 0;
  for (;;) {
    const { done, value } = await all.next();
    if (done) {
      const ignored = [...(options.ignore ?? [])];
      return { schema: RUN_DIFF_SCHEMA, ...value, entries, omitted, ignored };
    }
    if (entries.length < limit) entries.push(value);
    else omitted++;
  }
}

/** The entries of a comparison one after the other; returns what they come to. */
export async function* driftEntries(
  a: Run,
  b: Run,
  options: DiffOptions = {},
): AsyncGenerator<DriftEntry, DriftSummary> {
  const all = driftEvents(a, b, options);
  for (;;) {
    const { done, value } = await all.next();
    if (done) return value;
    yield* value.entries;
  }
}

/** What comes while two runs are compared: something of the whole run that drifted, or steps as they are aligned. */
export interface DriftEvent {
  /** Missing: it is about no step. */
  readonly steps?: {
    readonly kind: StepEvent["kind"];
    readonly a?: Step | undefined;
    readonly b?: Step | undefined;
  };
  /** None for a pair of steps that are the same. */
  readonly entries: readonly DriftEntry[];
}

/**
 * Compares two runs: prompts, models, tools, environment and inputs, then the steps in order, then outputs; returns what
 * it comes to. Memory does not grow with what the steps hold: 20 bytes and a few numbers for each step, and the contents
 * of two steps at a time.
 */
export async function* driftEvents(
  a: Run,
  b: Run,
  options: DiffOptions = {},
): AsyncGenerator<DriftEvent, DriftSummary> {
  const rules = new IgnoreRules(options.ignore ?? []);
  const sides: Sides = { a, b, rules, budget: new DetailBudget(), signal: options.signal };
  const ledger = new Ledger(rules);
  const models = new ModelPairs(sides);
  for await (const draft of headDrafts(sides, models)) {
    yield { entries: [...ledger.take(draft, {})] };
  }
  for await (const { draft, ...files } of compareFiles(sides, "inputs")) {
    yield { entries: [...ledger.take(draft, { files: [files.a, files.b] })] };
  }
  const walk = new StepWalk(sides, await align(sides, models));
  const comparison = new StepComparison(sides, models);
  for await (const event of walk.events()) {
    const entries: DriftEntry[] = [];
    for await (const draft of event.drafts(comparison)) {
      entries.push(...ledger.take(draft, event.subject));
    }
    for (const { id } of entries) walk.diverged(event, id);
    walk.count(event, entries.length > 0);
    yield { steps: { kind: event.kind, ...event.subject }, entries };
  }
  for await (const { draft, ...files } of compareFiles(sides, "outputs")) {
    yield { entries: [...ledger.take(draft, { files: [files.a, files.b] })] };
  }
  return {
    a: { uri: a.uri, steps: a.head.steps.count },
    b: { uri: b.uri, steps: b.head.steps.count },
    drift: ledger.count > 0,
    counts: ledger.counts,
    steps: walk.counts,
    firstDivergence: walk.firstDivergence,
    notCaptured: COMPARED_PARTS.filter((part) => notCaptured(a, part) || notCaptured(b, part)),
  };
}

async function* headDrafts(sides: Sides, models: ModelPairs): AsyncGenerator<DriftDraft> {
  yield* compareSystem(sides);
  yield* compareModels(sides, models);
  yield* compareTools(sides);
  yield* compareEnvironment(sides);
}

/** Aligned in one direction only, so that the other one gives the same pairs. */
async function align(sides: Sides, models: ModelPairs): Promise<Alignment> {
  const { a, b, signal } = sides;
  const numbers = new KeyNumbers();
  const keysOf = (side: "a" | "b") => {
    const texts = stepTexts(sides, side, (position) => models.pairOf(side, position));
    return stepKeys(sides[side].steps({ signal }), numbers, texts);
  };
  const keysA = await keysOf("a");
  const keysB = await keysOf("b");
  if (a.head.steps.digest <= b.head.steps.digest) return alignSteps(keysA, keysB);
  return invertAlignment(alignSteps(keysB, keysA), keysA.exact.length);
}

/** Numbers entries, explains them and counts them. */
class Ledger {
  readonly counts: Record<DriftType, number>;
  count = 0;
  readonly #rules: IgnoreRules;
  readonly #causes = new Causes();

  constructor(rules: IgnoreRules) {
    this.#rules = rules;
    this.counts = Object.fromEntries(DRIFT_TYPES.map((type) => [type, 0])) as Ledger["counts"];
  }

  *take(draft: DriftDraft, subject: DriftSubject): Generator<DriftEntry> {
    if (this.#rules.ignoresType(draft.type)) return;
    const { type, change, path, description, ...rest } = draft;
    const cause = this.#causes.explain(draft, subject);
    const entry = { id: ++this.count, type, change, path, description, cause, ...rest };
    this.counts[type]++;
    this.#causes.note(entry, subject);
    yield entry;
  }
}
