import type { CST, ParsedNode, Scalar } from "yaml";
import { MAX_NESTING } from "../canonical.ts";
import { pointerOf } from "../pointer.ts";
import type { SourceEntry, SourceNode } from "./node.ts";
import { errorAt, positionAt } from "./place.ts";
import { readPlain } from "./scalar.ts";

/** What is used of the `yaml` package. Handed in, for loading its many files is half of a short program's start. */
export type YamlLibrary = Pick<
  typeof import("yaml"),
  "Composer" | "CST" | "isMap" | "isScalar" | "isSeq" | "Parser"
>;

/** A YAML text and what errors call it. */
export interface YamlText {
  readonly text: string;
  readonly file: string;
}

/**
 * Reads the JSON subset of YAML (DESIGN §4.1): one document without anchors, aliases, tags, directives, merge keys
 * and keys that are not strings; plain scalars by {@link readPlain}.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT` with file, line, column and, inside the document, JSON pointer.
 */
export function readYaml(source: YamlText, yaml: YamlLibrary): SourceNode {
  refuseControls(source);
  const tokens = [...new yaml.Parser().parse(source.text)];
  for (const token of tokens) inspect(token, source, yaml);
  // failsafe leaves every scalar as it is written; uniqueKeys would compare every key with every other.
  const composer = new yaml.Composer({
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const [document, second] = [...composer.compose(tokens, true, source.text.length)];
  const problem = [...(document?.errors ?? []), ...(second?.errors ?? [])][0];
  if (problem !== undefined) {
    const message = problem.message.charAt(0).toLowerCase() + problem.message.slice(1);
    fail(source, problem.pos[0], `not valid YAML: ${message}`);
  }
  if (second !== undefined) {
    fail(source, second.range?.[0] ?? 0, "a second YAML document", "a contract is one document");
  }
  const contents = document?.contents;
  if (contents === null || contents === undefined || isNothing(contents, yaml)) {
    fail(source, 0, "the file is empty");
  }
  return new Converter(source, yaml).node(contents as ParsedNode, []);
}

/** Keys and indices from the root. */
type Path = readonly (string | number)[];

/** YAML has no C0 control characters, and takes a lone CR for a line break where this parser does not. */
function refuseControls(source: YamlText): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const at = source.text.search(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]|\r(?!\n)/);
  if (at === -1) return;
  const hint = 'in double quotes it can be written as an escape, such as "\\r"';
  fail(source, at, "a control character", hint);
}

class Converter {
  readonly #source: YamlText;
  readonly #yaml: YamlLibrary;

  constructor(source: YamlText, yaml: YamlLibrary) {
    this.#source = source;
    this.#yaml = yaml;
  }

