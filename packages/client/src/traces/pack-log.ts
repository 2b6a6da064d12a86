import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import type { ImportedRun, ImportOptions, LogFormat } from "@ctxpack/trace";
import type { Session } from "../session.ts";
import { type WorkOptions, workOf } from "../work.ts";
import { type PackedTrace, packParts } from "./pack-run.ts";

/** What a log is packed as. */
export interface PackLogOptions
  extends WorkOptions,
    Pick<ImportOptions, "format" | "skipMalformed" | "onMalformed"> {
  /** A label for people; the run's own when absent. */
  readonly name?: string | undefined;
  /** What errors call bytes that come from no file. Default `log`. */
  readonly file?: string | undefined;
}

/** One run of a log. */
export interface PackedLog extends PackedTrace {
  readonly format: LogFormat;
  /** What tells it from the log's other runs; `""` when there can be only one. */
  readonly key: string;
}

/** A log: its file, the folder `.ctx` of the earlier tool, or its bytes. */
export type LogInput = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Packs every run of a log, one after the other. Throws CTXPACK_E_TRACE for what is no log or breaks the rules of its
 * format, naming the line; runs that came before it are in the store.
 */
export async function* packLog(
  session: Session,
  input: LogInput,
  options: PackLogOptions,
): AsyncGenerator<PackedLog> {
  const work = workOf(options);
  const { name } = options;
  for await (const { format, key, parts } of runsOf(session, input, options, work.signal)) {
    yield { ...(await packParts(session, parts, { name }, work)), format, key };
  }
}

async function* runsOf(
  session: Session,
  input: LogInput,
  options: PackLogOptions,
  signal: AbortSignal,
): AsyncGenerator<ImportedRun> {
  const { importExecutionStore, importRuns } = await import("@ctxpack/trace");
  const { format, skipMalformed, onMalformed } = options;
  if (typeof input !== "string") {
    yield* importRuns(input, { format, skipMalformed, onMalformed, file: options.file, signal });
    return;
  }
  const path = resolve(session.cwd, input);
  const stats = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT" && cause.code !== "ENOTDIR") throw cause;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `there is no log ${input}`, {
      cause,
      details: { path },
    });
  });
  if (stats.isDirectory()) {
    yield* importExecutionStore(await earlierStore(path, input), { signal });
    return;
  }
  if (!stats.isFile()) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${input} is no regular file`, {
      hint: "a log comes from a file, or from stdin as -",
      details: { path },
    });
  }
  const bytes = createReadStream(path, { signal });
  yield* importRuns(bytes, { format, skipMalformed, onMalformed, file: input, signal });
}

/** The earlier tool's store: a folder with `packs` and `objects`, or the one that it lies in as `.ctx`. */
async function earlierStore(path: string, given: string): Promise<string> {
  for (const folder of basename(path) === ".ctx" ? [path] : [join(path, ".ctx"), path]) {
    const packs = await stat(join(folder, "packs")).catch(() => undefined);
    if (packs?.isDirectory()) return folder;
  }
  throw new CtxPackError("CTXPACK_E_USAGE", `${given} is a folder without a store of runs`, {
    hint: "name a log, or a folder with .ctx in it; ctxpack trace finalize packs a fork",
    details: { path },
  });
}
