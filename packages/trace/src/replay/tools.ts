import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { aboutStep, type ReplayOptions } from "./audit.ts";
import { environmentDrift } from "./environment.ts";
import { masked, shown } from "./mask.ts";
import { canonicalText, type RecordedText, recordedArguments, recordedText } from "./recorded.ts";
import {
  type OutputReplay,
  type ReplayReport,
  replayReport,
  type StepReplay,
  type Verdict,
} from "./report.ts";
import {
  REPLAY_LIMITS,
  type ReplayLimits,
  type ReplayOutcome,
  type ReplayTool,
  ToolEnd,
} from "./tool.ts";
import { Workspace } from "./workspace.ts";

/** How tools are executed again. */
export interface ReplayToolsOptions extends ReplayOptions {
  /** The tools that may be executed; calls of others are skipped. */
  readonly tools: readonly ReplayTool[];
  /** A folder whose files the workspace starts with, below the run's own inputs. It is not written to. */
  readonly folder?: string | undefined;
  readonly limits?: Partial<ReplayLimits> | undefined;
}

/** What is said of a step whose files are those of the record. */
const BY_FILES = { verdict: "matched", reason: "compared by its files" } as const;

/** After its time a tool gets so long to stop, in ms. */
const GRACE_MS = 5000;

/**
 * Executes the tool calls of a run again, one after the other, in a workspace of its own, and compares what comes of
 * them. Nothing is executed before all steps were read and are those of the head.
 *
 * @throws CtxPackError when the run is damaged.
 */
export async function replayTools(run: Run, options: ReplayToolsOptions): Promise<ReplayReport> {
  // Whether these are the run's steps is known after the last one.
  for await (const _ of run.steps(options)) options.signal?.throwIfAborted();
  const limits = { ...REPLAY_LIMITS, ...options.limits };
  const { folder, signal } = options;
  await using workspace = await createWorkspace(run, { folder, limits, signal });
  const replay = new ToolsReplay(run, workspace, limits, options);
  const steps: StepReplay[] = [];
  for await (const step of run.steps(options)) {
    if (step.kind === "tool") steps.push(await replay.step(step));
  }
  const isExecuted = steps.some(({ deed }) => deed === "executed");
  const outputs = isExecuted ? await compareOutputs(run, workspace) : [];
  return replayReport({
    run: run.uri,
    mode: "tools",
    steps: replay.settled(steps, outputs),
    outputs,
    environment: environmentDrift(run.head, options.environment),
    strictEnvironment: options.strictEnvironment,
  });
}

async function createWorkspace(
  run: Run,
  options: Parameters<typeof Workspace.create>[1],
): Promise<Workspace> {
  try {
    return await Workspace.create(run, options);
  } catch (error) {
    if (!(error instanceof ToolEnd)) throw error;
    throw new CtxPackError("CTXPACK_E_TOO_LARGE", `the inputs of ${run.uri}: ${error.message}`, {
      cause: error,
      hint: "give the replay a larger workspace",
    });
  }
}

/** Files that the run says came out, and what they are now. */
async function compareOutputs(run: Run, workspace: Workspace): Promise<OutputReplay[]> {
  const outputs: OutputReplay[] = [];
  for (const { name, digest } of run.head.outputs) {
    if (digest === undefined) continue;
    const actual = await workspace.digest(name);
    const expected = digest;
    if (actual === undefined) outputs.push({ name, verdict: "unavailable", expected });
    else
      outputs.push({
        name,
        verdict: actual === expected ? "matched" : "diverged",
        expected,
        actual,
      });
  }
  return outputs;
}

class ToolsReplay {
  readonly #run: Run;
  readonly #workspace: Workspace;
  readonly #limits: ReplayLimits;
  readonly #options: ReplayToolsOptions;
  readonly #tools: ReadonlyMap<string, ReplayTool>;
  /** By the name of a file: steps that changed it since it was written whole, and that nothing was compared of. */
  readonly #changes = new Map<string, number[]>();

  constructor(run: Run, workspace: Workspace, limits: ReplayLimits, options: ReplayToolsOptions) {
    this.#run = run;
    this.#workspace = workspace;
    this.#limits = limits;
    this.#options = options;
    this.#tools = new Map(options.tools.flatMap((tool) => tool.names.map((name) => [name, tool])));
  }

