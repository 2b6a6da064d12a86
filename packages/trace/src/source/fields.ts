import type { JsonValue } from "@ctxpack/identity";
import type { LossReason } from "../run/head.ts";
import { isObject } from "./log.ts";

/** Told of what a run does not hold. */
export type OnLoss = (path: string, reason: LossReason) => void;

/**
 * The members of an object of a log. Each one that nobody asked for is a loss once the object is closed: an importer
 * cannot forget a member silently.
 */
export class Fields {
  readonly #value: { readonly [key: string]: JsonValue };
  readonly #path: string;
  readonly #onLoss: OnLoss;
  readonly #used = new Set<string>();
  readonly #children: Fields[] = [];
  #isClosed = false;

  /** @param path JSONPath of the object, with `*` for indices. */
  constructor(value: { readonly [key: string]: JsonValue }, path: string, onLoss: OnLoss) {
    this.#value = value;
    this.#path = path;
    this.#onLoss = onLoss;
  }

  get keys(): string[] {
    return Object.keys(this.#value);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#value, key);
  }

  /** A member without asking for it: what it is decides what is done with it. */
  peek(key: string): JsonValue | undefined {
    return this.has(key) ? this.#value[key] : undefined;
  }

  /** A member, whatever it is; `null` is none. */
  take(key: string): JsonValue | undefined {
    const value = this.peek(key);
    if (value === undefined) return undefined;
    this.#used.add(key);
    return value === null ? undefined : value;
  }

  /** A member that is a string; an empty one too. */
  text(key: string): string | undefined {
    const value = this.peek(key);
    return typeof value === "string" ? (this.take(key) as string) : undefined;
  }

  /** A member that is a number a double holds. */
  number(key: string): number | undefined {
    const value = this.peek(key);
    return typeof value === "number" ? (this.take(key) as number) : undefined;
  }

  boolean(key: string): boolean | undefined {
    const value = this.peek(key);
    return typeof value === "boolean" ? (this.take(key) as boolean) : undefined;
  }

  /** A member that is a string or a number, as text: ids come as both. */
  id(key: string): string | undefined {
    const value = this.peek(key);
    if (typeof value !== "string" && typeof value !== "number") return undefined;
    this.#used.add(key);
    return String(value);
  }

  /** A member that is a list. */
  list(key: string): readonly JsonValue[] | undefined {
    const value = this.peek(key);
    return Array.isArray(value) ? (this.take(key) as readonly JsonValue[]) : undefined;
  }

  /** A member that is an object; it is closed with this one. */
  object(key: string): Fields | undefined {
    const value = this.peek(key);
    if (!isObject(value)) return undefined;
    this.#used.add(key);
    return this.#child(value, step(this.#path, key));
  }

  /** The objects of a list, which are closed with this one; its other items are losses. */
  objects(key: string): Fields[] {
    const path = `${step(this.#path, key)}[*]`;
    const found: Fields[] = [];
    for (const item of this.list(key) ?? []) {
      if (isObject(item)) found.push(this.#child(item, path));
      else if (item !== null) this.#onLoss(path, "unmapped");
    }
    return found;
  }

  /** Members that need no place, because another says the same. */
  duplicate(...keys: string[]): void {
    this.#lose(keys, "duplicate");
  }

  /** Members that say nothing about the run. */
  unmapped(...keys: string[]): void {
    this.#lose(keys, "unmapped");
  }

  /** A member that was kept in another form. */
  changed(key: string): void {
    this.#onLoss(step(this.#path, key), "changed");
  }

  /** The members that nobody asked for, which are taken by that; undefined when there are none. */
  rest(): { readonly [key: string]: JsonValue } | undefined {
    const entries = this.keys
      .filter((key) => !this.#used.has(key) && this.#value[key] !== null)
      .map((key): [string, JsonValue] => [key, this.#value[key] ?? null]);
    for (const [key] of entries) this.#used.add(key);
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }

  /** Counts everything that nobody asked for, once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const key of this.keys) {
      if (!this.#used.has(key) && this.#value[key] !== null) {
        this.#onLoss(step(this.#path, key), "unmapped");
      }
    }
    for (const child of this.#children) child.close();
  }

  #lose(keys: readonly string[], reason: LossReason): void {
    for (const key of keys) {
      if (this.take(key) !== undefined) this.#onLoss(step(this.#path, key), reason);
    }
  }

  #child(value: { readonly [key: string]: JsonValue }, path: string): Fields {
    const child = new Fields(value, path, this.#onLoss);
    this.#children.push(child);
    return child;
  }
}

function step(path: string, key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)
    ? `${path}.${key}`
    : `${path}[${JSON.stringify(key)}]`;
}
