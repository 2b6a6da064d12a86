import { findSecretSpans, type JsonValue, secretName } from "@ctxpack/identity";
import { sourceText } from "../run/number.ts";
import { parseJson } from "../source/json.ts";

/** Placeholders are not secrets, whatever the member is called that they stand in. */
const placeholder = /^\[redacted:[a-z-]+:[0-9]+\]$/;

/** Their numbers in a text that was redacted before; no redaction counts as far as the longest. */
const numbers = /\[redacted:[a-z-]+:([0-9]{1,9})\]/g;

/** Members that hold JSON as a text: what a model wrote as the arguments of a call. */
const JSON_TEXTS: ReadonlySet<string> = new Set(["arguments", "args", "input"]);

/** Values of members with a secret's name that hold no secret: shorter than any password that is worth the name. */
const MIN_NAMED = 6;

/**
 * Replaces secrets by `[redacted:<kind>:<n>]` before anything is hashed (DESIGN §8). The same secret gets the same
 * placeholder wherever it comes again; n counts distinct secrets in order of appearance, from 1. What counts as a
 * secret: the shapes that a contract may not hold, and strings that are the value of a member called like one
 * (`password`, `apiKey`), also in arguments that are JSON text. Placeholders of an earlier redaction stay as they are, and
 * what comes after them is counted on from there.
 */
export class Redactor {
  /** By secret; its number. */
  readonly #known = new Map<string, number>();
  /** Of all placeholders, those of an earlier redaction too. */
  #highest = 0;
  #replaced = 0;

  /** Number of distinct secrets so far. */
  get distinct(): number {
    return this.#known.size;
  }

  /** How many times something was replaced. */
  get replaced(): number {
    return this.#replaced;
  }

  /** `text` without its secrets. */
  text(text: string): string {
    if (text.includes("[redacted:")) this.#noteNumbers(text);
    const spans = findSecretSpans(text);
    if (spans.length === 0) return text;
    let out = "";
    let at = 0;
    for (const { start, end, kind } of spans) {
      out += text.slice(at, start) + this.#placeholder(text.slice(start, end), kind);
      at = end;
    }
    return out + text.slice(at);
  }

  /** `value` without its secrets, in keys too. What holds none is returned as it is. */
  value(value: JsonValue): JsonValue {
    if (typeof value === "string") return this.text(value);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      const items = value.map((item: JsonValue) => this.value(item));
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    let changed = false;
    const members = new Map<string, JsonValue>();
    for (const [key, member] of Object.entries(value as { readonly [key: string]: JsonValue })) {
      const safeKey = this.text(key);
      const safe = this.#member(key, member);
      changed ||= safeKey !== key || safe !== member;
      members.set(safeKey, safe);
    }
    return changed ? Object.fromEntries(members) : value;
  }

  #member(key: string, member: JsonValue): JsonValue {
    const isJsonText = typeof member === "string" && JSON_TEXTS.has(key);
    const safe = isJsonText ? this.#jsonText(member) : this.value(member);
    if (typeof safe !== "string" || safe.length < MIN_NAMED || placeholder.test(safe)) return safe;
    const name = secretName(key);
    // A secret with a shape inside a longer value is already replaced; the rest of the value is not known to be one.
    if (name === undefined || safe !== member) return safe;
    return this.#placeholder(safe, name.replaceAll("_", "-"));
  }

  /** A text that may be JSON; it is written anew only when some of it is replaced. */
  #jsonText(text: string): string {
    const value = /^\s*[[{]/.test(text) ? parsedOrNone(text) : undefined;
    const safe = value === undefined ? undefined : this.value(value);
    return safe === undefined || safe === value ? this.text(text) : sourceText(safe);
  }

  #placeholder(secret: string, kind: string): string {
    const number = this.#known.get(secret) ?? ++this.#highest;
    this.#known.set(secret, number);
    this.#replaced++;
    return `[redacted:${kind}:${number}]`;
  }

  #noteNumbers(text: string): void {
    for (const [, number] of text.matchAll(numbers)) {
      this.#highest = Math.max(this.#highest, Number(number));
    }
  }
}

function parsedOrNone(text: string): JsonValue | undefined {
  try {
    return parseJson(text).value;
  } catch {
    return undefined;
  }
}
