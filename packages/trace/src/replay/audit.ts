import { CtxPackError } from "@ctxpack/identity";
import { headContents, type PlacedContent, stepContents, storedContents } from "../run/closure.ts";
import type { RunEnvironment } from "../run/head.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { environmentDrift } from "./environment.ts";
import { type DamagedContent, type ReplayReport, replayReport, type StepReplay } from "./report.ts";

/** What every replay takes. */
export interface ReplayOptions {
  /** Where it runs; this machine when left out. */
  readonly environment?: RunEnvironment | undefined;
  /** Whether a drift of the environment makes a replay `degraded`. */
  readonly strictEnvironment?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Executes nothing: checks that a run holds every content that its head and its steps name, inputs and outputs too, and
 * that each is what its name says.
 *
 * @throws CtxPackError when the steps themselves are not those of the head.
 */
export async function auditRun(run: Run, options: ReplayOptions = {}): Promise<ReplayReport> {
  const environment = environmentDrift(run.head, options.environment);
  const contents = new Contents(run, options.signal);
  const damaged = await auditHead(run, contents);
  const steps: StepReplay[] = [];
  for await (const step of run.steps(options)) steps.push(await auditStep(step, contents));
  return replayReport({
    run: run.uri,
    mode: "audit",
    steps,
    damaged,
    environment,
    strictEnvironment: options.strictEnvironment,
  });
}

/** The start of what a report says of a step. */
export function aboutStep(step: Step): Pick<StepReplay, "seq" | "kind" | "name"> {
  const { seq, kind, name } = step;
  return name === undefined ? { seq, kind } : { seq, kind, name };
}

async function auditHead(run: Run, contents: Contents): Promise<DamagedContent[]> {
  const damaged: DamagedContent[] = [];
  for (const { pointer, stored } of storedContents(headContents(run.head))) {
    const reason = await contents.problem(stored);
    if (reason !== undefined) damaged.push({ pointer, reason });
  }
  return damaged;
}

async function auditStep(step: Step, contents: Contents): Promise<StepReplay> {
  const placed: PlacedContent[] = stepContents(step);
  for (const { pointer, stored } of storedContents(placed)) {
    const problem = await contents.problem(stored);
    if (problem === undefined) continue;
    return {
      ...aboutStep(step),
      verdict: "damaged",
      deed: "checked",
      reason: `${pointer}: ${problem}`,
    };
  }
  return { ...aboutStep(step), verdict: "matched", deed: "checked" };
}

/** Each content is read once, however many steps name it. */
class Contents {
  readonly #run: Run;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<string, string | undefined>();

  constructor(run: Run, signal: AbortSignal | undefined) {
    this.#run = run;
    this.#signal = signal;
  }

  /** What is wrong with a content; undefined when nothing is. */
  async problem(stored: Parameters<Run["content"]>[0]): Promise<string | undefined> {
    const key = `${stored.digest} ${stored.size}`;
    if (this.#known.has(key)) return this.#known.get(key);
    let problem: string | undefined;
    try {
      await this.#run.content(stored, { signal: this.#signal });
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      problem = error.message;
    }
    this.#known.set(key, problem);
    return problem;
  }
}
