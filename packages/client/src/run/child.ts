import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { endGroup, groupOf, type ProcessGroup, signalGroup, waitGone } from "./group.ts";
import { findObstacle, type Unstartable, withUmask } from "./program.ts";

/** How long a process may outlive the command that left it, or a signal, in ms. */
const GRACE_MS = 2000;

/** A process that left the group may hold its output open for ever; so long a silence is its end, in ms. */
const SILENCE_MS = 500;

/** And so long is listened to one that goes on talking, in ms, beside the time that listeners take. */
const SETTLE_MS = 5000;

/** Takes what a child writes; what it returns is waited for before more is read. */
export type Sink = (chunk: Uint8Array) => void | Promise<void>;

/** A command and what it may see. */
export interface ChildOptions {
  /** The program, looked for on the `PATH` of `env`, and its arguments. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** All variables the child has. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** How long it may take, in ms. */
  readonly timeoutMs?: number | undefined;
  /** Aborted: the group is sent `reason.signal`, else SIGTERM, and is killed if it is not gone in 2 s. */
  readonly signal: AbortSignal;
  /** Called once it runs, before anything of it is read. */
  readonly onStart?: ((group: ProcessGroup) => void) | undefined;
}

/** How a command ended; no process of its group is alive. */
export interface ChildEnd {
  /** Its own; 128+n when signal n killed it, 124 out of time, 127 no such program, 126 not executable. */
  readonly exitCode: number;
  readonly signal?: NodeJS.Signals;
  readonly timedOut?: true;
  /** Why it was never started. */
  readonly unstartable?: string;
  /** It left processes that were alive 2 s after it had ended; they were killed. */
  readonly leftProcesses?: true;
  readonly durationMs: number;
}

/**
 * Runs a command in a process group of its own, with nothing on stdin and the umask 022. Resolves however it ends.
 * Throws `signal.reason`, and what a sink throws, when the group is gone.
 */
export async function runChild(options: ChildOptions): Promise<ChildEnd> {
  const { signal } = options;
  signal.throwIfAborted();
  const obstacle = findObstacle(options.argv, options);
  if (obstacle) return unstarted(obstacle);
  let started: Started;
  try {
    started = await start(options);
  } catch (error) {
    return unstarted(reasonOf(error, options.argv));
  }
  using _running = endedWithUs(started.group);
  try {
    return await follow(started, options);
  } catch (error) {
    await endGroup(started.group);
    throw error;
  }
}

/** Waits for the end of a command, or brings it about. */
async function follow(started: Started, options: ChildOptions): Promise<ChildEnd> {
  const { child, group, exited } = started;
  const began = performance.now();
  options.onStart?.(group);
  const output = new Drains(child, options);
  using stop = new Stop(options);
  const cause = await Promise.race([exited, stop.cause, output.failed]);
  if (cause !== "exit") await interrupt(group, cause.signal);
  const { code, signal: killedBy } = await started.end;
  // A command that failed is stored in no case: nothing it has left is worth waiting for.
  const patience = cause === "exit" && code === 0 ? GRACE_MS : 0;
  const isGone = await waitGone(group, patience);
  if (!isGone) await endGroup(group);
  // One who is told to stop does not wait for what others say; after a stop there is only what the command had to say.
  await output.settle(cause === "exit" ? stop.cause : undefined);
  if (cause !== "exit" && cause.kind !== "timeout") throw cause.reason;
  return {
    exitCode: cause === "exit" ? codeOf(code, killedBy) : 124,
    ...(killedBy !== null && { signal: killedBy }),
    ...(cause !== "exit" && { timedOut: true }),
    ...(cause === "exit" && !isGone && { leftProcesses: true }),
    durationMs: Math.round(performance.now() - began),
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly group: ProcessGroup;
  readonly exited: Promise<"exit">;
  readonly end: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

async function start({ argv, cwd, env }: ChildOptions): Promise<Started> {
  const { file, args } = withUmask(argv, env);
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const { promise: end, resolve, reject } = Promise.withResolvers<Awaited<Started["end"]>>();
  child.once("exit", (code, signal) => resolve({ code, signal }));
  child.once("error", reject);
  // Without a process id the error is on its way.
  if (child.pid === undefined) {
    await end;
    throw new RangeError("a process without an id");
  }
  return { child, group: groupOf(child.pid), end, exited: end.then(() => "exit") };
}

/** Why a command is stopped, and the signal it is told so with. */
type Cause =
  | { readonly kind: "timeout"; readonly signal: NodeJS.Signals }
  | {
      readonly kind: "abort" | "failure";
      readonly reason: unknown;
      readonly signal: NodeJS.Signals;
    };

/** Waits for the time to be over, or for the caller's signal. */
class Stop implements Disposable {
  readonly cause: Promise<Cause>;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #signal: AbortSignal;
  readonly #abort: () => void;

  constructor({ timeoutMs, signal }: ChildOptions) {
    const { promise, resolve } = Promise.withResolvers<Cause>();
    this.cause = promise;
    this.#signal = signal;
    this.#abort = () => {
      const { reason } = signal;
      resolve({ kind: "abort", reason, signal: signalOf(reason) });
    };
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.#abort();
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => resolve({ kind: "timeout", signal: "SIGTERM" }), timeoutMs);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#abort);
  }
}

