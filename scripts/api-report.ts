// What each package promises, as one file a person can review: every declaration that its entry points export. A change
// that nobody wrote down fails. Needs a build. `node scripts/api-report.ts [--write]`
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const packages = join(import.meta.dirname, "../packages");
const KINDS = "interface|type|(?:abstract )?class|function|const|enum";
/** Statements of files that were read. */
const read = new Map<string, readonly string[]>();
const isWriting = process.argv.includes("--write");

for (const name of readdirSync(packages)) {
  const folder = join(packages, name);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (manifest.private) continue;
  const report = reportOf(folder, manifest);
  if (report === undefined) continue;
  const file = join(folder, "api.md");
  const known = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (known === report) continue;
  if (isWriting) {
    writeFileSync(file, report);
    continue;
  }
  console.error(`${relative(process.cwd(), file)} is not what the package exports:`);
  for (const line of changes(known, report)) console.error(`  ${line}`);
  console.error("node scripts/api-report.ts --write, and say it in a changeset");
  process.exitCode = 1;
}

/** A page for each entry point with types; `undefined` for a package without one. */
function reportOf(
  folder: string,
  manifest: { readonly name: string; readonly exports: Readonly<Record<string, unknown>> },
): string | undefined {
  const pages = Object.entries(manifest.exports).flatMap(([path, target]) => {
    const types = (target as { readonly types?: string } | string | null) ?? {};
    if (typeof types === "string" || types.types === undefined) return [];
    const declared = [...exportsOf(join(folder, types.types))].sort(([a], [b]) => (a < b ? -1 : 1));
    const title = path === "." ? manifest.name : `${manifest.name}${path.slice(1)}`;
    const text = declared.map(([, declaration]) => declaration).join("\n");
    return [`## ${title}\n\n\`\`\`ts\n${text}\n\`\`\`\n`];
  });
  if (pages.length === 0) return undefined;
  return `# What ${manifest.name} exports\n\nWritten by scripts/api-report.ts.\n\n${pages.join("\n")}`;
}

/** Each exported name of a declaration file with its declaration, without comments. */
function exportsOf(file: string): Map<string, string> {
  const found = new Map<string, string>();
  const declarations = statements(file);
  for (const text of declarations) {
    const list = /^export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?/s.exec(text);
    if (list === null) {
      const name = nameOf(text);
      if (name !== undefined && text.startsWith("export ")) found.set(name, text);
      continue;
    }
    const [, names = "", from] = list;
    for (const one of names.split(",")) {
      const [original = "", alias = original] = one
        .trim()
        .replace(/^type /, "")
        .split(" as ");
      if (original === "") continue;
      found.set(alias, declarationOf(original, alias, file, from));
    }
  }
  return found;
}

function declarationOf(
  original: string,
  alias: string,
  file: string,
  from: string | undefined,
): string {
  const shown = original === alias ? "" : `// ${original} as ${alias}\n`;
  if (from === undefined) {
    const local = statements(file).find((text) => nameOf(text) === original);
    return `${shown}${local ?? imported(file, original)}`;
  }
  if (!from.startsWith(".")) return `export { ${alias} } from "${from}";`;
  const target = join(dirname(file), from.replace(/\.ts$/, ".d.ts"));
  return `${shown}${exportsOf(target).get(original) ?? `// ${original} is not in ${from}`}`;
}

function imported(file: string, name: string): string {
  const from = statements(file)
    .map((text) => /^import (?:type )?\{([^}]*)\} from "([^"]+)"/s.exec(text))
    .find((match) =>
      match?.[1]?.split(",").some((one) => one.trim().replace(/^type /, "") === name),
    );
  return `export { ${name} } from "${from?.[2] ?? "?"}";`;
}

function nameOf(text: string): string | undefined {
  return new RegExp(`^(?:export )?(?:declare )?(?:${KINDS}) ([A-Za-z0-9_$]+)`).exec(text)?.[1];
}

/** The statements of a declaration file, without comments: each begins at the start of a line. */
function statements(file: string): readonly string[] {
  const there = read.get(file);
  if (there !== undefined) return there;
  const text = readFileSync(file, "utf8")
    .replace(/\/\*\*?.*?\*\//gs, "")
    .replace(/^\s*\/\/.*$/gm, "")
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{2,}/g, "\n");
  const split = text
    .split(/\n(?=(?:export|import|declare|interface|type|class|function|const) )/)
    .map((one) => one.trim())
    .filter((one) => one !== "");
  read.set(file, split);
  return split;
}

/** Lines that came and went; enough to see what it is about. */
function changes(before: string, after: string): string[] {
  const [old, now] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  return [
    ...[...old].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ].slice(0, 40);
}