  async step(step: Step): Promise<StepReplay> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const about = aboutStep(step);
    const tool = this.#tools.get(step.name ?? "");
    if (tool === undefined) {
      return { ...about, verdict: "skipped", reason: "no tool of this name was allowed" };
    }
    const args = await recordedArguments(this.#run, step.request, { signal });
    if (args === undefined) {
      return { ...about, verdict: "unavailable", reason: "the record does not hold the arguments" };
    }
    try {
      const outcome = await this.#execute(tool, step.name ?? "", args);
      return { ...about, ...(await this.#compare(step, tool, outcome)) };
    } catch (error) {
      signal?.throwIfAborted();
      // What the pack should hold and does not is no failure of a tool.
      if (CtxPackError.isInstance(error)) throw error;
      return { ...about, ...ended(step, error) };
    }
  }

  async #execute(tool: ReplayTool, name: string, args: Parameters<ReplayTool["run"]>[0]["args"]) {
    const { timeoutMs } = this.#limits;
    const timeout = new ToolEnd("timed-out", `not over after ${timeoutMs} ms`);
    const aborter = new AbortController();
    const { signal: outer } = this.#options;
    const abort = () => aborter.abort(outer?.reason);
    outer?.addEventListener("abort", abort, { once: true });
    const { promise: over, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => aborter.abort(timeout), timeoutMs);
    let grace: NodeJS.Timeout | undefined;
    aborter.signal.addEventListener("abort", () => {
      grace = setTimeout(() => reject(aborter.signal.reason), GRACE_MS);
    });
    const call = {
      name,
      args,
      workspace: this.#workspace,
      limits: this.#limits,
      signal: aborter.signal,
    };
    try {
      const outcome = await Promise.race([tool.run(call), over]);
      // A result that came too late is none.
      aborter.signal.throwIfAborted();
      return outcome;
    } catch (error) {
      throw aborter.signal.aborted ? aborter.signal.reason : error;
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      outer?.removeEventListener("abort", abort);
    }
  }

  async #compare(
    step: Step,
    tool: ReplayTool,
    outcome: ReplayOutcome,
  ): Promise<Pick<StepReplay, "verdict" | "deed" | "reason" | "expected" | "actual">> {
    const deed = "executed";
    const actual = outcome.texts[0] ?? "";
    const isError = outcome.isError === true;
    if (isError !== (step.status === "error") && step.status !== "unknown") {
      return isError
        ? { verdict: "failed", deed, reason: "failed, and had not", actual: shown(actual) }
        : { verdict: this.#other(step, tool), deed, reason: "had failed, and did not" };
    }
    if (isError) return { verdict: "matched", deed, reason: "failed, as it had" };
    if (outcome.isEffect) return await this.#compareEffect(step, tool, outcome.wrote);
    const { signal } = this.#options;
    const recorded = step.result && (await recordedText(this.#run, step.result, { signal }));
    if (recorded === undefined) {
      return { verdict: "unavailable", deed, reason: "the record holds no text to compare with" };
    }
    if (outcome.texts.some((text) => isSame(recorded, text))) return { verdict: "matched", deed };
    return {
      verdict: this.#other(step, tool),
      deed,
      expected: shown(recorded.text),
      actual: shown(actual),
    };
  }

  /**
   * What the record says the step left is compared at once: the outputs that it wrote last, and the file whose content
   * was an argument. Of other changes nothing is known before the run's outputs are compared: see {@link settled}.
   */
  async #compareEffect(step: Step, tool: ReplayTool, wrote: ReplayOutcome["wrote"]) {
    const deed = "executed" as const;
    const recorded = this.#recordedFiles(step, wrote);
    for (const [name, digest] of recorded) {
      const actual = await this.#workspace.digest(name);
      if (actual === digest) continue;
      const reason = `${name} is ${actual ?? "not there"}, and was ${digest}`;
      return { verdict: this.#other(step, tool), deed, reason };
    }
    if (recorded.length > 0) return { ...BY_FILES, deed };
    if (wrote !== undefined) this.#noteChange(wrote.name, step.seq);
    const reason = "the record holds no file to compare with";
    return { verdict: "unavailable" as const, deed, reason };
  }

  #noteChange(name: string, seq: number): void {
    const seqs = this.#changes.get(name) ?? [];
    seqs.push(seq);
    this.#changes.set(name, seqs);
  }

  #recordedFiles(step: Step, wrote: ReplayOutcome["wrote"]): [name: string, digest: Digest][] {
    const files: [string, Digest][] = [];
    for (const { name, digest, producedBy } of this.#run.head.outputs) {
      if (producedBy === step.seq && digest !== undefined) files.push([name, digest]);
    }
    if (wrote?.digest === undefined) return files;
    // What was changed before is not seen any more.
    this.#changes.delete(wrote.name);
    return [...files, [wrote.name, wrote.digest]];
  }

  /** The steps once all is over: changes of a file that is in the end what the run says came out are as recorded. */
  settled(steps: readonly StepReplay[], outputs: readonly OutputReplay[]): StepReplay[] {
    const matched = outputs.filter(({ verdict }) => verdict === "matched");
    const known = new Set(matched.flatMap(({ name }) => this.#changes.get(name) ?? []));
    return steps.map((step) => (known.has(step.seq) ? { ...step, ...BY_FILES } : step));
  }

  #other(step: Step, tool: ReplayTool): Verdict {
    return (step.determinism ?? tool.determinism) === "no" ? "expected" : "diverged";
  }
}

function ended(step: Step, error: unknown): Pick<StepReplay, "verdict" | "deed" | "reason"> {
  if (error instanceof ToolEnd) {
    const { verdict, message: reason } = error;
    // What it may not do, and what is not there, was not executed.
    if (verdict === "refused" || verdict === "unavailable") return { verdict, reason };
    if (verdict === "failed" && step.status === "error") {
      return { verdict: "matched", deed: "executed", reason: "failed, as it had" };
    }
    return { verdict, deed: "executed", reason };
  }
  const reason = error instanceof Error ? error.message : String(error);
  return { verdict: "failed", deed: "executed", reason: masked(reason).slice(0, 1024) };
}

/** A truncated record is compared as far as it goes. */
function isSame(recorded: RecordedText, actual: string): boolean {
  const [was, is] = [masked(recorded.text), masked(actual)];
  if (was === is) return true;
  if (recorded.isTruncated) return is.startsWith(was);
  if (!recorded.isJson) return false;
  const canonical = canonicalText(is);
  return canonical !== undefined && canonical === canonicalText(was);
}
