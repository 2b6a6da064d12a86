import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { parseJson } from "../source/json.ts";

/** The attributes of a span; what nobody asked for is kept as it is. */
export class Attributes {
  readonly #values: ReadonlyMap<string, JsonValue>;
  readonly #used = new Set<string>();

  constructor(values: ReadonlyMap<string, JsonValue>) {
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** The first of these that is there; others that say the same, under an older name, are passed over. */
  take(...keys: string[]): JsonValue | undefined {
    let found: JsonValue | undefined;
    for (const key of keys) {
      const value = this.#values.get(key);
      if (value === undefined || value === null) continue;
      found ??= value;
      if (value === found || canonicalize(value) === canonicalize(found)) this.#used.add(key);
    }
    return found;
  }

  text(...keys: string[]): string | undefined {
    const value = this.take(...keys);
    return value === undefined
      ? undefined
      : typeof value === "string"
        ? value
        : JSON.stringify(value);
  }

  number(...keys: string[]): number | undefined {
    const value = this.take(...keys);
    const number = typeof value === "string" && value !== "" ? Number(value) : value;
    return typeof number === "number" && Number.isFinite(number) ? number : undefined;
  }

  integer(...keys: string[]): number | undefined {
    const value = this.number(...keys);
    return value === undefined || !Number.isSafeInteger(value) ? undefined : value;
  }

  /** A value that may be written as JSON text; text that is no JSON stays text. */
  json(...keys: string[]): JsonValue | undefined {
    const value = this.take(...keys);
    if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
    try {
      return parseJson(value).value;
    } catch {
      return value;
    }
  }

  /** Attributes below a prefix, by the rest of their names; undefined for none. */
  under(prefix: string): { readonly [key: string]: JsonValue } | undefined {
    const found = [...this.#values].filter(
      ([key]) => key.startsWith(prefix) && !this.#used.has(key),
    );
    for (const [key] of found) this.#used.add(key);
    if (found.length === 0) return undefined;
    return Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value]));
  }

  /** Objects spelt out as `prefix` + number + `.` + name, in order; names with dots are nested, their numbers lists. */
  numbered(prefix: string): { readonly [key: string]: JsonValue }[] {
    const tree: Tree = { members: new Map() };
    for (const [key, value] of this.#values) {
      if (!key.startsWith(prefix) || !/^\d/.test(key.slice(prefix.length))) continue;
      this.#used.add(key);
      insert(tree, key.slice(prefix.length).split(".").slice(0, 16), value);
    }
    const built = build(tree);
    const list = Array.isArray(built) ? (built as readonly JsonValue[]) : [];
    return list.filter(
      (item): item is { readonly [key: string]: JsonValue } =>
        typeof item === "object" && item !== null && !Array.isArray(item),
    );
  }

  /** What nobody asked for, with `more`; undefined when there is nothing. */
  rest(more: { readonly [key: string]: JsonValue | undefined }): JsonValue | undefined {
    const left = [...this.#values].filter(([key]) => !this.#used.has(key));
    const extra = Object.entries(more).filter(
      (entry): entry is [string, JsonValue] => entry[1] !== undefined,
    );
    const members = [...left, ...extra];
    return members.length === 0 ? undefined : Object.fromEntries(members);
  }
}

interface Tree {
  value?: JsonValue;
  readonly members: Map<string, Tree>;
}

function insert(tree: Tree, path: readonly string[], value: JsonValue): void {
  let at = tree;
  for (const step of path) {
    const next = at.members.get(step) ?? { members: new Map() };
    at.members.set(step, next);
    at = next;
  }
  at.value = value;
}

function build(tree: Tree): JsonValue {
  if (tree.members.size === 0) return tree.value ?? null;
  const entries = [...tree.members];
  if (entries.every(([key]) => /^\d+$/.test(key))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, member]) => build(member));
  }
  return Object.fromEntries(entries.map(([key, member]) => [key, build(member)]));
}
