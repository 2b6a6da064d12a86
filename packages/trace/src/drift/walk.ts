import type { Alignment } from "../align/align.ts";
import { ALONE } from "../align/common.ts";
import type { Step } from "../run/step.ts";
import type { DriftSubject } from "./cause.ts";
import type { DriftDraft } from "./draft.ts";
import type { Divergence } from "./entry.ts";
import type { Sides } from "./side.ts";
import type { StepComparison } from "./steps.ts";

type Kind = "pair" | "removed" | "added" | "moved";

/** What comes next when two aligned runs are read side by side. */
export interface StepEvent {
  readonly kind: Kind;
  readonly subject: DriftSubject;
  /** Where both runs are. */
  readonly a: number;
  readonly b: number;
  drafts(comparison: StepComparison): AsyncIterable<DriftDraft>;
}

/** Reads two runs side by side as they were aligned, one step of each at a time. */
export class StepWalk {
  readonly counts: {
    same: number;
    changed: number;
    added: number;
    removed: number;
    moved: number;
  } = { same: 0, changed: 0, added: 0, removed: 0, moved: 0 };
  readonly #sides: Sides;
  readonly #alignment: Alignment;
  /** From `b` to `a`. */
  readonly #arrived: ReadonlyMap<number, number>;
  /** Where steps left that stand elsewhere in `b`, by their place there. */
  readonly #left = new Map<number, { readonly a: number; readonly b: number }>();
  #first: { readonly a: number; readonly b: number; readonly entry: number } | undefined;

  constructor(sides: Sides, alignment: Alignment) {
    this.#sides = sides;
    this.#alignment = alignment;
    this.#arrived = new Map([...alignment.moved].map(([from, to]) => [to, from]));
  }

  async *events(): AsyncGenerator<StepEvent> {
    const { a, b, signal } = this.#sides;
    const left = a.steps({ signal });
    const right = b.steps({ signal });
    try {
      yield* this.#events(left, right);
      // Both say at their end whether they were whole.
      await left.next();
      await right.next();
    } finally {
      await left.return(undefined);
      await right.return(undefined);
    }
  }

  /** Counts an event; `drifted` says whether it has entries. */
  count({ kind }: StepEvent, drifted: boolean): void {
    if (kind !== "pair") this.counts[kind]++;
    else if (drifted) this.counts.changed++;
    else this.counts.same++;
  }

  /** Takes note of an entry of an event: the one of the earliest event is where the runs part. */
  diverged(event: StepEvent, entry: number): void {
    const at = (event.kind === "moved" ? this.#left.get(event.b) : undefined) ?? event;
    const first = this.#first;
    if (first && (first.a < at.a || (first.a === at.a && first.b <= at.b))) return;
    this.#first = { a: at.a, b: at.b, entry };
  }

  get firstDivergence(): Divergence | null {
    const first = this.#first;
    if (first === undefined) return null;
    const { a, b } = this.#sides;
    return {
      entry: first.entry,
      ...(first.a < a.head.steps.count && { a: first.a }),
      ...(first.b < b.head.steps.count && { b: first.b }),
    };
  }

  async *#events(
    left: AsyncGenerator<Step>,
    right: AsyncGenerator<Step>,
  ): AsyncGenerator<StepEvent> {
    const { partners, moved } = this.#alignment;
    const count = this.#sides.b.head.steps.count;
    let [at, other] = [0, 0];
    while (at < partners.length || other < count) {
      const partner = at < partners.length ? (partners[at] as number) : count;
      if (partner === ALONE) {
        const a = await take(left);
        const to = moved.get(at);
        // A moved step is told of where it is now.
        if (to !== undefined) this.#left.set(to, { a: at, b: other });
        else yield removed(a, other);
        at++;
      } else if (other < partner) {
        const b = await take(right);
        const from = this.#arrived.get(other);
        yield from === undefined ? added(at, b) : movedHere(at, from, b);
        other++;
      } else {
        yield pair(await take(left), await take(right));
        at++;
        other++;
      }
    }
  }
}

function pair(a: Step, b: Step): StepEvent {
  return {
    kind: "pair",
    subject: { a, b },
    a: a.seq,
    b: b.seq,
    drafts: (comparison) => comparison.pair(a, b),
  };
}

function removed(a: Step, b: number): StepEvent {
  return {
    kind: "removed",
    subject: { a },
    a: a.seq,
    b,
    async *drafts(comparison) {
      yield await comparison.alone(a, "removed");
    },
  };
}

function added(a: number, b: Step): StepEvent {
  return {
    kind: "added",
    subject: { b },
    a,
    b: b.seq,
    async *drafts(comparison) {
      yield await comparison.alone(b, "added");
    },
  };
}

function movedHere(a: number, from: number, b: Step): StepEvent {
  return {
    kind: "moved",
    subject: { b },
    a,
    b: b.seq,
    async *drafts(comparison) {
      yield comparison.moved(from, b);
    },
  };
}

async function take(steps: AsyncGenerator<Step>): Promise<Step> {
  const { value, done } = await steps.next();
  // Both were read to their end before.
  if (done) throw new Error("a run lost steps while it was compared");
  return value;
}
