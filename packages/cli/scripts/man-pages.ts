import type { Command } from "../src/command.ts";
import { COMMANDS } from "../src/commands.ts";
import { type Flag, type FlagTable, GLOBAL_FLAGS } from "../src/flags.ts";
import { VARIABLES } from "../src/topics/env.ts";
import { EXIT_MEANINGS } from "../src/topics/exit-codes.ts";
import { TOPICS } from "../src/topics/index.ts";
import { bold, heading, italic, literal, roff, section, tagged } from "./roff.ts";

/** The manual: a page for the program, for each command and for each topic of help, by file name. */
export async function manPages(version: string): Promise<ReadonlyMap<string, string>> {
  const pages = new Map([
    ["ctxpack.1", mainPage(version)],
    ["ctx.1", ctxPage(version)],
  ]);
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const page = pageName(name);
    pages.set(`${page}.1`, commandPage({ page, summary, command: await load() }, version));
  }
  for (const [name, tell] of Object.entries(TOPICS)) {
    const page = pageName(name);
    pages.set(`${page}.7`, topicPage(page, tell(), version));
  }
  return pages;
}

/** `ctxpack-cache-path`: what `man ctxpack cache path` looks for. */
function pageName(name: string): string {
  return `ctxpack-${name.replaceAll(" ", "-")}`;
}

function mainPage(version: string): string {
  const groups = Map.groupBy(Object.entries(COMMANDS), ([, { group }]) => group);
  const commands = [...groups].map(([group, entries]) => {
    const rows = entries.map(([name, { summary }]) => tagged(bold(name), summary));
    return `.SS ${roff(group)}\n${rows.join("")}`;
  });
  return [
    heading("ctxpack", 1, version),
    section("NAME", `ctxpack \\- compute once, pull by URI\n`),
    section("SYNOPSIS", `${bold("ctxpack")} ${italic("command")} [${italic("flags")}]\n`),
    section(
      "DESCRIPTION",
      roff(
        "An expensive step is described by a contract: inputs, code, tool, model, params. The contract is hashed into a URI.\n" +
          "Whoever computed it seeds the output and pushes it; whoever needs it pulls by URI.\n",
      ),
    ),
    section("COMMANDS", `Each has a page of its own, such as ${reference(pageName("pull"), 1)}.\n`),
    ...commands,
    section("OPTIONS", flags(GLOBAL_FLAGS)),
    section("ENVIRONMENT", entries(VARIABLES)),
    section("EXIT STATUS", entries(EXIT_MEANINGS)),
    seeAlso([["ctx", 1], ...topics()]),
  ].join("");
}

function ctxPage(version: string): string {
  const own = Object.entries(COMMANDS).filter(([name]) => name.startsWith("trace "));
  const rows = own.map(([name, { summary }]) => tagged(bold(name.slice("trace ".length)), summary));
  return [
    heading("ctx", 1, version),
    section("NAME", "ctx \\- runs of agents, under the names of an earlier tool\n"),
    section("SYNOPSIS", `${bold("ctx")} ${italic("command")} [${italic("flags")}]\n`),
    section(
      "DESCRIPTION",
      `${bold("ctx")} is ${bold("ctxpack trace")}: ${bold("ctx show")} is ${bold("ctxpack trace show")}. ` +
        `${bold("ctx diff")} prints JSON unless it is told ${bold("--human")}; ${bold("ctx init")} prints where the store lies.\n`,
    ),
    section("COMMANDS", rows.join("")),
    seeAlso([["ctxpack", 1], ...own.map(([name]) => [pageName(name), 1] as const)]),
  ].join("");
}

interface Told {
  readonly page: string;
  readonly summary: string;
  readonly command: Command;
}

function commandPage({ page, summary, command }: Told, version: string): string {
  const hasFlags = Object.keys(command.flags).length > 0;
  return [
    heading(page, 1, version),
    section("NAME", `${roff(page)} \\- ${roff(summary)}\n`),
    section("SYNOPSIS", `${bold("ctxpack")} ${roff(command.usage)}\n`),
    section("DESCRIPTION", `${roff(command.about)}\n`),
    hasFlags ? section("OPTIONS", flags(command.flags)) : "",
    section("EXAMPLES", literal(command.example.join("\n"))),
    seeAlso([
      ["ctxpack", 1],
      [pageName("exit-codes"), 7],
    ]),
  ].join("");
}

function topicPage(page: string, text: string, version: string): string {
  const [first = ""] = text.split("\n");
  return [
    heading(page, 7, version),
    section("NAME", `${roff(page)} \\- ${roff(first.replace(/[:,].*$/, ""))}\n`),
    section("DESCRIPTION", literal(text)),
    seeAlso([["ctxpack", 1]]),
  ].join("");
}

function topics(): (readonly [string, number])[] {
  return Object.keys(TOPICS).map((name) => [pageName(name), 7]);
}

function flags(table: FlagTable): string {
  return Object.entries(table)
    .map(([name, flag]) => tagged(spelling(name, flag), flag.about))
    .join("");
}

function spelling(name: string, { short, type, value = "VALUE" }: Flag): string {
  const before = short === undefined ? "" : `${bold(`-${short}`)}, `;
  return `${before}${bold(`--${name}`)}${type === "string" ? ` ${italic(value)}` : ""}`;
}

function entries(table: Readonly<Record<string, string>>): string {
  return Object.entries(table)
    .map(([name, about]) => tagged(bold(name), about))
    .join("");
}

function seeAlso(pages: readonly (readonly [string, number])[]): string {
  return section("SEE ALSO", `${pages.map(([page, at]) => reference(page, at)).join(",\n")}\n`);
}

function reference(page: string, at: number): string {
  return `${bold(page)}(${at})`;
}
