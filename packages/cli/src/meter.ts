/** How far back the rate looks: what was fast a minute ago says nothing of a link that is slow now. */
const WINDOW_MS = 5_000;
const SAMPLE_MS = 250;

/** How fast something grows, of late. */
export class Meter {
  readonly #samples: { readonly at: number; readonly done: number }[];
  #done: number;

  /** @param at milliseconds of a clock that never goes back, here and below. */
  constructor(at: number, done: number) {
    this.#samples = [{ at, done }];
    this.#done = done;
  }

  get done(): number {
    return this.#done;
  }

  add(at: number, done: number): void {
    this.#done = done;
    const last = this.#samples.at(-1);
    if (last === undefined || at - last.at < SAMPLE_MS) return;
    this.#samples.push({ at, done });
    while (this.#samples[1] !== undefined && at - this.#samples[1].at >= WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** What was done in how many seconds, up to now: time in which nothing came counts. */
  recent(now: number): { readonly fresh: number; readonly seconds: number } {
    const first = this.#samples[0] ?? { at: now, done: this.#done };
    return { fresh: this.#done - first.done, seconds: (now - first.at) / 1000 };
  }
}
