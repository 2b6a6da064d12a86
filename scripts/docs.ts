// docs/reference, from the tables that the program itself uses: commands and flags of --help, error codes, exit codes,
// configuration, variables, and what packages export. Needs a build. `node scripts/docs.ts [--write]`
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { COMMANDS } from "../packages/cli/src/commands.ts";
import { EXIT_CODES } from "../packages/cli/src/exit.ts";
import { type FlagTable, GLOBAL_FLAGS } from "../packages/cli/src/flags.ts";
import { flagSpelling } from "../packages/cli/src/help.ts";
import { KEYS } from "../packages/cli/src/topics/config.ts";
import { VARIABLES } from "../packages/cli/src/topics/env.ts";
import { EXIT_MEANINGS } from "../packages/cli/src/topics/exit-codes.ts";
import { entryPoints } from "./declarations.ts";

const root = join(import.meta.dirname, "..");
const folder = join(root, "docs/reference");
const WRITTEN =
  "Written by `node scripts/docs.ts --write` from the code; a test fails when it is stale.";
const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  "cli.md": cli,
  "errors.md": errors,
  "configuration.md": configuration,
  "api.md": api,
};

const isWriting = process.argv.includes("--write");
mkdirSync(folder, { recursive: true });
for (const [name, page] of Object.entries(PAGES)) {
  const file = join(folder, name);
  const text = `${(await page()).trimEnd()}\n`;
  if (isWriting) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    console.error(`${relative(root, file)} is stale: node scripts/docs.ts --write`);
    process.exitCode = 1;
  }
}

async function cli(): Promise<string> {
  const groups = Map.groupBy(Object.entries(COMMANDS), ([, { group }]) => group);
  const overview = [...groups].map(([group, entries]) => {
    const rows = entries.map(([name, { summary }]) => [
      `[\`${name}\`](#ctxpack-${name.replaceAll(" ", "-")})`,
      markdown(summary),
    ]);
    return table([group, ""], rows);
  });
  const commands = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, { load }]) => {
      const { usage, example, about, flags } = await load();
      return [
        `## ctxpack ${name}`,
        `<!-- run by: examples/markdown/command-examples.test.ts -->\n\`\`\`sh\n${example.join("\n")}\n\`\`\``,
        `Usage: \`ctxpack ${usage}\``,
        markdown(about),
        ...(Object.keys(flags).length > 0 ? [flagTable(flags)] : []),
      ].join("\n\n");
    }),
  );
  return [
    "# Commands",
    `${WRITTEN} Exit codes: [errors](errors.md#exit-codes).`,
    ...overview,
    "## Flags of every command",
    flagTable(GLOBAL_FLAGS),
    ...commands,
  ].join("\n\n");
}

function flagTable(flags: FlagTable): string {
  const rows = Object.entries(flags).map(([name, flag]) => [
    `\`${flagSpelling(name, flag)}\``,
    markdown(`${flag.about}${flag.multiple ? "; more than once" : ""}`),
  ]);
  return table(["flag", ""], rows);
}

/** The meaning of each code is its doc comment in `identity/src/errors.ts`. */
function errors(): string {
  const source = readFileSync(join(root, "packages/identity/src/errors.ts"), "utf8");
  const meanings = new Map(
    [...source.matchAll(/\/\*\*((?:(?!\*\/).)*)\.\s+\*\/\s+\| "(CTXPACK_E_\w+)"/gs)].map(
      ([, comment = "", code = ""]) => [code, comment.replace(/\s+(?:\* )?\s*/g, " ").trim()],
    ),
  );
  const codes = Object.entries(EXIT_CODES).map(([code, exit]) => {
    const meaning = meanings.get(code)?.replace(/ \(exit \d+\)$/, "");
    if (meaning === undefined) throw new Error(`errors.ts does not say what ${code} is`);
    return [`\`${code}\``, `${exit}`, markdown(meaning)];
  });
  return [
    "# Error codes and exit codes",
    `${WRITTEN} [Errors](../errors.md) says how they are told.`,
    "## Error codes",
    table(
      ["code", "exit", "what happened"],
      [...codes, ["`CTXPACK_E_INTERNAL`", "70", "A bug in ctxpack; of the command line only"]],
    ),
    "## Exit codes",
    table(
      ["exit code", ""],
      Object.entries(EXIT_MEANINGS).map(([code, text]) => [code, markdown(text)]),
    ),
    "Once the command of `run`, `map` or `recheck` has run, the exit code is its own; 128 and more: a signal ended it.",
  ].join("\n\n");
}

function configuration(): string {
  const rows = (entries: Readonly<Record<string, string>>) =>
    Object.entries(entries).map(([name, about]) => [`\`${name}\``, markdown(about)]);
  return [
    "# Configuration",
    `${WRITTEN} Flags win over variables, these over \`ctxpack.config.json\` here or in a folder above, that over the user's ` +
      "`~/.config/ctxpack/config.json`. `ctxpack doctor` says which files are read.",
    "## Keys of a configuration file",
    table(["key", ""], rows(KEYS)),
    "What `registries` may say of a host: [settings](../registries.md#settings). Policies: [policy](../policy.md).",
    "## Environment variables",
    table(["variable", ""], rows(VARIABLES)),
  ].join("\n\n");
}

function api(): string {
  const packages = readdirSync(join(root, "packages")).flatMap((name) => {
    const at = join(root, "packages", name);
    const manifest = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
    if (manifest.private) return [];
    return entryPoints(at, manifest).map(({ title, declared }) => {
      const [told, bare] = [
        declared.filter(({ about }) => about),
        declared.filter(({ about }) => !about),
      ];
      const rows = told.map(({ name: one, about }) => [`\`${one}\``, markdown(about)]);
      return [
        `## ${title}`,
        `[README](../../packages/${name}/README.md), [signatures](../../packages/${name}/api.md)`,
        table(["name", ""], rows),
        ...(bare.length > 0 ? [`Also: ${bare.map((one) => `\`${one.name}\``).join(", ")}`] : []),
      ].join("\n\n");
    });
  });
  return [
    "# What packages export",
    `${WRITTEN} Signatures are in \`api.md\` of each package; types and comments come with the packages.`,
    ...packages,
  ].join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** Text as it stands, for Markdown; code that it quotes stays code. */
function markdown(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 ? part : part.replace(/[<*_[\]]/g, "\\$&")).replaceAll("|", "\\|"))
    .join("")
    .replace(/\{@link (\w+)\}/g, "`$1`");
}
