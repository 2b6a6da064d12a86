import { CtxPackError } from "@ctxpack/identity";
import { headContents, type PlacedContent, stepContents, storedContents } from "../run/closure.ts";
import type { RunEnvironment } from "../run/head.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { environmentDrift } from "./environment.ts";
import {
  type EnvironmentDrift,
  type ReplayReport,
  replayReport,
  type StepReplay,
} from "./report.ts";

/** What every replay takes. */
export interface ReplayOptions {
  /** Where it runs; this machine when left out. */
  readonly environment?: RunEnvironment | undefined;
  /** Whether a drift of the environment makes a replay `degraded`. */
  readonly strictEnvironment?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Executes nothing: checks that a run holds every content that its steps name, and that each is what its name says.
 * Contents of the head that are damaged are drifts of the environment when they are inputs, else an error.
 *
 * @throws CtxPackError when the steps themselves are not those of the head, or a content of the head is damaged.
 */
export async function auditRun(run: Run, options: ReplayOptions = {}): Promise<ReplayReport> {
  const environment = environmentDrift(run.head, options.environment);
  const contents = new Contents(run, options.signal);
  environment.push(...(await missingInputs(run, contents)));
  await auditHead(run, contents);
  const steps: StepReplay[] = [];
  for await (const step of run.steps(options)) steps.push(await auditStep(step, contents));
  return replayReport({
    run: run.uri,
    mode: "audit",
    steps,
    environment,
    strictEnvironment: options.strictEnvironment,
  });
}

/** The start of what a report says of a step. */
export function aboutStep(step: Step): Pick<StepReplay, "seq" | "kind" | "name"> {
  const { seq, kind, name } = step;
  return name === undefined ? { seq, kind } : { seq, kind, name };
}

/** Inputs whose bytes the pack does not hold, or holds damaged. */
async function missingInputs(run: Run, contents: Contents): Promise<EnvironmentDrift[]> {
  const drifts: EnvironmentDrift[] = [];
  for (const { name, digest, size } of run.head.inputs) {
    if (digest === undefined || size === undefined) continue;
    const problem = await contents.problem({ digest, size });
    if (problem !== undefined)
      drifts.push({ member: `inputs/${name}`, expected: digest, actual: problem });
  }
  return drifts;
}

async function auditHead(run: Run, contents: Contents): Promise<void> {
  const placed = headContents(run.head).filter(({ pointer }) => !pointer.startsWith("/inputs/"));
  for (const { pointer, stored } of storedContents(placed)) {
    const problem = await contents.problem(stored);
    if (problem === undefined) continue;
    throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `the run head: ${pointer}: ${problem}`, {
      hint: "the pack is damaged; fetch it again",
      details: { pointer },
    });
  }
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
