import { CtxPackError } from "../errors.ts";
import { readJson } from "../source/json.ts";
import type { SourceEntry, SourceMap, SourceNode } from "../source/node.ts";
import { decodeText } from "../source/text.ts";

/** Python's own parser gives up at about 1,000. */
const MAX_NESTING = 500;

/** The node of a v0 contract's text: any JSON object. */
export function readLegacy(text: string): SourceMap {
  const file = "v0 contract";
  const root = readJson({ text: decodeText(text, file), file, maxNesting: MAX_NESTING });
  if (root.kind === "map") return root;
  throw new CtxPackError("CTXPACK_E_CONTRACT", `${file}: not a JSON object`);
}

/** The `path` of every input that has one, as a v0 contract wrote it. */
export function legacyPaths(root: SourceMap): string[] {
  return inputsOf(root).flatMap((input) => {
    const path = pathOf(input);
    return path === undefined ? [] : [path];
  });
}

/**
 * The bytes that the prototype hashed for a contract (DESIGN §4.3): Python's `json.dumps(…, sort_keys=True)` without
 * `outputs`, each input's `path` replaced by `digest`. For reading old packs only.
 *
 * @param digests the bare hex digest of every path.
 * @throws CtxPackError `CTXPACK_E_CONTRACT` for what is not a JSON object, `CTXPACK_E_USAGE` for a path without digest.
 */
export function legacyBytes(
  contractText: string,
  digests: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  const root = readLegacy(contractText);
  const entries = lastOfEach(root.entries)
    .filter(({ key }) => key !== "outputs")
    .map((entry) => (entry.key === "inputs" ? withDigests(entry, digests) : entry));
  return new TextEncoder().encode(dumps({ ...root, entries }));
}

function inputsOf(root: SourceMap): SourceMap[] {
  const inputs = lastOfEach(root.entries).find(({ key }) => key === "inputs")?.value;
  return inputs?.kind === "list" ? inputs.items.filter((item) => item.kind === "map") : [];
}

function pathOf(input: SourceMap): string | undefined {
  const path = lastOfEach(input.entries).find(({ key }) => key === "path")?.value;
  return path?.kind === "text" ? path.value : undefined;
}

function withDigests(inputs: SourceEntry, digests: ReadonlyMap<string, string>): SourceEntry {
  if (inputs.value.kind !== "list") return inputs;
  const items = inputs.value.items.map((item) => {
    const path = item.kind === "map" ? pathOf(item) : undefined;
    if (item.kind !== "map" || path === undefined) return item;
    const digest = digests.get(path);
    if (digest === undefined) {
      throw new CtxPackError("CTXPACK_E_USAGE", `no digest is given for the v0 input ${path}`);
    }
    const value: SourceNode = { kind: "text", offset: item.offset, value: digest };
    const kept = item.entries.filter(({ key }) => key !== "path" && key !== "digest");
    return { ...item, entries: [...kept, { key: "digest", offset: item.offset, value }] };
  });
  return { ...inputs, value: { ...inputs.value, items } };
}

/** Python's parser keeps the last of several equal keys. */
function lastOfEach(entries: readonly SourceEntry[]): SourceEntry[] {
  return [...new Map(entries.map((entry) => [entry.key, entry])).values()];
}

function dumps(node: SourceNode): string {
  switch (node.kind) {
    case "word":
      return String(node.value);
    case "text":
      return quoted(node.value);
    case "number":
      return numberText(node.literal);
    case "list":
      return `[${node.items.map(dumps).join(", ")}]`;
    case "map": {
      const members = lastOfEach(node.entries)
        .sort((a, b) => compareCodePoints(a.key, b.key))
        .map(({ key, value }) => `${quoted(key)}: ${dumps(value)}`);
      return `{${members.join(", ")}}`;
    }
  }
}

/** JavaScript compares by UTF-16 code units, Python by code points: they differ beyond the BMP. */
export function compareCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let index = 0; index < left.length && index < right.length; index++) {
    const difference = (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** JSON with everything outside printable ASCII escaped, DEL too. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(/[^ -~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** An integer literal in full; everything else as Python's `repr` of the double. */
function numberText(literal: string): string {
  if (!/[.eE]/.test(literal)) return literal === "-0" ? "0" : literal;
  const value = Number(literal);
  if (!Number.isFinite(value)) return value < 0 ? "-Infinity" : "Infinity";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "0", exponent = "0"] = Math.abs(value).toExponential().split("e");
  return sign + floatText(mantissa.replace(".", ""), Number(exponent));
}

/** The shortest digits as `repr` sets them: an exponent below 1e-4 and from 1e16 on, of at least two digits. */
function floatText(digits: string, exponent: number): string {
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits.charAt(0)}${fraction}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${whole}.${digits.slice(exponent + 1) || "0"}`;
}
