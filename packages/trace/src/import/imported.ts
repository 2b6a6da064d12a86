import type { LossDraft, RunPart } from "../run/draft.ts";
import type { LossReason } from "../run/head.ts";
import type { LogSource } from "../source/log.ts";

/** The formats that are read, by the name a run's `source.format` has. */
export const LOG_FORMATS = [
  "atif",
  "claude-code",
  "codex",
  "execution-log",
  "inspect",
  "langfuse",
  "langsmith",
  "mcp",
  "messages",
  "openinference",
  "otlp",
  "recorded",
] as const;

export type LogFormat = (typeof LOG_FORMATS)[number];

/** One run of a log. Its parts are read once, and before the next run is asked for. */
export interface ImportedRun {
  /** What tells it from the log's other runs: a session, trace, sample; `""` when there can be only one. */
  readonly key: string;
  readonly format: LogFormat;
  readonly parts: AsyncIterable<RunPart>;
}

/** Reads the runs of a log of one format. */
export type Importer = (log: LogSource) => AsyncIterable<ImportedRun>;

const MAX_PATHS = 2048;
const MAX_LINES = 16;

/** Counts losses while a run is read, so that a million of one kind become one part. */
export class LossNotes {
  /** Of the line that is being read; 0 for none. */
  line = 0;
  readonly #counts = new Map<string, { loss: LossDraft; count: number; lines: number[] }>();

  readonly note = (path: string, reason: LossReason): void => this.#count(path, reason, 1);

  #count(path: string, reason: LossReason, times: number): void {
    let key = `${reason} ${path}`;
    if (!this.#counts.has(key) && this.#counts.size >= MAX_PATHS) key = `${reason} $..*`;
    const entry = this.#counts.get(key) ?? {
      loss: { path: key.slice(reason.length + 1), reason },
      count: 0,
      lines: [],
    };
    entry.count += times;
    const { lines } = entry;
    if (this.line > 0 && lines.length < MAX_LINES && lines.at(-1) !== this.line) {
      lines.push(this.line);
    }
    this.#counts.set(key, entry);
  }

  /** Notes of one run of a log, beginning with what was noted about all of it. */
  copy(): LossNotes {
    const copy = new LossNotes();
    for (const [key, entry] of this.#counts) {
      copy.#counts.set(key, { ...entry, lines: [...entry.lines] });
    }
    return copy;
  }

  /** Lines of `log` that were passed over since the last call. */
  noteSkipped(log: LogSource): void {
    const { lines, more } = log.takeSkipped();
    for (const { line } of lines) {
      this.line = line;
      this.note("$", "malformed");
    }
    this.line = 0;
    if (more > 0) this.#count("$", "malformed", more);
  }

  /** Everything noted, as parts of the run. */
  *parts(): Generator<RunPart> {
    for (const { loss, count, lines } of this.#counts.values()) {
      for (const line of lines) yield { loss: { ...loss, line } };
      const others = count - lines.length;
      if (others > 0) yield { loss: { ...loss, count: others } };
    }
  }
}
