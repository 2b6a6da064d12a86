import { findSecretSpans, type JsonValue, secretName } from "@ctxpack/identity";

/** Placeholders are not secrets, whatever the member is called that they stand in. */
const placeholder = /^\[redacted:[a-z-]+:[0-9]+\]$/;

/** Values of members with a secret's name that hold no secret: shorter than any password that is worth the name. */
const MIN_NAMED = 6;

/**
 * Replaces secrets by `[redacted:<kind>:<n>]` before anything is hashed (DESIGN §8). The same secret gets the same
 * placeholder wherever it comes again; n counts distinct secrets in order of appearance, from 1. What counts as a
 * secret: the shapes that a contract may not hold, and strings that are the value of a member called like one
 * (`password`, `apiKey`).
 */
export class Redactor {
  /** By secret; its number. */
  readonly #known = new Map<string, number>();
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
    const safe = this.value(member);
    if (typeof safe !== "string" || safe.length < MIN_NAMED || placeholder.test(safe)) return safe;
    const name = secretName(key);
    // A secret with a shape inside a longer value is already replaced; the rest of the value is not known to be one.
    if (name === undefined || safe !== member) return safe;
    return this.#placeholder(safe, name.replaceAll("_", "-"));
  }

  #placeholder(secret: string, kind: string): string {
    const number = this.#known.get(secret) ?? this.#known.size + 1;
    this.#known.set(secret, number);
    this.#replaced++;
    return `[redacted:${kind}:${number}]`;
  }
}
