import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { isObject } from "../source/log.ts";

/** What several parts of a log tell for the head's `extra`: none takes the place of another. */
export class Extras {
  #only: JsonValue | undefined;
  readonly #members = new Map<string, JsonValue>();
  readonly #count = new Map<string, number>();

  /** Adds members; one of a name that has another value becomes `name#2`, and so on. */
  add(value: JsonValue | undefined): void {
    if (value === undefined) return;
    this.#only = this.#members.size === 0 ? value : undefined;
    for (const [name, member] of Object.entries(isObject(value) ? value : { extra: value })) {
      this.#put(name, member);
    }
  }

  get value(): JsonValue | undefined {
    if (this.#only !== undefined || this.#members.size === 0) return this.#only;
    return Object.fromEntries(this.#members);
  }

  #put(name: string, member: JsonValue): void {
    const known = this.#members.get(name);
    if (known !== undefined && canonicalize(known) === canonicalize(member)) return;
    const count = known === undefined ? 1 : (this.#count.get(name) ?? 1) + 1;
    this.#count.set(name, count);
    this.#members.set(count === 1 ? name : `${name}#${count}`, member);
  }
}

/** What two places tell for one `extra`, as {@link Extras} add up. */
export function bothExtras(
  a: JsonValue | undefined,
  b: JsonValue | undefined,
): JsonValue | undefined {
  const extras = new Extras();
  extras.add(a);
  extras.add(b);
  return extras.value;
}
