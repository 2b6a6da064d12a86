import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findProgram } from "./programs.ts";
import type { Bench } from "./question.ts";

const SCRIPT = fileURLToPath(new URL("./prototype.py", import.meta.url));

/** What gives the command line of the Python prototype's way, which has digests of its own; noted when absent. */
export function findPrototype(
  bench: Bench,
): ((...args: readonly string[]) => readonly string[]) | undefined {
  if (!findProgram("python3")) {
    bench.note("absent: python3; the prototype's row is left out");
    return undefined;
  }
  // The one on PATH may be a script of a version manager, whose start would be measured.
  const { stdout } = spawnSync("python3", ["-c", "import sys; print(sys.executable)"], {
    encoding: "utf8",
  });
  return (...args) => [stdout.trim(), SCRIPT, ...args];
}
