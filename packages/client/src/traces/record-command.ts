import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CtxPackError } from "@ctxpack/identity";
import { type ChildFacts, withChild } from "../run/failure.ts";
import type { Session } from "../session.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { type PackedLog, type PackLogOptions, packLog } from "./pack-log.ts";

export interface RecordCommandOptions extends WorkOptions {
  /** A label for people. */
  readonly name?: string | undefined;
  /** Keep the recording in this new file, too. */
  readonly log?: string | undefined;
}

export interface RecordedCommand extends PackedLog {
  /** The command's own; 128+n when signal n ended it, 127 no such program, 126 not executable. */
  readonly exitCode: number;
}

/** A command that was told to end gets so long, in ms. */
const GRACE_MS = 2000;

/**
 * Runs a command and packs what it says to models: its clients find the APIs through a proxy on 127.0.0.1, which goes
 * on to `OPENAI_BASE_URL` and `ANTHROPIC_BASE_URL`, else to the APIs' own. It has our stdin and stderr, and its stdout
 * goes to stderr. However it ends, the run is packed; when that cannot be done, or we are stopped, the recording stays
 * and a warning says where; an error after the command's end has how it ended in `details.child`. Throws CTXPACK_E_USAGE
 * without a command, CTXPACK_E_CONFLICT or CTXPACK_E_PATH_NOT_FOUND for a `log` that cannot be made.
 */
export async function recordCommand(
  session: Session,
  argv: readonly string[],
  options: RecordCommandOptions,
): Promise<RecordedCommand> {
  const work = workOf(options);
  if (argv[0] === undefined) {
    throw new CtxPackError("CTXPACK_E_USAGE", "no command to record", {
      hint: "ctxpack trace record -- COMMAND…",
    });
  }
  const folder =
    options.log === undefined ? await mkdtemp(join(tmpdir(), "ctxpack-run-")) : undefined;
  const file =
    folder === undefined ? resolve(session.cwd, options.log ?? "") : join(folder, "run.jsonl");
  let hasBegun = false;
  let child: ChildFacts | undefined;
  const onStart = (): void => {
    hasBegun = true;
  };
  const onEnd = (facts: ChildFacts): void => {
    child = facts;
  };
  const forget = async (): Promise<void> => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  };
  try {
    const exitCode = await record(session, argv, { ...options, file, onStart, onEnd }, work);
    const packed = await packRecording(session, file, { ...work, name: options.name });
    await forget();
    return { ...packed, exitCode };
  } catch (error) {
    if (hasBegun) session.warn(`what was recorded is in ${file}: ctxpack trace pack ${file}`);
    else await forget();
    throw withChild(error, child);
  }
}

/** A recording is one run. */
async function packRecording(
  session: Session,
  file: string,
  options: PackLogOptions,
): Promise<PackedLog> {
  for await (const packed of packLog(session, file, options)) return packed;
  throw new CtxPackError("CTXPACK_E_TRACE", `${file} holds no run`);
}

async function record(
  { cwd, env }: Session,
  argv: readonly string[],
  options: RecordCommandOptions & {
    readonly file: string;
    readonly onStart: () => void;
    readonly onEnd: (child: ChildFacts) => void;
  },
  { signal }: Work,
): Promise<number> {
  const { currentEnvironment, recordRun, startRecordingProxy } = await import("@ctxpack/trace");
  await using recorder = recordRun({
    file: options.file,
    head: {
      environment: currentEnvironment(),
      notCaptured: ["inputs", "outputs"],
      ...(options.name !== undefined && { name: options.name }),
    },
  });
  await using proxy = await startRecordingProxy({
    recorder,
    openai: env["OPENAI_BASE_URL"],
    anthropic: env["ANTHROPIC_BASE_URL"],
    signal,
  });
  const [program = "", ...args] = argv;
  const began = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { ...env, ...proxy.env },
    // Our stdout is the URI, and nothing else.
    stdio: ["inherit", 2, "inherit"],
  });
  child.once("spawn", options.onStart);
  const exitCode = await endOf(child, signal);
  options.onEnd({ exitCode, durationMs: Math.round(performance.now() - began) });
  return exitCode;
}

/** Waits until a command has ended, and ends it when we are stopped. */
async function endOf(child: ChildProcess, signal: AbortSignal): Promise<number> {
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const stopped = Promise.withResolvers<undefined>();
  const stop = () => stopped.resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const end = await Promise.race([exit, stopped.promise]);
    if (end === undefined) {
      await endChild(child, exit);
      signal.throwIfAborted();
    }
    const [code, name] = end ?? (await exit);
    return code ?? 128 + (name === null ? 0 : (constants.signals[name] ?? 0));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return 127;
    if (code === "EACCES") return 126;
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function endChild(child: ChildProcess, exit: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  await Promise.race([exit, pause(GRACE_MS, undefined, { ref: false })]);
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await exit;
}
