import type { MapCounts } from "@ctxpack/client";
import { formatCount, formatSeconds } from "./format.ts";
import type { Output } from "./output.ts";

const REDRAW_MS = 100;
const LOG_MS = 10_000;

/** How far a map is: a line that redraws itself on a terminal, a line now and then in a log. */
export class MapProgress {
  readonly #output: Output;
  readonly #isSilent: boolean;
  #begun = performance.now();
  #shown = performance.now();

  constructor(output: Output) {
    this.#output = output;
    this.#isSilent = output.options.json || output.options.quiet;
  }

  /** Computing begins. */
  begin(): void {
    this.#begun = performance.now();
    this.#shown = this.#begun;
  }

  /** An item has ended. */
  on(counts: MapCounts): void {
    const now = performance.now();
    const interval = this.#output.options.drawable ? REDRAW_MS : LOG_MS;
    if (this.#isSilent || now - this.#shown < interval) return;
    this.#shown = now;
    const text = describeMap(counts, (now - this.#begun) / 1000);
    if (this.#output.options.drawable) this.#output.draw(text);
    else this.#output.note(text);
  }
}

/** `mapping 680 of 1,000 items: 80 hit, 600 done, 0 failed, 12/s, 27 s left`; done in `seconds`. */
export function describeMap({ total, hit, done, failed }: MapCounts, seconds: number): string {
  const ended = hit + done + failed;
  const counts = `${formatCount(hit)} hit, ${formatCount(done)} done, ${formatCount(failed)} failed`;
  const parts = [`mapping ${formatCount(ended)} of ${formatCount(total)} items: ${counts}`];
  const rate = seconds > 0 ? (done + failed) / seconds : 0;
  if (rate > 0) {
    parts.push(`${rate < 10 ? rate.toFixed(1) : formatCount(Math.round(rate))}/s`);
    if (ended < total) parts.push(`${formatSeconds((total - ended) / rate)} left`);
  }
  return parts.join(", ");
}
