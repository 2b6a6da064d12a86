import type { Phase, ProgressEvent } from "@ctxpack/client";
import { formatBytes, formatCount, formatSeconds } from "./format.ts";
import type { Output } from "./output.ts";

/** A terminal gets a line that redraws itself, a log a line now and then, a program every event. */
export type ProgressMode = "terminal" | "log" | "events" | "silent";

const VERBS: Readonly<Record<Phase, string>> = {
  hash: "hashing",
  blob: "storing",
  manifest: "manifest",
  publish: "publishing",
  layout: "updating the layout",
  unpack: "unpacking",
};

const REDRAW_MS = 100;
const LOG_MS = 10_000;

/** Turns progress events into what the reader can use. */
export class Progress {
  readonly #mode: ProgressMode;
  readonly #output: Output;
  #phase: Phase | undefined;
  #phaseStarted = 0;
  #doneAtStart = 0;
  #lastShown = performance.now();

  constructor(mode: ProgressMode, output: Output) {
    this.#mode = mode;
    this.#output = output;
  }

  /** Takes one event. Cheap when nothing is due. */
  readonly on = (event: ProgressEvent): void => {
    if (this.#mode === "silent") return;
    if (this.#mode === "events") {
      this.#output.line({ event: "progress", ...event });
      return;
    }
    const now = performance.now();
    if (event.phase !== this.#phase) {
      this.#phase = event.phase;
      this.#phaseStarted = now;
      this.#doneAtStart = event.done;
    }
    const interval = this.#mode === "terminal" ? REDRAW_MS : LOG_MS;
    if (now - this.#lastShown < interval) return;
    this.#lastShown = now;
    const seconds = (now - this.#phaseStarted) / 1000;
    const text = describe(event, event.done - this.#doneAtStart, seconds);
    if (this.#mode === "terminal") this.#output.draw(text);
    else this.#output.note(text);
  };
}

/** `hashing 12.3 MB of 50.0 MB, 120 MB/s, 0.31 s left`. `fresh` is what this phase did in `seconds`. */
export function describe(event: ProgressEvent, fresh: number, seconds: number): string {
  const amount = (n: number): string =>
    event.unit === "bytes" ? formatBytes(n) : `${formatCount(n)} ${event.unit}`;
  const parts = [`${VERBS[event.phase]} ${amount(event.done)}`];
  if (event.total !== undefined) parts[0] += ` of ${amount(event.total)}`;
  const rate = seconds > 0 ? fresh / seconds : 0;
  if (rate > 0) {
    if (event.unit === "bytes") parts.push(`${formatBytes(rate)}/s`);
    if (event.total !== undefined && event.total > event.done) {
      parts.push(`${formatSeconds((event.total - event.done) / rate)} left`);
    }
  }
  return parts.join(", ");
}
