import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { sourceText } from "../run/number.ts";
import { STARTED, sandboxed, sandboxObstacle } from "./sandbox.ts";
import { type ReplayCall, type ReplayOutcome, type ReplayTool, ToolEnd } from "./tool.ts";

/** A command that carries out the calls of a tool. */
export interface CommandToolOptions {
  readonly names: readonly string[];
  /**
   * The program, an absolute path or a name in `/usr/bin` or `/bin`, and its arguments; those that name something
   * readable are changed to where the command has it.
   */
  readonly argv: readonly string[];
  readonly determinism?: "yes" | "no" | undefined;
  /** Files and folders that it may read beside the system's programs: each as `/tool/<n>/<name>`. */
  readonly readable?: readonly string[] | undefined;
  /** Variables beside `PATH`, `HOME`, `TMPDIR`, `LANG` and `TZ`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

const SIZE_CHECK_MS = 100;
const MAX_REASON = 1024;

/**
 * A tool that is a command: it gets the arguments of a call as JSON on stdin, in the folder `/workspace`, and writes
 * the result to stdout; an exit code other than 0 is a failure. It runs confined (no network, no files but the
 * workspace and what is readable), and nothing of it is alive when the call is over. Where no command can be confined,
 * it is not run at all; where its program is not there, nothing was executed.
 */
export function commandTool(options: CommandToolOptions): ReplayTool {
  return {
    names: options.names,
    determinism: options.determinism,
    run: async (call) => await runCommand(call, options),
  };
}

async function runCommand(call: ReplayCall, options: CommandToolOptions): Promise<ReplayOutcome> {
  const obstacle = sandboxObstacle();
  if (obstacle !== undefined) throw new ToolEnd("unavailable", obstacle);
  const { workspace, limits } = call;
  const [file = "", ...args] = sandboxed(options.argv, {
    workspace: workspace.root,
    mountPoint: workspace.mountPoint,
    readable: options.readable ?? [],
    maxFile: limits.maxBytes,
  });
  const child = spawn(file, args, {
    cwd: workspace.root,
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
      HOME: "/tmp",
      TMPDIR: "/tmp",
      LANG: "C.UTF-8",
      TZ: "UTC",
      ...options.env,
    },
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const running = new Running(child, call);
  // A command that does not read its arguments is none of our business.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(sourceText(call.args));
  const end = await running.end();
  const how = end.signal === null ? `ended with ${end.code}` : `was killed by ${end.signal}`;
  if (!end.isStarted) {
    throw new ToolEnd(
      "unavailable",
      end.stderr.trim() || `the sandbox of ${options.argv[0]} ${how}`,
    );
  }
  await workspace.checkSize();
  if (end.signal === "SIGXFSZ" || (end.code !== 0 && (await hasFullFile(call)))) {
    throw new ToolEnd("too-large", `a file of more than ${limits.maxBytes} bytes`);
  }
  if (end.code === 0) return { texts: [end.stdout] };
  if (end.code === null) throw new ToolEnd("failed", `${options.argv[0]} ${how}`);
  return { texts: [end.stdout === "" ? end.stderr : end.stdout], isError: true };
}

interface CommandEnd {
  /** Whether the program was executed at all. */
  readonly isStarted: boolean;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command while it runs. */
class Running {
  readonly #child: ChildProcess;
  readonly #call: ReplayCall;
  readonly #out: Uint8Array[] = [];
  #size = 0;
  #stderr = "";
  #marker = "";
  #stopped: unknown;

  constructor(child: ChildProcess, call: ReplayCall) {
    this.#child = child;
    this.#call = call;
    child.stdout?.on("data", (chunk: Uint8Array) => this.#take(chunk));
    child.stderr?.on("data", (chunk: Uint8Array) => {
      if (this.#stderr.length < MAX_REASON) this.#stderr += new TextDecoder().decode(chunk);
    });
    child.stdio?.[3]?.on("data", (chunk: Uint8Array) => {
      if (this.#marker.length < STARTED.length) this.#marker += new TextDecoder().decode(chunk);
    });
  }

  /** Waits until every process of it is gone: only then its output is closed. */
  async end(): Promise<CommandEnd> {
    const { promise, resolve, reject } =
      Promise.withResolvers<Pick<CommandEnd, "code" | "signal">>();
    this.#child.once("error", ({ message }) => reject(new ToolEnd("unavailable", message)));
    this.#child.once("close", (code, signal) => resolve({ code, signal }));
    const { signal } = this.#call;
    const abort = () => this.#stop(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    const watch = new AbortController();
    const watching = this.#watch(watch.signal);
    try {
      const end = await promise;
      if (this.#stopped !== undefined) throw this.#stopped;
      const stdout = new TextDecoder().decode(Buffer.concat(this.#out));
      const isStarted = this.#marker.startsWith(STARTED);
      return { ...end, isStarted, stdout, stderr: this.#stderr.slice(0, MAX_REASON) };
    } finally {
      signal.removeEventListener("abort", abort);
      watch.abort();
      await watching;
    }
  }

  #take(chunk: Uint8Array): void {
    const { maxBytes } = this.#call.limits;
    this.#size += chunk.length;
    if (this.#size <= maxBytes) this.#out.push(chunk);
    else this.#stop(new ToolEnd("too-large", `a result of more than ${maxBytes} bytes`));
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await pause(SIZE_CHECK_MS, undefined, { signal });
        await this.#call.workspace.checkSize();
      } catch (error) {
        // Else it was the pause that ended.
        if (error instanceof ToolEnd) this.#stop(error);
      }
    }
  }

  #stop(reason: unknown): void {
    this.#stopped ??= reason;
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It is gone.
    }
  }
}

/** Whether a file is as large as one may be: its writer was told so by an error that it may have swallowed. */
async function hasFullFile({ workspace, limits }: ReplayCall): Promise<boolean> {
  for await (const size of workspace.sizes()) if (size === limits.maxBytes) return true;
  return false;
}
