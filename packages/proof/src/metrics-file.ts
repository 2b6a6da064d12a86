import { closeSync, constants, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { systemError } from "./file/system-error.ts";
import { METRICS, type MetricLabels, type MetricName, type MetricsSink } from "./metrics.ts";

export interface MetricsFileOptions {
  /** In every line, as `trace_id`: 32 hex digits, as `traceIdOf` gives it. */
  readonly traceId: string;
  /** Takes one sentence when a line could not be written; nothing more is measured then. */
  readonly warn?: ((text: string) => void) | undefined;
}

/**
 * A sink that appends each measurement to a file as a line of JSON: `time`, `name`, `kind`, `unit`, `value`, `labels`,
 * `trace_id`, `pid`. Each line is one write at the file's end, so any number of processes may share the file.
 */
export class MetricsFile implements MetricsSink, Disposable {
  readonly #file: string;
  readonly #traceId: string;
  readonly #warn: (text: string) => void;
  #descriptor: number | undefined;

  private constructor(file: string, descriptor: number, options: MetricsFileOptions) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#traceId = options.traceId;
    this.#warn = options.warn ?? (() => {});
  }

  /**
   * Opens `file`, which is made when it is not there; its folder has to be.
   *
   * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PERMISSION`, `CTXPACK_E_USAGE` for a folder.
   */
  static open(file: string, options: MetricsFileOptions): MetricsFile {
    const path = resolve(file);
    // A pipe that nobody reads would hold the command up before it began.
    const flags =
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);
    try {
      return new MetricsFile(file, openSync(path, flags, 0o666), options);
    } catch (error) {
      throw systemError(error, file);
    }
  }

  counter(name: MetricName, labels: MetricLabels = {}, by = 1): void {
    this.#append(name, by, labels);
  }

  histogram(name: MetricName, value: number, labels: MetricLabels = {}): void {
    this.#append(name, value, labels);
  }

  gauge(name: MetricName, value: number, labels: MetricLabels = {}): void {
    this.#append(name, value, labels);
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #append(name: MetricName, value: number, labels: MetricLabels): void {
    if (this.#descriptor === undefined) return;
    const { kind, unit } = METRICS[name];
    const time = new Date().toISOString();
    const line = { time, name, kind, unit, value, labels, trace_id: this.#traceId };
    const bytes = Buffer.from(`${JSON.stringify({ ...line, pid: process.pid })}\n`);
    try {
      // At once: who is killed afterwards has said so far what was measured.
      if (writeSync(this.#descriptor, bytes) === bytes.length) return;
      this.#giveUp("no space left");
    } catch (error) {
      this.#giveUp(String((error as NodeJS.ErrnoException).code));
    }
  }

  #giveUp(why: string): void {
    this[Symbol.dispose]();
    this.#warn(`${this.#file} cannot be written (${why}): nothing more is measured`);
  }
}
