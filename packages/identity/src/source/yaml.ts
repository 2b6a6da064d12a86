import {
  Composer,
  type CST,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  Parser,
  type Scalar,
} from "yaml";
import { MAX_NESTING } from "../canonical.ts";
import { pointerOf } from "../pointer.ts";
import type { SourceEntry, SourceNode } from "./node.ts";
import { errorAt, positionAt } from "./place.ts";
import { readPlain } from "./scalar.ts";

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
export function readYaml(source: YamlText): SourceNode {
  const tokens = [...new Parser().parse(source.text)];
  for (const token of tokens) inspect(token, source);
  // failsafe leaves every scalar as it is written; uniqueKeys would compare every key with every other.
  const composer = new Composer({
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
  if (contents === null || contents === undefined || isNothing(contents)) {
    fail(source, 0, "the file is empty");
  }
  return new Converter(source).node(contents as ParsedNode, []);
}

class Converter {
  readonly #source: YamlText;

  constructor(source: YamlText) {
    this.#source = source;
  }

  node(node: ParsedNode, path: readonly (string | number)[]): SourceNode {
    const offset = node.range[0];
    if (isScalar(node)) return this.#scalar(node as Scalar.Parsed, path);
    if (isSeq(node)) {
      const items = node.items.map((item, index) =>
        this.node(item as ParsedNode, [...path, index]),
      );
      return { kind: "list", offset, items };
    }
    if (!isMap(node)) fail(this.#source, offset, "an alias", "write the value out");
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

  #key(
    node: ParsedNode | null,
    mapOffset: number,
    path: readonly (string | number)[],
  ): { key: string; offset: number } {
    const offset = node?.range[0] ?? mapOffset;
    const pointer = pointerOf(path);
    if (node === null || !isScalar(node)) {
      fail(this.#source, offset, "a key that is not a string", "keys are strings", pointer);
    }
    const text = String(node.value);
    if (node.type === "PLAIN" && readPlain(text).kind !== "text") {
      if (text === "<<") {
        fail(this.#source, offset, "a merge key", "write the members out", pointer);
      }
      const message = `the key ${text === "" ? "is missing" : `${text} is not a string`}`;
      fail(this.#source, offset, message, `quote it: ${JSON.stringify(text)}`, pointer);
    }
    return { key: text, offset };
  }

  #scalar(node: Scalar.Parsed, path: readonly (string | number)[]): SourceNode {
    const offset = node.range[0];
    const text = String(node.value);
    if (node.type !== "PLAIN") return { kind: "text", offset, value: text };
    const plain = readPlain(text);
    if (plain.kind === "doubtful") this.#doubt(text, plain.reading, offset, path);
    return { ...plain, offset };
  }

  #doubt(text: string, reading: string, offset: number, path: readonly (string | number)[]): never {
    const pointer = pointerOf(path);
    if (text === "") {
      const hint = 'quote it: "" is an empty string, null is written null';
      fail(this.#source, offset, "nothing is written, which YAML reads as null", hint, pointer);
    }
    const hint = `quote it: ${JSON.stringify(text)}`;
    fail(this.#source, offset, `${text} can be read as ${reading}`, hint, pointer);
  }
}

function isNothing(node: unknown): boolean {
  return isScalar(node) && node.type === "PLAIN" && node.value === "";
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
function inspect(root: CST.Token, source: YamlText): void {
  const pending: { token: CST.Token; depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { token, depth } = next;
    refuseToken(token, source);
    if (token.type === "document") {
      for (const part of token.start) refuseToken(part, source);
      if (token.value !== undefined) pending.push({ token: token.value, depth });
    }
    if (!("items" in token)) continue;
    if (depth === MAX_NESTING)
      fail(source, token.offset, `nested deeper than ${MAX_NESTING} levels`);
    for (const item of token.items.toReversed()) {
      for (const part of [...(item.start ?? []), ...(item.sep ?? [])]) refuseToken(part, source);
      if (item.value) pending.push({ token: item.value, depth: depth + 1 });
      if (item.key) pending.push({ token: item.key, depth: depth + 1 });
    }
  }
}

function refuseToken(token: CST.Token | CST.SourceToken, source: YamlText): void {
  const what = Object.hasOwn(refusedTokens, token.type) ? refusedTokens[token.type] : undefined;
  if (what === undefined) return;
  const written = "source" in token ? `: ${token.source}` : "";
  fail(source, token.offset, what + written, "a contract is JSON, also in YAML");
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
