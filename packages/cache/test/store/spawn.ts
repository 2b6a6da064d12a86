import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a driver process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last line it printed, as JSON; `"ready"` when it was killed. */
  readonly result: unknown;
  readonly stderr: string;
}

/** Runs `driver.ts` in a process of its own. `prefix` is a program to run it under, e.g. `setpriv …`. */
export function drive(args: readonly string[], prefix: readonly string[] = []): Promise<Ended> {
  const driver = fileURLToPath(new URL("./driver.ts", import.meta.url));
  const [program = "", ...rest] = [
    ...prefix,
    process.execPath,
    "--conditions=@ctxpack/source",
    driver,
    ...args,
  ];
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const last = stdout.trim().split("\n").at(-1) ?? "";
      resolve({ code, signal, result: last === "" ? undefined : JSON.parse(last), stderr });
    });
  });
}