  node(node: ParsedNode, path: Path): SourceNode {
    const offset = node.range[0];
    if (this.#yaml.isScalar(node)) return this.#scalar(node as Scalar.Parsed, path);
    if (this.#yaml.isSeq(node)) {
      const items = node.items.map((item, index) =>
        this.node(item as ParsedNode, [...path, index]),
      );
      return { kind: "list", offset, items };
    }
    if (!this.#yaml.isMap(node)) fail(this.#source, offset, "an alias", "write the value out");
    const entries: SourceEntry[] = [];
    for (const pair of node.items) {
      const key = this.#key(pair.key as ParsedNode | null, offset, path);
      const inside = [...path, key.key];
      const value = pair.value as ParsedNode | null;
      if (value === null) this.#doubt("", "null", key.offset, inside);
      entries.push({ ...key, value: this.node(value, inside) });
    }
    return { kind: "map", offset, entries };
  }

  #key(node: ParsedNode | null, mapOffset: number, path: Path): { key: string; offset: number } {
    const offset = node?.range[0] ?? mapOffset;
    const pointer = pointerOf(path);
    if (node === null || !this.#yaml.isScalar(node)) {
      fail(this.#source, offset, "a key that is not a string", "keys are strings", pointer);
    }
    const text = String(node.value);
    const plain = readPlain(text);
    if (node.type === "PLAIN" && plain.kind !== "text") {
      if (text === "<<") {
        fail(this.#source, offset, "a merge key", "write the members out", pointer);
      }
      const reading =
        plain.kind === "doubtful" ? `can be read as ${plain.reading}` : "is no string";
      const message = text === "" ? "a key is missing" : `the key ${text} ${reading}`;
      fail(this.#source, offset, message, `quote it: ${JSON.stringify(text)}`, pointer);
    }
    return { key: text, offset };
  }

  #scalar(node: Scalar.Parsed, path: Path): SourceNode {
    const offset = node.range[0];
    const text = String(node.value);
    if (node.type !== "PLAIN") return { kind: "text", offset, value: text };
    const plain = readPlain(text);
    if (plain.kind === "doubtful") this.#doubt(text, plain.reading, offset, path);
    return { ...plain, offset };
  }

  #doubt(text: string, reading: string, offset: number, path: Path): never {
    const pointer = pointerOf(path);
    if (text === "") {
      const hint = 'quote it: "" is an empty string, null is written null';
      fail(this.#source, offset, "nothing is written, which YAML reads as null", hint, pointer);
    }
    const hint = `quote it: ${JSON.stringify(text)}`;
    fail(this.#source, offset, `${text} can be read as ${reading}`, hint, pointer);
  }
}

function isNothing(node: unknown, yaml: YamlLibrary): boolean {
  return yaml.isScalar(node) && node.type === "PLAIN" && node.value === "";
}

const refusedTokens: Readonly<Record<string, string>> = {
  anchor: "an anchor",
  alias: "an alias",
  tag: "a tag",
  directive: "a directive",
};

/**
 * Refuses, before anything recursive sees the tokens, what a contract's YAML does not have, and nesting too deep.
 * A loop and not a recursion, because depth is what it defends against.
 */
function inspect(root: CST.Token, source: YamlText, yaml: YamlLibrary): void {
  const pending: { token: CST.Token; path: Path }[] = [{ token: root, path: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { token, path } = next;
    refuseToken(token, path, source);
    if (token.type === "document") {
      for (const part of token.start) refuseToken(part, path, source);
      if (token.value !== undefined) pending.push({ token: token.value, path });
    }
    if (!("items" in token)) continue;
    if (path.length === MAX_NESTING) {
      fail(
        source,
        token.offset,
        `nested deeper than ${MAX_NESTING} levels`,
        undefined,
        pointerOf(path),
      );
    }
    for (const [index, item] of token.items.entries()) {
      const inside = [...path, stepOf(item, index, yaml)];
      for (const part of item.start ?? []) refuseToken(part, item.key ? path : inside, source);
      for (const part of item.sep ?? []) refuseToken(part, inside, source);
      if (item.key) pending.push({ token: item.key, path: inside });
      if (item.value) pending.push({ token: item.value, path: inside });
    }
  }
}

function stepOf(item: CST.CollectionItem, index: number, yaml: YamlLibrary): string | number {
  const { key } = item;
  // What is wrong with a scalar is the composer's to say; here it only names a place.
  const silent = (): void => undefined;
  return key && yaml.CST.isScalar(key) ? yaml.CST.resolveAsScalar(key, true, silent).value : index;
}

function refuseToken(token: CST.Token | CST.SourceToken, path: Path, source: YamlText): void {
  const what = Object.hasOwn(refusedTokens, token.type) ? refusedTokens[token.type] : undefined;
  if (what === undefined) return;
  const written = "source" in token ? `: ${token.source}` : "";
  const hint = "a contract is JSON, also in YAML";
  fail(source, token.offset, what + written, hint, pointerOf(path));
}

function fail(
  source: YamlText,
  offset: number,
  message: string,
  hint?: string,
  pointer?: string,
): never {
  const place = { file: source.file, ...positionAt(source.text, offset), pointer };
  throw errorAt("CTXPACK_E_CONTRACT", place, message, { hint });
}
