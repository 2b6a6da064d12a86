import { type ChildProcess, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Whether one of the programs is not installed; says so. For `describe.skipIf`. */
export function missingProgram(...programs: readonly string[]): boolean {
  const absent = programs.filter((program) => {
    const found = spawnSync("sh", ["-c", 'command -v "$1"', "sh", program], { env: searchEnv() });
    return found.status !== 0;
  });
  for (const program of absent) console.warn(`skipped: needs ${program}`);
  return absent.length > 0;
}

/** The environment of this process, with the folders where Debian has its servers on PATH. */
export function searchEnv(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin` };
}

/**
 * A port that nothing listens on at this moment, of those below 32768 that the kernel gives to nobody by itself: a server
 * that another test starts meanwhile does not take it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + randomInt(15_000);
    const server = createServer();
    const started = Promise.withResolvers<boolean>();
    server.once("error", () => started.resolve(false));
    server.listen(port, "127.0.0.1", () => started.resolve(true));
    if (!(await started.promise)) continue;
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    await closed.promise;
    return port;
  }
}

/** Collects what a process writes, its last 64 KiB. */
export function collectLog(child: ChildProcess): () => string {
  let text = "";
  const add = (chunk: Buffer): void => {
    text = (text + chunk).slice(-65_536);
  };
  child.stdout?.on("data", add);
  child.stderr?.on("data", add);
  return () => text;
}

/** Ends a process that we started, by force if it takes longer than five seconds. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = Promise.withResolvers<void>();
  child.once("exit", () => ended.resolve());
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended.promise;
  clearTimeout(timer);
}

/** Polls `ready` until it says true. Throws with the process's log if it ends or takes 20 seconds. */
export async function waitReady(
  child: ChildProcess,
  log: () => string,
  ready: () => Promise<boolean>,
): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    if (await ready().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await endProcess(child);
  throw new Error(`${child.spawnfile} does not answer:\n${log()}`);
}
