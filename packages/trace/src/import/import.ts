import { CtxPackError, visible } from "@ctxpack/identity";
import { importRecording } from "../record/recording.ts";
import { LogSource, type Malformed } from "../source/log.ts";
import { importAtif } from "./atif.ts";
import { importClaudeCode } from "./claude-code.ts";
import { importCodex } from "./codex.ts";
import { type Detected, detectFormat } from "./detect.ts";
import { importExecutionLog } from "./execution-log.ts";
import { importManifest } from "./execution-store.ts";
import { type ImportedRun, type Importer, LOG_FORMATS, type LogFormat } from "./imported.ts";
import { importInspect } from "./inspect.ts";
import { importLangfuse } from "./langfuse.ts";
import { importLangSmith } from "./langsmith.ts";
import { importMcp } from "./mcp.ts";
import { importMessageLines, importMessages } from "./messages.ts";
import { importOtlp } from "./otlp.ts";

/** How a log is imported. */
export interface ImportOptions {
  /** What the log is; told by what it holds when left out. */
  readonly format?: LogFormat | undefined;
  /** What errors call the log. Default `log`. */
  readonly file?: string | undefined;
  /** Passes over lines that cannot be read instead of failing at the first; each is a loss of the run. */
  readonly skipMalformed?: boolean | undefined;
  /** Told of every line that was passed over. */
  readonly onMalformed?: ((malformed: Malformed) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const IMPORTERS: Readonly<Record<Detected, Importer>> = {
  atif: importAtif,
  "claude-code": importClaudeCode,
  codex: importCodex,
  "execution-log": importExecutionLog,
  "execution-manifest": importManifest,
  inspect: importInspect,
  langfuse: importLangfuse,
  langsmith: importLangSmith,
  mcp: importMcp,
  "message-lines": importMessageLines,
  messages: importMessages,
  openinference: importOtlp,
  otlp: importOtlp,
  recorded: importRecording,
};

/**
 * The runs of a log, as parts for `packRun`. Most logs hold one; those of traces and evaluations hold several. The parts
 * of a run are read before the next run is asked for.
 *
 * @throws CtxPackError `CTXPACK_E_TRACE` for a log of no known format, and, naming the line, for one that breaks the
 *   rules of its format; `CTXPACK_E_TOO_LARGE` when it is too large to be read.
 */
export async function* importRuns(
  input: Uint8Array | AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): AsyncGenerator<ImportedRun> {
  const file = options.file ?? "log";
  const log = await LogSource.open(input, {
    file,
    skipMalformed: options.skipMalformed ?? false,
    onMalformed: options.onMalformed,
    signal: options.signal,
  });
  const detected = detectFormat(log);
  const format = chosen(options.format, detected);
  if (format === undefined) {
    throw new CtxPackError("CTXPACK_E_TRACE", visible(`${file}: no log of a known format`), {
      hint: `formats: ${LOG_FORMATS.join(", ")}`,
      details: { file },
    });
  }
  yield* IMPORTERS[format](log);
}

/** A format that was asked for, in the form that was found. */
function chosen(asked: LogFormat | undefined, found: Detected | undefined): Detected | undefined {
  if (asked === "messages" && found === "message-lines") return found;
  if (asked === "execution-log" && found === "execution-manifest") return found;
  return asked ?? found;
}
