import { createContext, Script } from "node:vm";
import { CtxPackError } from "@ctxpack/identity";

/** A match takes microseconds; what takes longer was written to. */
const LIMIT_MS = 100;

const MATCH = new Script("new RegExp(pattern, 'u').test(text)");

/** Why `pattern` is no regular expression, or `undefined`. */
export function patternFault(pattern: string): string | undefined {
  try {
    // By itself, so that no parenthesis in it can close the one it is anchored with.
    new RegExp(pattern, "u");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Whether `pattern` matches the whole of `text`. Policies come with projects that were cloned: a pattern that
 * would go on for ever is stopped.
 *
 * @throws CtxPackError `CTXPACK_E_CONFIG` when it takes longer than a tenth of a second.
 */
export function matchesWhole(pattern: string, text: string): boolean {
  const context = createContext({ pattern: `^(?:${pattern})$`, text });
  try {
    return MATCH.runInContext(context, { timeout: LIMIT_MS }) as boolean;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new CtxPackError(
      "CTXPACK_E_CONFIG",
      `the pattern ${JSON.stringify(pattern)} takes too long to match ${JSON.stringify(text.slice(0, 80))}`,
      { hint: "write it without a repetition inside a repetition", details: { pattern } },
    );
  }
}
