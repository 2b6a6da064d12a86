import type { Command } from "../command.ts";
import { COMMANDS } from "../commands.ts";
import { type Flag, type FlagTable, GLOBAL_FLAGS } from "../flags.ts";

/** What can stand where the cursor is. */
export type Position =
  | { readonly kind: "command"; readonly group?: string }
  | { readonly kind: "flag"; readonly flags: FlagTable }
  | { readonly kind: "value"; readonly wanted: Wanted; readonly literal?: string }
  | { readonly kind: "nothing" };

/** What a placeholder of a usage, or the value of a flag, stands for. */
type Wanted = "uri" | "contract" | "subject" | "pantry" | "file" | "folder" | "none";

/** Words of usages and flags that a shell can help with; the rest is for people to know. */
const WANTED: Readonly<Record<string, Wanted>> = {
  uri: "uri",
  "uri|contract": "subject",
  a: "subject",
  b: "subject",
  contract: "contract",
  folder: "folder",
  DIR: "folder",
  pantry: "pantry",
  PANTRY: "pantry",
  from: "pantry",
  to: "pantry",
  file: "file",
  log: "file",
  "log|folder": "file",
  artifact: "file",
  "proof|folder": "file",
  FILE: "file",
  PATH: "file",
  "[NAME=]PATH": "file",
  PATTERN: "file",
};

/**
 * Where the last of `words` stands, by the table of commands: a usage names its arguments, a flag its value.
 *
 * @param words what follows the program's name, the unfinished word last.
 */
export async function positionOf(words: readonly string[]): Promise<Position> {
  const [first = "", second = ""] = words;
  if (words.length <= 1) return first.startsWith("-") ? globalFlags() : { kind: "command" };
  if (first === "help" && words.length === 2) return { kind: "command", group: first };
  const isGroup = Object.keys(COMMANDS).some((name) => name.startsWith(`${first} `));
  if (isGroup && words.length === 2) return { kind: "command", group: first };
  const name = isGroup ? `${first} ${second}` : first;
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) return { kind: "nothing" };
  return within(await entry.load(), words.slice(isGroup ? 2 : 1));
}

function globalFlags(): Position {
  const { help } = GLOBAL_FLAGS;
  return {
    kind: "flag",
    flags: { help, version: { type: "boolean", about: "print the version" } },
  };
}

function within(command: Command, words: readonly string[]): Position {
  const flags: FlagTable = { ...command.flags, ...GLOBAL_FLAGS };
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  let given = 0;
  let open: Flag | undefined;
  for (const word of before) {
    if (open !== undefined) open = undefined;
    else if (word === "--") return { kind: "value", wanted: "file" };
    else if (word.startsWith("-") && word !== "-") open = waiting(word, flags);
    else given++;
  }
  if (open !== undefined) return flagValue(open, before.at(-1) ?? "");
  const [, name] = /^--([^=]+)=/.exec(current) ?? [];
  const flag = name === undefined ? undefined : flags[name];
  if (flag !== undefined) return flagValue(flag, `--${name}`);
  if (current.startsWith("-")) return { kind: "flag", flags };
  return { kind: "value", wanted: argument(command, given) };
}

/** The flag whose value comes next. */
function waiting(word: string, flags: FlagTable): Flag | undefined {
  if (word.includes("=")) return undefined;
  const flag = word.startsWith("--")
    ? flags[word.slice(2)]
    : Object.values(flags).find(({ short }) => short !== undefined && word.endsWith(short));
  return flag?.type === "string" ? flag : undefined;
}

function flagValue({ value = "" }: Flag, spelling: string): Position {
  if (spelling === "--contract") return { kind: "value", wanted: "contract" };
  // The only one there is: `--profile v0`.
  if (/^[a-z][a-z0-9]*$/.test(value)) return { kind: "value", wanted: "none", literal: value };
  return { kind: "value", wanted: WANTED[value] ?? "none" };
}

/** What the usage calls the argument at that place; one with `…` goes on. */
function argument({ usage, takes }: Command, index: number): Wanted {
  if (index >= takes[1]) return "none";
  const own = usage.replace(/ -- .*$/, "").matchAll(/<([^>]+)>\]?(\u2026?)/g);
  const names = [...own].map(([, name = "", more]) => ({ name, more: more !== "" }));
  const at = names[index] ?? names.findLast(({ more }) => more);
  return WANTED[at?.name ?? ""] ?? "none";
}
