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
const MEASURED_MS = 1_000;

/** Where a phase stood when its first event came. */
interface Beginning {
  readonly at: number;
  readonly done: number;
}

/** Turns progress events into what the reader can use. */
export class Progress {
  readonly #mode: ProgressMode;
  readonly #output: Output;
  /** Phases overlap: reading, compressing and storing take turns. */
  readonly #phases = new Map<Phase, Beginning>();
  /** At first: when the first event came. */
  #lastShown: number | undefined;
  #lastMeasured = Number.NEGATIVE_INFINITY;

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
    this.#lastShown ??= now;
    let beginning = this.#phases.get(event.phase);
    if (!beginning || event.done < beginning.done) {
      beginning = { at: now, done: event.done };
      this.#phases.set(event.phase, beginning);
    }
    if (event.total !== undefined) this.#lastMeasured = now;
    // Of two phases at work, the one whose end is known says more.
    else if (now - this.#lastMeasured < MEASURED_MS) return;
    const interval = this.#mode === "terminal" ? REDRAW_MS : LOG_MS;
    if (now - this.#lastShown < interval) return;
    this.#lastShown = now;
    const text = describe(event, event.done - beginning.done, (now - beginning.at) / 1000);
    if (this.#mode === "terminal") this.#output.draw(text);
    else this.#output.note(text);
  };
}

/** `hashing 12.3 MB of 50.0 MB, 120 MB/s, 0.31 s left`. `fresh` is what this phase did in `seconds`. */
export function describe(event: ProgressEvent, fresh: number, seconds: number): string {
  const amount = event.unit === "bytes" ? formatBytes : formatCount;
  const counts = [event.done, event.total].filter((n) => n !== undefined).map(amount);
  const unit = event.unit === "bytes" ? "" : ` ${event.unit}`;
  const parts = [`${VERBS[event.phase]} ${counts.join(" of ")}${unit}`];
  const rate = seconds > 0 ? fresh / seconds : 0;
  if (rate > 0) {
    if (event.unit === "bytes") parts.push(`${formatBytes(rate)}/s`);
    if (event.total !== undefined && event.total > event.done) {
      parts.push(`${formatSeconds((event.total - event.done) / rate)} left`);
    }
  }
  return parts.join(", ");
}
