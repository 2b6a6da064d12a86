import type { JsonValue } from "@ctxpack/identity";
import { CtxPackError } from "@ctxpack/identity";
import { Conversation } from "../import/conversation.ts";
import { type ImportedRun, LossNotes } from "../import/imported.ts";
import type { RunPart, StepDraft } from "../run/draft.ts";
import { utcTime } from "../run/time.ts";
import { isObject, LogSource } from "../source/log.ts";
import { ExchangeSteps } from "./exchange-steps.ts";
import { withBytes } from "./part-bytes.ts";
import { validateRecording } from "./recording.generated.ts";
import { RECORDING_SCHEMA } from "./schema.ts";

/** How a recording is read. */
export interface ReadRecordingOptions {
  /** What errors call it. Default `recording`. */
  readonly file?: string | undefined;
  /** Passes over lines that cannot be read instead of failing at the first; each is a loss of the run. */
  readonly skipMalformed?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Members = { readonly [key: string]: JsonValue };

/**
 * The run that a recording holds, as parts for `packRun`. A last line that a process was killed in is a loss; a
 * call whose result never came has the status `unknown`.
 *
 * @throws CtxPackError `CTXPACK_E_TRACE` for what is no recording, and, naming the line, for one that is damaged.
 */
export async function* readRecording(
  input: Uint8Array | AsyncIterable<Uint8Array>,
  options: ReadRecordingOptions = {},
): AsyncGenerator<RunPart> {
  const { file = "recording", skipMalformed = false, signal } = options;
  yield* recordedParts(await LogSource.open(input, { file, skipMalformed, signal }));
}

/** A recording among the logs that are imported. */
export async function* importRecording(log: LogSource): AsyncGenerator<ImportedRun> {
  yield { key: "", format: "recorded", parts: recordedParts(log) };
}

async function* recordedParts(log: LogSource): AsyncGenerator<RunPart> {
  const { file } = log.options;
  // The last line of a process that was killed is no reason to lose the others.
  log.skipsUnended = true;
  const notes = new LossNotes();
  const reader = new Reader(notes);
  let isKnown = false;
  for await (const { value, line } of log.lines()) {
    notes.noteSkipped(log);
    if (!isKnown && !(isObject(value) && value["schema"] === RECORDING_SCHEMA)) break;
    notes.line = line;
    if (isKnown && !reader.read(value)) log.malformed(line, "no line of a recording");
    // Before anything that the recording says about itself.
    if (!isKnown) yield { head: { source: { format: "recorded" } } };
    isKnown = true;
    yield* reader.take();
  }
  if (!isKnown) {
    throw new CtxPackError("CTXPACK_E_TRACE", `${file}: no recording`, {
      hint: `its first line is {"schema":"${RECORDING_SCHEMA}"}`,
      details: { file },
    });
  }
  yield* reader.finish();
  notes.noteSkipped(log);
  yield { head: { source: log.facts } };
  yield* notes.parts();
}

class Reader {
  readonly #talk: Conversation;
  readonly #exchanges: ExchangeSteps;
  readonly #parts: RunPart[] = [];
  /** `seq` of the steps that were recorded as such, by the numbers they had then. */
  readonly #numbers: number[] = [];

  constructor(notes: LossNotes) {
    this.#talk = new Conversation(notes.note);
    this.#exchanges = new ExchangeSteps(this.#talk, notes);
  }

  /** False for what is no line of a recording. */
  read(line: JsonValue): boolean {
    if (!validateRecording(line)) return false;
    const { part, exchange } = line as { part?: RunPart; exchange?: Members };
    if (exchange !== undefined) this.#exchanges.add(exchange);
    if (part === undefined) return true;
    const draft = withBytes(part);
    if ("step" in draft) this.#numbers.push(this.#talk.queue.add(this.#renumbered(draft.step)));
    else this.#parts.push(draft);
    return true;
  }

  *take(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    yield* this.#talk.take();
  }

  *finish(): Generator<RunPart> {
    yield* this.take();
    yield* this.#talk.finish();
  }

  #renumbered(step: StepDraft): StepDraft {
    const number = (value: number | undefined) =>
      value === undefined ? undefined : this.#numbers[value];
    return {
      ...step,
      by: number(step.by),
      parent: number(step.parent),
      startedAt: utcTime(step.startedAt ?? ""),
      endedAt: utcTime(step.endedAt ?? ""),
    };
  }
}