/** Both outputs of a child, read as fast as they are taken. */
class Drains {
  /** What a sink threw. */
  readonly failed: Promise<Cause>;
  readonly #streams: readonly Readable[];
  readonly #done: Promise<unknown>;
  #heardAt = performance.now();
  /** How long listeners have taken in all, in ms. */
  #listening = 0;
  #busy = 0;
  #closing = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(child: ChildProcess, { stdout, stderr }: ChildOptions) {
    const { promise, resolve } = Promise.withResolvers<Cause>();
    this.failed = promise;
    const pairs = [
      [child.stdout as Readable, stdout],
      [child.stderr as Readable, stderr],
    ] as const;
    this.#streams = pairs.map(([stream]) => stream);
    const reading = pairs.map(([stream, sink]) =>
      this.#drain(stream, sink).catch((reason) => {
        if (!this.#closing) {
          this.#failure ??= { reason };
          resolve({ kind: "failure", reason, signal: "SIGTERM" });
        }
        stream.destroy();
      }),
    );
    this.#done = Promise.all(reading);
  }

  /**
   * Reads on to the end, or until those who could write are silent, have written for long enough, or `stop` resolves.
   * Throws what a sink threw.
   */
  async settle(stop: Promise<unknown> | undefined): Promise<void> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    const done = this.#done.then(over);
    const ends = [done, ...(stop !== undefined ? [stop.then(over)] : [])];
    this.#heardAt = performance.now();
    const until = this.#heardAt + SETTLE_MS - this.#listening;
    const mayGoOn = (now: number): boolean =>
      now - this.#heardAt < SILENCE_MS && now < until + this.#listening;
    while (!isOver && (this.#busy > 0 || mayGoOn(performance.now()))) {
      await Promise.race([...ends, pause(SILENCE_MS / 10)]);
    }
    this.#closing = true;
    for (const stream of this.#streams) stream.destroy();
    await done;
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  async #drain(stream: Readable, sink: Sink): Promise<void> {
    for await (const chunk of stream) {
      this.#busy += 1;
      const began = performance.now();
      try {
        await sink(chunk as Uint8Array);
      } finally {
        this.#busy -= 1;
        this.#heardAt = performance.now();
        this.#listening += this.#heardAt - began;
      }
    }
  }
}

/** Passes a signal on and gives the group time to end. */
async function interrupt(group: ProcessGroup, signal: NodeJS.Signals): Promise<void> {
  signalGroup(group, signal);
  if (!(await waitGone(group, GRACE_MS))) await endGroup(group);
}

/** The signal that an abort came from, if it says so (`reason.signal`). */
function signalOf(reason: unknown): NodeJS.Signals {
  const name = (reason as { readonly signal?: unknown } | undefined)?.signal;
  const isSignal = typeof name === "string" && Object.hasOwn(constants.signals, name);
  return isSignal ? (name as NodeJS.Signals) : "SIGTERM";
}

function codeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}

function unstarted({ exitCode, message }: Unstartable): ChildEnd {
  return { exitCode, unstartable: message, durationMs: 0 };
}

/** What the system says when it does not start a program that is there. */
function reasonOf(error: unknown, argv: readonly string[]): Unstartable {
  const { code } = error as NodeJS.ErrnoException;
  // A script whose interpreter is missing is not found, either.
  const exitCode = code === "ENOENT" ? 127 : 126;
  return { exitCode, message: `${argv[0]} cannot be started: ${code ?? String(error)}` };
}

/** What has to end when this process does. */
const running = new Set<ProcessGroup>();

/** A process that ends in the middle of it (a second Ctrl-C) takes the group along. */
function endedWithUs(group: ProcessGroup): Disposable {
  if (running.size === 0) process.on("exit", endAll);
  running.add(group);
  return {
    [Symbol.dispose]: () => {
      running.delete(group);
      if (running.size === 0) process.off("exit", endAll);
    },
  };
}

function endAll(): void {
  for (const group of running) signalGroup(group, "SIGKILL");
}
