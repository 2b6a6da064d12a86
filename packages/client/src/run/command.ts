import { type Contract, CtxPackError, isResolved } from "@ctxpack/identity";
import type { LoadedContract } from "../load-contract.ts";
import { pullBelieved } from "../pull.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { type ChildEnd, runChild, type Sink } from "./child.ts";
import { childEnvironment } from "./environment.ts";
import { failureOf, withChild } from "./failure.ts";
import type { ProcessGroup } from "./group.ts";
import { expandPlaceholders } from "./placeholders.ts";

/** The command of a contract, or the one that goes with it. Throws CTXPACK_E_USAGE unless there is one, and only one. */
export function commandOf({ parsed }: LoadedContract, given: readonly string[]): readonly string[] {
  const own = parsed.contract.command;
  if (own !== undefined && given.length > 0) {
    throw new CtxPackError("CTXPACK_E_USAGE", "the contract has a command, and another is given", {
      hint: "leave the one behind -- out: the contract's is part of its URI",
    });
  }
  if (own === undefined && given.length === 0) throw noCommand();
  return own ?? given;
}

/** The error for nothing to run. */
export function noCommand(): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", "there is no command to run", {
    hint: "write it behind --, or under command in the contract",
  });
}

/** A command with its placeholders replaced: an input that is another contract's output is got first. */
export async function expandCommand(
  session: Session,
  { parsed }: LoadedContract,
  command: readonly string[],
  outputs: readonly { readonly name: string; readonly shown: string }[],
  work: Work,
): Promise<readonly string[]> {
  const { contract } = parsed;
  const inputs = isResolved(contract) ? [] : (contract.inputs ?? []);
  return await expandPlaceholders(command, {
    inputs: inputs.map(({ name }) => name),
    outputs,
    input: async (name) => {
      const input = inputs.find((one) => one.name === name);
      if (input?.pack === undefined) return input?.path;
      return await pullBelieved(session, input.pack, work);
    },
  });
}

/** How the command of a contract is run. */
interface CommandOptions {
  readonly argv: readonly string[];
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly timeoutMs?: number | undefined;
  readonly onStart: (group: ProcessGroup) => void;
}

/** Runs the command of a contract to a good end; throws for any other. */
export async function runCommand(
  session: Session,
  { parsed, baseDir }: LoadedContract,
  options: CommandOptions,
  { signal }: Work,
): Promise<ChildEnd> {
  const began = performance.now();
  try {
    const end = await runChild({
      ...options,
      cwd: baseDir,
      env: childEnvironment(parsed.contract as Contract, session.env),
      signal,
    });
    const failure = failureOf(end, options.argv);
    if (failure) throw failure;
    signal.throwIfAborted();
    return end;
  } catch (error) {
    throw signal.aborted ? stopped(signal.reason, performance.now() - began) : error;
  }
}

/** A command that a limit on everything has ended ran out of time like any other. */
export function stopped(reason: unknown, ms: number): unknown {
  const { code, name, message } = (reason ?? {}) as Record<string, unknown>;
  if (code !== "CTXPACK_E_TIMEOUT" && name !== "TimeoutError") return reason;
  const error = new CtxPackError("CTXPACK_E_TIMEOUT", `the command was ended: ${message}`, {
    hint: "give a longer --timeout",
    cause: reason,
  });
  return withChild(error, { exitCode: 124, durationMs: Math.round(ms) });
}
