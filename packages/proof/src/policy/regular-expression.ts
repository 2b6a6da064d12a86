import { type Context, createContext, Script } from "node:vm";

/** A match takes microseconds; what takes longer would go on for ever. */
const LIMIT_MS = 100;

/** What a match came to. */
export type WholeMatch = "yes" | "no" | "too slow";

const MATCH = new Script("new RegExp(pattern, 'u').test(text)");

/** Made when first needed: most policies have no patterns, and a context takes a millisecond. */
let context: Context | undefined;

/** Results by pattern and text: each is asked for several times, and a slow one is slow each time. */
const known = new Map<string, WholeMatch>();
/** More than one verdict needs: 256 bundles and 64 signers. */
const MAX_KNOWN = 20_000;

/** No identity of a certificate is longer. */
const MAX_TEXT = 2048;

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
 * Whether `pattern` matches the whole of `text`. One comes with a project that was cloned, the other from whoever
 * got a certificate: a match that takes longer than a tenth of a second is stopped.
 */
export function matchWhole(pattern: string, text: string): WholeMatch {
  if (text.length > MAX_TEXT) return "no";
  const key = `${pattern.length} ${pattern}${text}`;
  const found = known.get(key) ?? run(pattern, text);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, found);
  return found;
}

function run(pattern: string, text: string): WholeMatch {
  context ??= createContext({});
  context["pattern"] = `^(?:${pattern})$`;
  context["text"] = text;
  try {
    return MATCH.runInContext(context, { timeout: LIMIT_MS }) === true ? "yes" : "no";
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    return "too slow";
  }
}
