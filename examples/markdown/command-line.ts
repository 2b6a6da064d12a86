// Command lines that a document shows and no test can run: that their commands and flags exist.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../packages/cli/src/commands.ts";
import { GLOBAL_FLAGS, parseFlags } from "../../packages/cli/src/flags.ts";
import { root } from "./document.ts";

const OPERATORS = new Set([";", "&&", "||", "|", "&", "(", ")", "{", "}", "$(", "\n"]);

/** Of pnpm itself, and what it installs; all else is a script of ours. */
const PNPM_COMMANDS = new Set(["changeset", "exec", "install", "pack"]);

/** The simple commands of a script: quotes resolved, comments and redirections gone. */
export function simpleCommands(script: string): string[][] {
  const token =
    /\\\n|#[^\n]*|\d?[<>]+&?\s*(?:"[^"]*"|[^\s;|&()]+)|\n|&&|\|\||[;|&()]|(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|\$\(|[^\s;|&()"'\\])+/gs;
  const commands: string[][] = [[]];
  for (const [text] of script.replace(/"(\$\([^"]*\))"/g, "$1").matchAll(token)) {
    if (text === "\\\n" || text.startsWith("#") || /^\d?[<>]/.test(text)) continue;
    if (OPERATORS.has(text)) commands.push([]);
    else if (text.includes("$(") && !text.startsWith('"'))
      commands.push([text.split("$(")[1] ?? ""]);
    else commands.at(-1)?.push(text.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'/gs, "$1$2"));
  }
  return commands.filter((words) => words.length > 0 && words[0] !== "");
}

/** Throws for a script that a shell cannot parse, or in which a command of ours has a name or flag that is none. */
export async function checkScript(script: string): Promise<void> {
  const parsed = spawnSync("sh", ["-n"], { input: script, encoding: "utf8" });
  if (parsed.status !== 0) throw new Error(parsed.stderr);
  for (const words of simpleCommands(script)) await checkCommand(words);
}

/** `ctxpack …` is held against the table that --help prints, `npx pnpm …` against our scripts; others pass. */
export async function checkCommand(words: readonly string[]): Promise<void> {
  const at = words.findIndex((word) => !/^\w+=/.test(word));
  const [program, ...rest] = words.slice(Math.max(at, 0));
  if (program === "npx") return await checkNpx(rest);
  if (program === "ctx") return await checkCtxpack(["trace", ...rest], words);
  if (program === "ctxpack") await checkCtxpack(rest, words);
}

async function checkNpx(words: readonly string[]): Promise<void> {
  const [program, ...rest] = words.filter((word) => word !== "-y");
  if (program === "@ctxpack/cli") return await checkCtxpack(rest, words);
  if (!program?.startsWith("pnpm")) return;
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const [name = ""] = rest;
  if (!(name in scripts) && !PNPM_COMMANDS.has(name)) {
    throw new Error(`npx ${words.join(" ")}: package.json has no script ${name}`);
  }
}

async function checkCtxpack(words: readonly string[], shown: readonly string[]): Promise<void> {
  const [first = "", second = ""] = words;
  if (["help", "--help", "-h", "--version"].includes(first)) return;
  const both = `${first} ${second}`;
  const name = both in COMMANDS ? both : first;
  const entry = COMMANDS[name];
  if (entry === undefined) throw new Error(`${shown.join(" ")}: there is no such command`);
  const command = await entry.load();
  const given = words.slice(name.split(" ").length);
  try {
    const { args } = parseFlags(given, { ...GLOBAL_FLAGS, ...command.flags });
    if (args.length > command.takes[1]) throw new Error(`usage: ctxpack ${command.usage}`);
  } catch (error) {
    throw new Error(`${shown.join(" ")}: ${(error as Error).message}`);
  }
}
