import { canonicalBytes, canonicalize, type JsonValue, pointerOf, sha256 } from "@ctxpack/identity";
import { type ContentBlock, INLINE_LIMIT } from "../run/content.ts";
import { numberLiteral } from "../run/number.ts";
import type { Step } from "../run/step.ts";
import type { MemberChange } from "./entry.ts";
import type { Plain } from "./plain.ts";
import type { Sides } from "./side.ts";
import { diffTexts } from "./text-diff.ts";

/** Changes that one entry lists. */
const MAX_CHANGES = 64;

/** Gathers the members in which two things differ, up to {@link MAX_CHANGES}. */
export class MemberChanges {
  readonly list: MemberChange[] = [];
  /** Whether there were more. */
  more = false;
  readonly #sides: Sides;
  readonly #step: Step | undefined;

  /** @param step the step that it is about, for rules that name steps. */
  constructor(sides: Sides, step?: Step) {
    this.#sides = sides;
    this.#step = step;
  }

  /** Whether anything differs. */
  get any(): boolean {
    return this.list.length > 0 || this.more;
  }

  /** Compares two contents that stand at `path`. */
  compare(path: readonly (string | number)[], a: Plain | undefined, b: Plain | undefined): void {
    if (this.more) return;
    if (a && b && "value" in a && "value" in b) this.#values(path, a.value, b.value);
    else if (a && b && "parts" in a && "parts" in b) {
      const count = Math.max(a.parts.length, b.parts.length);
      for (let index = 0; index < count; index++) {
        this.compare([...path, index], a.parts[index], b.parts[index]);
      }
    } else if (plainKey(a) !== plainKey(b)) this.#add(path, a, b);
  }

  #values(path: readonly (string | number)[], a: JsonValue, b: JsonValue): void {
    if (this.more) return;
    if (Array.isArray(a) && Array.isArray(b)) {
      const count = Math.max(a.length, b.length);
      for (let index = 0; index < count; index++) {
        this.#member([...path, index], a[index], b[index]);
      }
    } else if (isRecord(a) && isRecord(b)) {
      for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()) {
        this.#member([...path, key], own(a, key), own(b, key));
      }
    } else if (canonicalize(a) !== canonicalize(b)) this.#add(path, asPlain(a), asPlain(b));
  }

  #member(
    path: readonly (string | number)[],
    a: JsonValue | undefined,
    b: JsonValue | undefined,
  ): void {
    if (a !== undefined && b !== undefined) this.#values(path, a, b);
    else this.#add(path, asPlain(a), asPlain(b));
  }

  #add(path: readonly (string | number)[], a: Plain | undefined, b: Plain | undefined): void {
    if (a === undefined && b === undefined) return;
    const { rules, budget } = this.#sides;
    if (rules.ignoresPath(path.map(String), this.#step)) return;
    if (this.list.length >= MAX_CHANGES) {
      this.more = true;
      return;
    }
    const change: MemberChange = {
      path: pointerOf(path),
      change: a === undefined ? "added" : b === undefined ? "removed" : "changed",
      ...(a && { a: shown(a) }),
      ...(b && { b: shown(b) }),
      ...textDiff(a, b),
    };
    if (budget.detail(JSON.stringify(change).length)) this.list.push(change);
    else this.more = true;
  }
}

/** Texts are told apart line by line; one that is short and of one line is as clear without. */
function textDiff(a: Plain | undefined, b: Plain | undefined): Pick<MemberChange, "text" | "cut"> {
  if (!(a && b && "text" in a && "text" in b)) return {};
  const { text, whole } = diffTexts(a.text, b.text);
  return whole ? { text } : { text, cut: true };
}

/** A content as an entry shows it: itself up to 1 KiB, else its digest. */
function shown(plain: Plain): ContentBlock {
  if ("absent" in plain) return plain;
  if ("opaque" in plain) return plain.opaque;
  if ("text" in plain) {
    const bytes = new TextEncoder().encode(plain.text);
    return bytes.length <= INLINE_LIMIT
      ? { text: plain.text }
      : { digest: sha256(bytes), mediaType: "text/plain", size: bytes.length };
  }
  const value = "value" in plain ? plain.value : plain.parts.map((part) => shown(part));
  const bytes = canonicalBytes(value as unknown as JsonValue);
  return bytes.length <= INLINE_LIMIT
    ? { value: value as unknown as JsonValue }
    : { digest: sha256(bytes), mediaType: "application/json", size: bytes.length };
}

/** A bare string is text, as everywhere in a run. */
function asPlain(value: JsonValue | undefined): Plain | undefined {
  if (value === undefined) return undefined;
  return typeof value === "string" ? { text: value } : { value };
}

/** Equal contents have one key. */
function plainKey(plain: Plain | undefined): string | undefined {
  if (plain === undefined) return undefined;
  if ("opaque" in plain) return plain.opaque.digest;
  return canonicalize(plain as unknown as JsonValue);
}

function isRecord(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return numberLiteral(value) === undefined;
}

/** `__proto__` and `constructor` are keys like any other here. */
function own(value: { readonly [key: string]: JsonValue }, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
