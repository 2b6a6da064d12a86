// What a package exports, from the declaration files of a build.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const KINDS = "interface|type|(?:abstract )?class|function|const|enum";
/** Statements of files that were read. */
const read = new Map<string, readonly string[]>();

export interface Declared {
  readonly name: string;
  /** Without comments. */
  readonly declaration: string;
  /** The first sentence of its doc comment; empty when it has none. */
  readonly about: string;
}

/** Each entry point of a package that has types, with what it declares, by name. */
export function entryPoints(
  folder: string,
  manifest: { readonly name: string; readonly exports: Readonly<Record<string, unknown>> },
): { readonly title: string; readonly declared: readonly Declared[] }[] {
  return Object.entries(manifest.exports).flatMap(([path, target]) => {
    const types = (target as { readonly types?: string } | string | null) ?? {};
    if (typeof types === "string" || types.types === undefined) return [];
    const declared = [...exportsOf(join(folder, types.types))].sort(([a], [b]) => (a < b ? -1 : 1));
    const title = path === "." ? manifest.name : `${manifest.name}${path.slice(1)}`;
    return [{ title, declared: declared.map(([, one]) => one) }];
  });
}

/** Each exported name of a declaration file. */
function exportsOf(file: string): Map<string, Declared> {
  const found = new Map<string, Declared>();
  const declarations = statements(file);
  for (const text of declarations) {
    const list = /^export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?/s.exec(text);
    if (list === null) {
      const name = nameOf(text);
      if (name !== undefined && text.startsWith("export "))
        found.set(name, { name, declaration: text, about: aboutOf(name, file) });
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
): Declared {
  const shown = original === alias ? "" : `// ${original} as ${alias}\n`;
  if (from === undefined) {
    const local = statements(file).find((text) => nameOf(text) === original);
    const declaration = `${shown}${local ?? imported(file, original)}`;
    return { name: alias, declaration, about: aboutOf(original, file) };
  }
  if (!from.startsWith(".")) {
    return { name: alias, declaration: `export { ${alias} } from "${from}";`, about: "" };
  }
  const target = join(dirname(file), from.replace(/\.ts$/, ".d.ts"));
  const there = exportsOf(target).get(original);
  const declaration = `${shown}${there?.declaration ?? `// ${original} is not in ${from}`}`;
  return { name: alias, declaration, about: there?.about ?? "" };
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

/** The first sentence of a declaration's doc comment. */
function aboutOf(name: string, file: string): string {
  const comment = new RegExp(
    `/\\*\\*((?:(?!\\*/).)*)\\*/\\n(?:export )?(?:declare )?(?:${KINDS}) ${name}\\b`,
    "s",
  ).exec(readFileSync(file, "utf8"))?.[1];
  const text =
    (comment ?? "")
      .replace(/^ *\* ?/gm, "")
      .trim()
      .split(/\n\n|\n@/)[0] ?? "";
  return text.replace(/\s+/g, " ").split(/(?<=[.;:])(?= [A-Z])/)[0] ?? "";
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
