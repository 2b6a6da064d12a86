import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { CtxPackError } from "@ctxpack/identity";

/** What `run --json` and `map --json` said, added up. */
export interface ReportedRuns {
  /** Nothing was run. */
  readonly hits: number;
  readonly computed: number;
  readonly failed: number;
  /** What the hits took when they were computed here. */
  readonly savedMs: number;
  /** Hits of which that is not known: they were computed elsewhere. */
  readonly unknownHits: number;
  /** Lines that are neither a result nor an event of these commands. */
  readonly ignored: number;
}

/**
 * Adds up the lines that `run --json` and `map --json` have printed into files. Throws `CTXPACK_E_PATH_NOT_FOUND` and
 * `CTXPACK_E_PERMISSION`.
 *
 * @param cwd what relative paths count from.
 */
export async function readRuns(
  files: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<ReportedRuns> {
  const sum = { hits: 0, computed: 0, failed: 0, savedMs: 0, unknownHits: 0, ignored: 0 };
  for (const file of files) {
    for await (const line of linesOf(file, cwd, signal)) {
      if (line === "") continue;
      const said = parse(line);
      if (said === undefined) sum.ignored++;
      else if (typeof said["event"] === "string") continue;
      else if (isObject(said["error"])) sum.failed++;
      else if (!isResult(said)) sum.ignored++;
      else if (!said.hit) sum.computed++;
      else {
        sum.hits++;
        sum.savedMs += said.durationMs ?? 0;
        if (said.durationMs === null) sum.unknownHits++;
      }
    }
  }
  return sum;
}

async function* linesOf(file: string, cwd: string, signal: AbortSignal): AsyncGenerator<string> {
  const input = createReadStream(resolve(cwd, file), { signal });
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(file, error as NodeJS.ErrnoException);
  } finally {
    input.destroy();
  }
}

function unreadable(file: string, error: NodeJS.ErrnoException): unknown {
  const isRefused = error.code === "EACCES" || error.code === "EPERM";
  if (!isRefused && !["ENOENT", "EISDIR", "ENOTDIR"].includes(error.code ?? "")) return error;
  return new CtxPackError(
    isRefused ? "CTXPACK_E_PERMISSION" : "CTXPACK_E_PATH_NOT_FOUND",
    isRefused ? `${file} may not be read` : `there is no file ${file}`,
    {
      hint: "name a file with lines that ctxpack run --json or map --json has printed",
      cause: error,
      details: { path: file },
    },
  );
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && value["schemaVersion"] === 1 ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isResult(
  said: Readonly<Record<string, unknown>>,
): said is { readonly hit: boolean; readonly durationMs: number | null } {
  const { hit, durationMs, child } = said;
  const isTime = durationMs === null || (typeof durationMs === "number" && durationMs >= 0);
  return typeof hit === "boolean" && isTime && isObject(child);
}
