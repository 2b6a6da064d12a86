import type { RunTotals } from "./head.ts";
import type { Step, StepKind, Usage } from "./step.ts";
import { compareTimes } from "./time.ts";

const usageKeys = ["input", "output", "cacheRead", "cacheWrite", "reasoning", "cost"] as const;

/** Adds steps up. */
export class TotalsCounter {
  readonly #steps = new Map<StepKind, number>();
  readonly #usage = new Map<keyof Usage, number>();
  #errors = 0;
  #startedAt: string | undefined;
  #endedAt: string | undefined;

  add(step: Step): void {
    this.#steps.set(step.kind, (this.#steps.get(step.kind) ?? 0) + 1);
    if (step.status === "error") this.#errors++;
    for (const key of usageKeys) {
      const value = step.usage?.[key];
      if (value !== undefined) this.#usage.set(key, (this.#usage.get(key) ?? 0) + value);
    }
    const { startedAt } = step;
    const endedAt = step.endedAt ?? startedAt;
    if (startedAt && (!this.#startedAt || compareTimes(startedAt, this.#startedAt) < 0)) {
      this.#startedAt = startedAt;
    }
    if (endedAt && (!this.#endedAt || compareTimes(endedAt, this.#endedAt) > 0)) {
      this.#endedAt = endedAt;
    }
  }

  totals(): RunTotals {
    return {
      steps: Object.fromEntries(this.#steps),
      errors: this.#errors,
      ...(this.#usage.size > 0 && { usage: Object.fromEntries(this.#usage) }),
      ...(this.#startedAt && { startedAt: this.#startedAt }),
      ...(this.#endedAt && { endedAt: this.#endedAt }),
    };
  }
}
