/** What `diff` and `why` print of one member in which two contracts differ. */
export interface PrintedDifference {
  readonly pointer: string;
  readonly kind: "added" | "removed" | "changed";
  readonly before?: unknown;
  readonly after?: unknown;
}

/** How a difference is marked: what has come, what has gone, what is another. */
export const SIGNS = { added: "+", removed: "-", changed: "~" } as const;

/** Of a value on a line, in characters. */
const LONGEST = 160;

const VARIABLE = /^\/transforms\/\d+\/env\/[^/]+$/;
const VARIABLES = /^\/transforms\/\d+\/env$/;
const TRANSFORM = /^\/transforms\/\d+$/;

/** One line: sign, JSON pointer, values. Of a variable whether it is set; never what of, nor a digest of that. */
export function differenceLine({ kind, pointer, before, after }: PrintedDifference): string {
  const values = VARIABLE.test(pointer)
    ? variable(before, after)
    : [before, after]
        .filter((value) => value !== undefined)
        .map((value) => short(masked(pointer, value)))
        .join(" → ");
  return `${SIGNS[kind]} ${pointer}  ${values}`.trimEnd();
}

function variable(before: unknown, after: unknown): string {
  const states = [before, after]
    .filter((value) => value !== undefined)
    .map((value) => (value === null || value === "unset" ? "unset" : "set"));
  return states[0] === "set" && states[1] === "set" ? "another value" : states.join(" → ");
}

/** Variables by name, where a whole transform or all its variables have come or gone. */
function masked(pointer: string, value: unknown): unknown {
  if (VARIABLES.test(pointer)) return namesOf(value);
  if (!TRANSFORM.test(pointer) || typeof value !== "object" || value === null) return value;
  return "env" in value ? { ...value, env: namesOf(value.env) } : value;
}

function namesOf(env: unknown): unknown {
  return Array.isArray(env) ? env : Object.keys(env ?? {});
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
