import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { CtxPackError, type JsonValue, visible } from "@ctxpack/identity";
import { Redactor } from "../redact/redactor.ts";
import { currentEnvironment } from "../replay/environment.ts";
import { argumentValue } from "../replay/recorded.ts";
import type { ContentDraft, HeadDraft, RunPart } from "../run/draft.ts";
import type { Exchange } from "./exchange.ts";
import { HistoryNotes } from "./history-notes.ts";
import { RECORDING_SCHEMA } from "./schema.ts";

/** Of a line of a recording, in bytes: what a reader of logs takes. */
const MAX_LINE: number = 64 * 1024 * 1024;

/** How a run is recorded. */
export interface RecordRunOptions {
  /** Where to; it is created, readable by its owner only, and never overwritten. */
  readonly file: string;
  /** What is known about the run; the environment is this machine's when it is left out. */
  readonly head?: HeadDraft | undefined;
}

/** What is known about a tool call that {@link RunRecorder.tool} makes. */
export interface RecordToolOptions {
  readonly callId?: string | undefined;
  /** Numbers of steps, as {@link RunRecorder.add} returned them. */
  readonly by?: number | undefined;
  readonly parent?: number | undefined;
}

/**
 * Begins the recording of a run: a file of JSON lines that `readRecording` reads. What was recorded is in the file when
 * the call returns, so a process that is killed loses nothing but the line it was writing.
 *
 * @throws CtxPackError `CTXPACK_E_CONFLICT` when there is a file of that name, `CTXPACK_E_PATH_NOT_FOUND` when there is no
 *   folder for it.
 */
export function recordRun(options: RecordRunOptions): RunRecorder {
  const recorder = new RunRecorder(newFile(options.file));
  recorder.add({ head: { environment: currentEnvironment(), ...options.head } });
  return recorder;
}

function newFile(file: string): number {
  try {
    return openSync(file, "ax", 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const details = { path: file };
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new CtxPackError(
        "CTXPACK_E_PATH_NOT_FOUND",
        visible(`${file}: there is no such folder`),
        { cause, hint: "name a file in one that is there", details },
      );
    }
    if (code !== "EEXIST") throw cause;
    throw new CtxPackError("CTXPACK_E_CONFLICT", `${file} is there already`, {
      cause,
      hint: "every run is recorded into a file of its own",
      details,
    });
  }
}

/** Writes a recording. Secrets are replaced before anything is written. */
export class RunRecorder implements AsyncDisposable {
  readonly #redactor = new Redactor();
  readonly #notes = new HistoryNotes();
  readonly #pending = new Set<Promise<unknown>>();
  #fd: number | undefined;
  #steps = 0;
  #failure: unknown;

  /** @see recordRun */
  constructor(fd: number) {
    this.#fd = fd;
    this.#write({ schema: RECORDING_SCHEMA });
  }

  /**
   * Records a part of the run. A step's `parent` and `by` are numbers that this function returned for earlier steps.
   *
   * @returns the number of the step, if it is one.
   * @throws CtxPackError `CTXPACK_E_USAGE` after {@link close}; whatever the file system says.
   */
  add(part: RunPart): number | undefined {
    this.#write({ part: plain(part) });
    return "step" in part ? this.#steps++ : undefined;
  }

  /** Calls a tool and records what was asked and what came back. */
  async tool<T>(
    name: string,
    args: JsonValue,
    run: () => T | Promise<T>,
    options: RecordToolOptions = {},
  ): Promise<T> {
    const startedAt = new Date().toISOString();
    const step = {
      kind: "tool" as const,
      name,
      request: { value: argumentValue(args) },
      startedAt,
      ...options,
    };
    try {
      const result = await run();
      this.add({ step: { ...step, result: contentOf(result), endedAt: new Date().toISOString() } });
      return result;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const endedAt = new Date().toISOString();
      const failure = { status: "error" as const, error: { message: { text: message } } };
      this.add({ step: { ...step, ...failure, result: { text: message }, endedAt } });
      throw error;
    }
  }

  /** Records a call of a model. An agent is not to fail because this does: {@link close} tells. */
  exchange(exchange: Exchange): void {
    try {
      this.#write({ exchange: plain(this.#notes.note(exchange)) });
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** Records that something went by that is not in the recording. */
  lose(path: string): void {
    try {
      this.add({ loss: { path, reason: "unmapped" } });
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** Has {@link close} wait for something that is going to be recorded. */
  track(work: Promise<unknown>): void {
    const settled = work.catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#pending.add(settled);
    void settled.then(() => this.#pending.delete(settled));
  }

  /**
   * Ends the recording: everything is on the disk, not only handed to the kernel.
   *
   * @throws what kept something from being recorded.
   */
  async close(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) {
      fdatasyncSync(fd);
      closeSync(fd);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #write(line: JsonValue): void {
    if (this.#fd === undefined) {
      throw new CtxPackError("CTXPACK_E_USAGE", "the recording is closed");
    }
    const bytes = Buffer.from(`${JSON.stringify(this.#redactor.value(line))}\n`);
    if (bytes.length > MAX_LINE) {
      throw new CtxPackError(
        "CTXPACK_E_TOO_LARGE",
        `something to record takes ${bytes.length} bytes; the limit is ${MAX_LINE}`,
        { hint: "keep results of this size as files" },
      );
    }
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }
}

/** A part as JSON: without what is undefined, and bytes as base64. */
function plain(value: unknown): JsonValue {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map((item) => plain(item));
  if (typeof value !== "object" || value === null) return value as JsonValue;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
}

/** What a tool returned, as a run keeps it. */
function contentOf(result: unknown): ContentDraft {
  if (result instanceof Uint8Array) {
    return { bytes: result, mediaType: "application/octet-stream" };
  }
  if (typeof result === "string") return { text: result };
  const text = JSON.stringify(result);
  return text === undefined ? { text: "" } : { value: argumentValue(text) };
}
