import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";
import { decodeBase64 } from "../dsse/base64.ts";

/** Where a JSON value stands, for errors: `bundle.verificationMaterial`; and the code they have. */
export interface FieldsPlace {
  readonly code: CtxPackErrorCode;
  readonly path: string;
}

const MAX_INT64 = 2n ** 63n - 1n;

/**
 * The members of a message in protojson, read strictly: a member of another type is refused, never converted. As in
 * protojson, `null` is as good as absent, an absent string, number or list has its default, and an int64 may be a number
 * or a string. Numbers of ours are never negative. Every method throws `place.code`, naming the member.
 */
export class Fields {
  readonly #place: FieldsPlace;
  readonly #members: Readonly<Record<string, unknown>>;

  /** With `known`, other members than these are refused. */
  constructor(value: unknown, place: FieldsPlace, known?: readonly string[]) {
    this.#place = place;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new CtxPackError(place.code, `${place.path} is not an object`);
    }
    this.#members = value as Record<string, unknown>;
    for (const name of known === undefined ? [] : Object.keys(value)) {
      if (!known?.includes(name)) {
        const shown = JSON.stringify(name.slice(0, 80));
        throw new CtxPackError(place.code, `${place.path} has an unknown member ${shown}`);
      }
    }
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  /** Where a member stands, or an item of it. */
  place(name: string, index?: number): FieldsPlace {
    const item = index === undefined ? "" : `[${index}]`;
    return { code: this.#place.code, path: `${this.#place.path}.${name}${item}` };
  }

  fail(name: string, what: string): never {
    const { code, path } = this.place(name);
    throw new CtxPackError(code, `${path} ${what}`);
  }

  /** A string; empty when absent. */
  text(name: string): string {
    const value = this.#value(name) ?? "";
    if (typeof value !== "string") this.fail(name, "is not a string");
    if (!value.isWellFormed()) this.fail(name, "has a lone surrogate");
    return value;
  }

  /** Bytes written as base64; empty when absent. */
  bytes(name: string): Buffer {
    return decodeBase64(this.text(name)) ?? this.fail(name, "is not base64");
  }

  /** A non-negative int64 in decimal digits; `0` when absent. */
  int64(name: string): string {
    const value = this.#value(name) ?? "0";
    const digits = typeof value === "number" && Number.isSafeInteger(value) ? `${value}` : value;
    if (typeof digits !== "string" || !/^(?:0|[1-9][0-9]{0,18})$/.test(digits)) {
      this.fail(name, "is not a non-negative 64-bit number");
    }
    if (BigInt(digits) > MAX_INT64) this.fail(name, "is too large");
    return digits;
  }

  /** An array; empty when absent. */
  list(name: string, limit = 64): readonly unknown[] {
    const value = this.#value(name) ?? [];
    if (!Array.isArray(value)) this.fail(name, "is not a list");
    if (value.length > limit) this.fail(name, `has ${value.length} items, more than ${limit}`);
    return value;
  }

  /** A message; `undefined` when absent. */
  message(name: string, known?: readonly string[]): Fields | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : new Fields(value, this.place(name), known);
  }

  /** A message that has to be there. */
  required(name: string, known?: readonly string[]): Fields {
    return this.message(name, known) ?? this.fail(name, "is missing");
  }

  /** A member as it stands. */
  raw(name: string): unknown {
    return this.#value(name);
  }

  #value(name: string): unknown {
    const value = Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
    return value === null ? undefined : value;
  }
}
