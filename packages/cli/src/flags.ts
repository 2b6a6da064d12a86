import { parseArgs } from "node:util";
import { closest } from "./closest.ts";
import { CommandError } from "./exit.ts";

/** One flag: how it is parsed and what help says about it. */
export interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given more than once; its value is then an array. */
  readonly multiple?: true;
  /** What help calls the value. */
  readonly value?: string;
  readonly about: string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

/** The values a table gives: arrays where `multiple`, `undefined` where absent. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]:
    | (Table[Name]["multiple"] extends true
        ? readonly string[]
        : Table[Name]["type"] extends "string"
          ? string
          : boolean)
    | undefined;
};

/** What the flags of every command were set to. */
export interface GlobalFlags {
  readonly json?: boolean;
  readonly progress?: boolean;
  readonly plain?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly timeout?: string;
  readonly help?: boolean;
}

/** Flags that every command takes and that mean the same everywhere. */
export const GLOBAL_FLAGS: Readonly<Record<keyof GlobalFlags, Flag>> = {
  json: { type: "boolean", about: "print one JSON object with schemaVersion" },
  progress: {
    type: "boolean",
    about: "with --json: progress events, one a line, before the result",
  },
  plain: { type: "boolean", about: "tab-separated values, no headings, no units" },
  quiet: { type: "boolean", short: "q", about: "print the result and errors only" },
  verbose: { type: "boolean", short: "v", about: "say more; stack traces of bugs" },
  timeout: { type: "string", value: "TIME", about: "give up after this long: 30s, 5m, 1h" },
  help: { type: "boolean", short: "h", about: "print this help" },
};

/** `-j`: of every command that moves blobs. */
export const CONCURRENCY_FLAG: Flag & { readonly type: "string" } = {
  type: "string",
  short: "j",
  value: "N",
  about: "blobs in flight at a time, 1 to 64; 8 with a registry, 4 with a folder",
};

/** `--policy`: of every command that takes packs from somewhere; `open` reads it. */
const POLICY_FLAG: Flag & { readonly type: "string" } = {
  type: "string",
  value: "FILE",
  about: "packs have to satisfy this policy too, beside configured ones",
};

/** Of every command that verifies, signs, or asks a trust root; `open` and `telemetry` read them. */
export const TELEMETRY_FLAGS = {
  metrics: {
    type: "string",
    value: "FILE",
    about: "append what proofs and trust roots took, JSON lines",
  },
  "trace-id": {
    type: "string",
    value: "ID",
    about: "32 hex digits that all of it carries; TRACEPARENT's",
  },
} as const;

/** `--policy` and what goes with it: of every command that takes packs from somewhere. */
export const POLICY_FLAGS: {
  readonly policy: typeof POLICY_FLAG;
  readonly "policy-sha256": typeof POLICY_FLAG;
} & typeof TELEMETRY_FLAGS = {
  policy: POLICY_FLAG,
  "policy-sha256": {
    type: "string",
    value: "HEX",
    about: "the file of --policy has to have this sha256",
  },
  ...TELEMETRY_FLAGS,
};

/** The number that `--concurrency` was given. */
export function concurrencyOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= 64) return count;
  throw new CommandError(
    "CTXPACK_E_USAGE",
    `--concurrency is "${text}"`,
    "write a number from 1 to 64",
  );
}

/** Throws CTXPACK_E_USAGE for a value of a flag that takes only one. */
export function expectOnly(name: string, value: string | undefined, only: string): void {
  if (value === undefined || value === only) return;
  throw new CommandError("CTXPACK_E_USAGE", `--${name} is "${value}"`, `write --${name} ${only}`);
}

/** Splits `argv` into flags and arguments. Unknown flags and missing values are CTXPACK_E_USAGE. */
export function parseFlags<Table extends FlagTable>(
  argv: readonly string[],
  table: Table,
): { flags: FlagValues<Table>; args: string[] } {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short && { short }), ...(multiple && { multiple }) },
    ]),
  );
  // Not strict: the checks below name the flag and what to write instead.
  const parsed = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of parsed.tokens) {
    if (token.kind === "option") checkOption(token, table);
  }
  return { flags: parsed.values as FlagValues<Table>, args: parsed.positionals };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function checkOption(token: OptionToken, table: FlagTable): void {
  const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
  if (!flag) throw unknownFlag(token, table);
  if (flag.type === "boolean") {
    if (token.value !== undefined) {
      throw new CommandError("CTXPACK_E_USAGE", `${token.rawName} takes no value`);
    }
    return;
  }
  if (token.value === undefined || (!token.inlineValue && /^-./.test(token.value))) {
    throw new CommandError(
      "CTXPACK_E_USAGE",
      `${token.rawName} needs a value`,
      `write ${token.rawName}${token.rawName.startsWith("--") ? "=" : " "}${flag.value ?? "VALUE"}`,
    );
  }
}

function unknownFlag(token: OptionToken, table: FlagTable): CommandError {
  const near = token.rawName.startsWith("--") ? closest(token.name, Object.keys(table)) : undefined;
  const hint = near ? `did you mean --${near}?` : "--help lists the flags";
  return new CommandError("CTXPACK_E_USAGE", `unknown flag ${token.rawName}`, hint);
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `30s`, `1.5m`, `2h`, `500ms` or plain seconds; between 1 ms and 24 days. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const milliseconds = match ? Number(match[1]) * (UNITS[match[2] ?? "s"] as number) : Number.NaN;
  // Node's timers hold 2^31 - 1 ms and fire at once beyond that.
  if (!(milliseconds >= 1 && milliseconds < 2 ** 31)) {
    throw new CommandError(
      "CTXPACK_E_USAGE",
      `"${text}" is no duration`,
      "write a number and a unit, from 1ms to 500h: 30s, 5m, 1h",
    );
  }
  return milliseconds;
}

const AGE_UNITS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** Milliseconds of an age: `12h`, `30d`, `8w`. Throws CTXPACK_E_USAGE. */
export function parseAge(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([mhdw])$/.exec(text);
  const unit = AGE_UNITS[match?.[2] ?? ""];
  if (match !== null && unit !== undefined) return Number(match[1]) * unit;
  throw new CommandError(
    "CTXPACK_E_USAGE",
    `"${text}" is no age`,
    "write a number and a unit, minutes to weeks: 90m, 12h, 30d, 8w",
  );
}
