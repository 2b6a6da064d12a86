import { posix } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import type { InputFile } from "./items.ts";

/** What the placeholders of an item stand for. */
export interface ItemNames {
  readonly path: string;
  /** The last segment without its extension. */
  readonly name: string;
  /** With its dot; empty when there is none. */
  readonly ext: string;
}

const PLACEHOLDER = /\{(path|name|ext|in|out)(?::([^{}]*))?\}/g;
const IN_OUTPUTS = ["path", "name", "ext"];

/** What the placeholders of an item stand for. */
export function namesOf(path: string): ItemNames {
  const ext = posix.extname(path);
  return { path, name: posix.basename(path, ext), ext };
}

/** Where results go, as `--out` says it. */
export interface OutputTemplate {
  /** The folder that becomes the pack's root, as written. */
  readonly folder: string;
  /** What comes after it. */
  readonly out: string;
}

/** Splits `text/{path}.json` into its leading folders without placeholders and the rest. Throws CTXPACK_E_USAGE. */
export function splitTemplate(text: string): OutputTemplate {
  for (const [whole, word = ""] of text.matchAll(/\{([^{}]*)\}/g)) {
    if (IN_OUTPUTS.includes(word)) continue;
    throw new CtxPackError("CTXPACK_E_USAGE", `--out says ${whole}, and there is no such name`, {
      hint: "there are {path}, {name} and {ext}",
    });
  }
  const segments = text.split("/");
  const first = segments.findIndex((segment) => segment.includes("{"));
  const folders = segments.slice(0, first < 0 ? -1 : first);
  if (folders.length === 0 || folders.every((one) => one === "." || one === "")) {
    throw new CtxPackError("CTXPACK_E_USAGE", `--out ${text} has no folder of its own`, {
      hint: "the results of a map fill a folder: write --out 'FOLDER/{path}'",
    });
  }
  return { folder: folders.join("/"), out: segments.slice(folders.length).join("/") };
}

/**
 * Where the result of each file lies in the pack. Throws CTXPACK_E_USAGE, naming the files, for two that would be one
 * or lie in one another, and for one outside.
 */
export function outputPaths(template: string, files: readonly InputFile[]): readonly string[] {
  const made = new Map<string, string>();
  const outs = files.map(({ path }) => {
    const out = expand(template, namesOf(path));
    if (out.split("/").some((segment) => ["", ".", ".."].includes(segment))) {
      throw new CtxPackError("CTXPACK_E_USAGE", `the result of ${path} would be at ${out}`, {
        hint: "it has to lie in the folder that --out names",
        details: { path, out },
      });
    }
    const other = made.get(out);
    if (other !== undefined) throw collision(other, path, out);
    made.set(out, path);
    return out;
  });
  for (const [out, path] of made) {
    for (let end = out.lastIndexOf("/"); end > 0; end = out.lastIndexOf("/", end - 1)) {
      const other = made.get(out.slice(0, end));
      if (other !== undefined) throw collision(other, path, out.slice(0, end));
    }
  }
  return outs;
}

function collision(a: string, b: string, out: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", `${a} and ${b} would both write ${out}`, {
    hint: "put more of the item's name into --out: {path} is unique",
    details: { items: [a, b], out },
  });
}

function expand(template: string, names: ItemNames): string {
  return template.replaceAll(PLACEHOLDER, (whole, word: string) =>
    IN_OUTPUTS.includes(word) ? names[word as keyof ItemNames] : whole,
  );
}

/** The words of a command in which something stands for the item. */
export class ItemCommand {
  readonly argv: readonly string[];
  readonly #input: string;
  /** The first and the last word that names the item. */
  readonly #first: number;
  readonly #last: number;

  /** `input` is the name of the mapped one. Throws CTXPACK_E_USAGE for a command that could not make anything of an item. */
  constructor(argv: readonly string[], input: string) {
    this.argv = argv;
    this.#input = input;
    const named = argv.flatMap((text, at) => (this.#words(text).length > 0 ? [at] : []));
    this.#first = named[0] ?? -1;
    this.#last = named.at(-1) ?? -1;
    const words = new Set(argv.flatMap((text) => this.#words(text)));
    const hasOut = words.has("out");
    if (!hasOut || words.size < 2) {
      const missing = hasOut ? "which item it is: {in} or {path}" : "where its result goes: {out}";
      throw new CtxPackError("CTXPACK_E_USAGE", `the command does not say ${missing}`, {
        hint: "write -- node extract.ts {in} {out}",
      });
    }
  }

  /** The command for one item; `others` are the words that stand for something else. */
  for(
    names: ItemNames,
    places: { readonly in: string; readonly out: string },
    others: ReadonlyMap<string, string> = new Map(),
  ): readonly string[] {
    return this.argv.map((text) => this.#fill(text, names, places, others));
  }

  /** One command for several items: the words from the first to the last that names the item come once for each. */
  forAll(
    items: readonly {
      readonly names: ItemNames;
      readonly places: { readonly in: string; readonly out: string };
    }[],
    others: ReadonlyMap<string, string>,
  ): readonly string[] {
    const fixed = (from: number, to?: number) =>
      this.argv
        .slice(from, to)
        .map((text) => text.replaceAll(PLACEHOLDER, (w) => others.get(w) ?? w));
    const repeated = items.flatMap(({ names, places }) =>
      this.argv
        .slice(this.#first, this.#last + 1)
        .map((text) => this.#fill(text, names, places, others)),
    );
    return [...fixed(0, this.#first), ...repeated, ...fixed(this.#last + 1)];
  }

  /** The placeholders that stand for something else than the item, as they are written. */
  others(): readonly string[] {
    const all = this.argv.flatMap((text) => [...text.matchAll(PLACEHOLDER)]);
    const foreign = all.filter(([, word = "", name]) => !this.#isItem(word, name));
    return [...new Set(foreign.map(([whole]) => whole))];
  }

  #words(text: string): readonly string[] {
    return [...text.matchAll(PLACEHOLDER)]
      .filter(([, word = "", name]) => this.#isItem(word, name))
      .map(([, word = ""]) => word);
  }

  /** `{in}` and `{in:NAME}` of the mapped input are the item; `{in:OTHER}` is a path that every item shares. */
  #isItem(word: string, name: string | undefined): boolean {
    return name === undefined || (word === "in" && name === this.#input);
  }

  #fill(
    text: string,
    names: ItemNames,
    places: { readonly in: string; readonly out: string },
    others: ReadonlyMap<string, string>,
  ): string {
    const values: Readonly<Record<string, string>> = { ...names, ...places };
    // In one go: what a name holds is never taken for a placeholder.
    return text.replaceAll(PLACEHOLDER, (whole, word: string, name: string | undefined) =>
      this.#isItem(word, name) ? (values[word] ?? whole) : (others.get(whole) ?? whole),
    );
  }
}
