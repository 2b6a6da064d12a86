import type { JsonValue } from "@ctxpack/identity";
import { sha256 } from "@ctxpack/identity";
import type { Content } from "../run/content.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { aboutStep, type ReplayOptions } from "./audit.ts";
import { environmentDrift } from "./environment.ts";
import { maskedValue, shown } from "./mask.ts";
import { argumentValue, recordedArguments } from "./recorded.ts";
import { type ReplayReport, replayReport, type StepReplay, type UnrecordedCall } from "./report.ts";
import { type ServedBlock, servedBlocks } from "./served.ts";

/** A call that the tape holds, and what it is to answer. */
interface TapeStep {
  readonly seq: number;
  readonly about: Pick<StepReplay, "seq" | "kind" | "name">;
  readonly result: Content | undefined;
  readonly isError: boolean;
  /** Why it cannot be served. */
  readonly unavailable: string | undefined;
  served: boolean;
}

/** What a tape answers to a call. */
export type TapeAnswer =
  | {
      readonly isFound: true;
      /** `seq` of the step whose result this is. */
      readonly seq: number;
      readonly blocks: readonly ServedBlock[];
      /** The blocks that are text, one after the other. */
      readonly text: string;
      /** Whether the call had failed. */
      readonly isError: boolean;
    }
  | { readonly isFound: false; readonly reason: string };

/** Unrecorded calls that a report lists; there may be more. */
const MAX_UNRECORDED = 1000;

/**
 * The tool calls of a run, to be served to a live agent instead of being executed. A call is found by its tool's name
 * and its arguments, nothing else; the same call made again gets what it got then. What is not there is never guessed.
 */
export class Tape {
  readonly run: Run;
  readonly #options: ReplayOptions;
  readonly #steps: readonly TapeStep[];
  readonly #byKey: ReadonlyMap<string, TapeStep[]>;
  readonly #names: ReadonlySet<string>;
  readonly #unrecorded: UnrecordedCall[] = [];
  #calls = 0;

  /** @see openTape */
  constructor(run: Run, steps: ReadonlyMap<string, TapeStep[]>, options: ReplayOptions) {
    this.run = run;
    this.#options = options;
    this.#byKey = steps;
    const all = [...steps.values()].flat().sort((a, b) => a.seq - b.seq);
    this.#steps = all;
    this.#names = new Set(all.map(({ about }) => about.name ?? ""));
  }

  /** Names of the tools that were called. */
  get names(): readonly string[] {
    return [...this.#names].sort();
  }

  /**
   * The recorded result of a call.
   *
   * @param args a value, or the JSON text that a model wrote.
   * @throws CtxPackError when the pack does not hold the result it says it holds.
   */
  async call(
    name: string,
    args?: JsonValue | undefined,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<TapeAnswer> {
    const signal = options.signal ?? this.#options.signal;
    signal?.throwIfAborted();
    const index = this.#calls++;
    const value = argumentValue(args);
    const known = this.#byKey.get(keyOf(name, value)) ?? [];
    const step = known.find((one) => !one.served && one.unavailable === undefined);
    if (step === undefined) return this.#miss(index, name, value, known);
    // Taken before anything is waited for: two calls at once are two occurrences.
    step.served = true;
    const blocks = await servedBlocks(this.run, step.result, { signal });
    const text = blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
    return { isFound: true, seq: step.seq, blocks, text, isError: step.isError };
  }

  /** What was served, what was not asked for, and what was asked for and is not there. */
  report(): ReplayReport {
    const { strictEnvironment, environment } = this.#options;
    return replayReport({
      run: this.run.uri,
      mode: "tape",
      steps: this.#steps.map(stepReplay),
      unrecorded: this.#unrecorded,
      environment: environmentDrift(this.run.head, environment),
      strictEnvironment,
    });
  }

  #miss(index: number, name: string, args: JsonValue, known: readonly TapeStep[]): TapeAnswer {
    const reason = this.#reason(name, known);
    if (this.#unrecorded.length < MAX_UNRECORDED) {
      this.#unrecorded.push({
        index,
        name: name.slice(0, 1024),
        arguments: shown(maskedValue(args)),
        reason,
      });
    }
    return { isFound: false, reason };
  }

  #reason(name: string, known: readonly TapeStep[]): string {
    const unavailable = known.find((one) => one.unavailable !== undefined);
    if (unavailable?.unavailable !== undefined) return unavailable.unavailable;
    if (known.length > 0) return `recorded ${known.length} times with these arguments, all served`;
    return this.#names.has(name)
      ? "recorded, but never with these arguments"
      : "the run has no call of this tool";
  }
}

/**
 * The tape of a run. Its steps are read to their end, so that none is served that is not the run's.
 *
 * @throws CtxPackError when the run is damaged.
 */
export async function openTape(run: Run, options: ReplayOptions = {}): Promise<Tape> {
  const steps = new Map<string, TapeStep[]>();
  for await (const step of run.steps(options)) {
    if (step.kind !== "tool") continue;
    const args = await recordedArguments(run, step.request, options);
    // A call whose arguments are not known cannot be asked for.
    const key = args === undefined ? `${step.seq}` : keyOf(step.name ?? "", args);
    const known = steps.get(key) ?? [];
    known.push(tapeStep(step, args !== undefined));
    steps.set(key, known);
  }
  return new Tape(run, steps, options);
}

function tapeStep(step: Step, hasArguments: boolean): TapeStep {
  const { seq, result, status } = step;
  const isAbsent = result !== undefined && "absent" in result;
  const unavailable = !hasArguments
    ? "the record does not hold the arguments"
    : isAbsent || status === "unknown"
      ? "the record does not hold the result"
      : undefined;
  return {
    seq,
    about: aboutStep(step),
    result,
    isError: status === "error",
    unavailable,
    served: false,
  };
}

function stepReplay(step: TapeStep): StepReplay {
  if (step.served) return { ...step.about, verdict: "matched", deed: "served" };
  const { unavailable } = step;
  return unavailable === undefined
    ? { ...step.about, verdict: "unconsumed" }
    : { ...step.about, verdict: "unavailable", reason: unavailable };
}

function keyOf(name: string, args: JsonValue): string {
  return sha256(new TextEncoder().encode(JSON.stringify([name, maskedValue(args)])));
}
