import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { removeReadOnly } from "@ctxpack/test-tools";
import { afterAll } from "vitest";

/** The real program. */
export const bin: string = join(import.meta.dirname, "../bin/ctxpack.cjs");

/** Where programs that tests start keep what V8 has compiled. */
const codeCache: string = join(tmpdir(), `ctxpack-test-code-${userInfo().uid}`);

/** What one process did. */
export interface Done {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Uint8Array;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the real program with a store of its own in `cwd`, and nothing of this machine's configuration. */
export function start(args: readonly string[], { cwd, env }: RunOptions): ChildProcess {
  const { PATH = "", NODE_OPTIONS = "" } = process.env;
  return spawn(process.execPath, [bin, ...args], {
    cwd,
    env: {
      PATH,
      NODE_OPTIONS,
      HOME: cwd,
      // One for all: a home of its own has none of the code that was compiled before.
      NODE_COMPILE_CACHE: codeCache,
      CTXPACK_CACHE_DIR: join(cwd, "store"),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Waits for a process and what it wrote. */
export async function finish(child: ChildProcess): Promise<Done> {
  const chunks: Buffer[] = [];
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  const code = await promise;
  const bytes = Buffer.concat(chunks);
  return { code, stdout: bytes.toString(), stderr, bytes };
}

export async function run(args: readonly string[], options: RunOptions): Promise<Done> {
  return await finish(start(args, options));
}

/** Runs and expects success; the result without its last newline. */
export async function result(args: readonly string[], options: RunOptions): Promise<string> {
  const done = await run(args, options);
  if (done.code !== 0) throw new Error(`ctxpack ${args.join(" ")}: ${done.code}\n${done.stderr}`);
  return done.stdout.replace(/\n$/, "");
}

const folders: string[] = [];

/** A new folder; removed after the tests of the file. */
export function scratch(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctxpack-cli-")));
  folders.push(folder);
  return folder;
}

/** Call once at the top of a test file. */
export function cleanUp(): void {
  afterAll(() => {
    for (const folder of folders.splice(0)) removeReadOnly(folder);
  });
}
