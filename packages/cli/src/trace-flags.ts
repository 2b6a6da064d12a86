import { CommandError } from "./exit.ts";

/** Where a trace is fetched from that is not in the store. */
export const TRACE_FROM_FLAG = {
  type: "string",
  value: "PANTRY",
  about: "look for it there when it is not in the store",
} as const;

/** How a log is read. */
export const LOG_FLAGS = {
  format: {
    type: "string",
    value: "NAME",
    about: "what the log is; told by what it holds: claude-code, codex, otlp, atif, messages…",
  },
  "skip-malformed": {
    type: "boolean",
    about: "pass over lines that cannot be read; they are counted as losses",
  },
  name: { type: "string", value: "TEXT", about: "a label for people" },
} as const;

/** A number of a flag, from 0. */
export function numberOf(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new CommandError("CTXPACK_E_USAGE", `--${flag} is "${text}"`, "write a number");
}

/** The value of a flag that has a few. */
export function oneOf<T extends string>(
  text: string | undefined,
  values: readonly T[],
  flag: string,
): T | undefined {
  const found = values.find((one) => one === text);
  if (text === undefined || found !== undefined) return found;
  throw new CommandError("CTXPACK_E_USAGE", `--${flag} is "${text}"`, `write ${values.join(", ")}`);
}
