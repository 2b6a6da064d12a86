import type { Phase, ProgressEvent } from "@ctxpack/client";
import { formatBytes, formatCount, formatSeconds } from "./format.ts";
import { Meter } from "./meter.ts";
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

/** What moving blobs is to who asked for it. */
const MOVES: Readonly<Record<string, string>> = {
  push: "sending",
  cp: "copying",
  pull: "fetching",
  cat: "fetching",
};

const REDRAW_MS = 100;
const LOG_MS = 10_000;
const MEASURED_MS = 1_000;
/** A phase whose end is not known is shown this long after its last event. */
const SHOWN_MS = 1_000;
/** When nothing comes, the rate goes down and the time left up. */
const IDLE_MS = 500;
const BAR_CELLS = 20;

/** A phase as its last event left it. */
interface Shown {
  readonly meter: Meter;
  event: ProgressEvent;
  at: number;
}

/** Turns progress events into what the reader can use: on a terminal one line with a bar for each phase at work. */
export class Progress implements Disposable {
  readonly #mode: ProgressMode;
  readonly #output: Output;
  readonly #moving: string | undefined;
  /** Phases overlap: reading, compressing and storing take turns. */
  readonly #phases = new Map<Phase, Shown>();
  /** At first: when the first event came. */
  #lastShown: number | undefined;
  #lastMeasured = Number.NEGATIVE_INFINITY;
  #idle: NodeJS.Timeout | undefined;

  /** @param command whose progress it is. */
  constructor(mode: ProgressMode, output: Output, command?: string) {
    this.#mode = mode;
    this.#output = output;
    this.#moving = command === undefined ? undefined : MOVES[command];
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
    const shown = this.#note(event, now);
    if (this.#mode === "terminal") {
      this.#idle ??= setInterval(() => this.#redraw(performance.now()), IDLE_MS).unref();
      if (now - this.#lastShown >= REDRAW_MS) this.#redraw(now);
      return;
    }
    if (event.total !== undefined) this.#lastMeasured = now;
    // Of two phases at work, the one whose end is known says more.
    else if (now - this.#lastMeasured < MEASURED_MS) return;
    if (now - this.#lastShown < LOG_MS) return;
    this.#lastShown = now;
    this.#output.note(this.#text(shown, now));
  };

  [Symbol.dispose](): void {
    clearInterval(this.#idle);
  }

  #note(event: ProgressEvent, now: number): Shown {
    const known = this.#phases.get(event.phase);
    // Less than before: it has begun anew, with other files.
    if (known === undefined || event.done < known.meter.done) {
      const shown = { meter: new Meter(now, event.done), event, at: now };
      this.#phases.set(event.phase, shown);
      return shown;
    }
    known.meter.add(now, event.done);
    known.event = event;
    known.at = now;
    return known;
  }

  #redraw(now: number): void {
    this.#lastShown = now;
    const atWork = [...this.#phases.values()].filter(({ event, at }) =>
      event.total === undefined ? now - at < SHOWN_MS : event.done < event.total,
    );
    if (atWork.length === 0) return;
    this.#output.draw(...atWork.map((one) => `${bar(one.event)} ${this.#text(one, now)}`));
  }

  #text({ meter, event }: Shown, now: number): string {
    const { fresh, seconds } = meter.recent(now);
    const verb = event.phase === "blob" ? this.#moving : undefined;
    return describe(event, fresh, seconds, verb);
  }
}

/** As long whatever is done; empty while the end is not known. */
export function bar({ done, total }: Pick<ProgressEvent, "done" | "total">): string {
  const full = total ? Math.floor((BAR_CELLS * Math.min(done, total)) / total) : 0;
  return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
}

/** `hashing 12.3 MB of 50.0 MB, 120 MB/s, 0.31 s left`. `fresh` is what this phase did in `seconds`. */
export function describe(
  event: ProgressEvent,
  fresh: number,
  seconds: number,
  verb: string = VERBS[event.phase],
): string {
  const amount = event.unit === "bytes" ? formatBytes : formatCount;
  const counts = [event.done, event.total].filter((n) => n !== undefined).map(amount);
  const unit = event.unit === "bytes" ? "" : ` ${event.unit}`;
  const parts = [`${verb} ${counts.join(" of ")}${unit}`];
  const rate = seconds > 0 ? fresh / seconds : 0;
  if (rate > 0) {
    if (event.unit === "bytes") parts.push(`${formatBytes(rate)}/s`);
    if (event.total !== undefined && event.total > event.done) {
      parts.push(`${formatSeconds((event.total - event.done) / rate)} left`);
    }
  }
  return parts.join(", ");
}
