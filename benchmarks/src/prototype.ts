import { fileURLToPath } from "node:url";
import { findProgram, ownProgram } from "./programs.ts";
import type { Bench } from "./question.ts";

const SCRIPT = fileURLToPath(new URL("./prototype.py", import.meta.url));

/** The command line of the Python prototype's way. */
export function prototypeCommand(...args: readonly string[]): readonly string[] {
  return [ownProgram("python3"), SCRIPT, ...args];
}

/** What gives the command line of the prototype, which has digests of its own; noted when absent. */
export function findPrototype(bench: Bench): typeof prototypeCommand | undefined {
  if (findProgram("python3")) return prototypeCommand;
  bench.note("absent: python3; the prototype's row is left out");
  return undefined;
}
