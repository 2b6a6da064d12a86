import { type Contender, giveSpaceBack } from "../measure.ts";
import { runProgram } from "../programs.ts";
import type { Race } from "./peers.ts";

/** The number of a run that no clock counts. */
const TRIAL = 99;

/**
 * Whether a contender does its work, tried once before the clock: one of fifteen programs that fails would take the whole
 * table with it. A peer that fails is named with what it says; one of ours throws.
 */
export function works(
  { note }: Pick<Race, "note">,
  contender: Contender,
  check?: (run: number) => void,
): boolean {
  try {
    contender.prepare?.(TRIAL);
    const [file = "", ...args] = contender.argv(TRIAL);
    runProgram(file, args, contender.env?.(TRIAL));
    check?.(TRIAL);
    return true;
  } catch (error) {
    if (contender.name.startsWith("`ctxpack")) throw error;
    note(`${contender.name} fails and is left out: ${said((error as Error).message)}`);
    return false;
  } finally {
    for (const path of contender.leaves?.(TRIAL) ?? []) giveSpaceBack(path);
  }
}

/** The first line of what a program said: the line above it is our own command. */
function said(message: string): string {
  const [command = "", first] = message.split("\n").filter((line) => line.trim() !== "");
  return first ?? command;
}
