import { printable } from "./printable.ts";

const LIMIT = 20;

/** What a registry wants its users to read: each text once, and never more than a few. */
export class Warnings {
  readonly #host: string;
  readonly #tell: ((text: string) => void) | undefined;
  readonly #told = new Set<string>();

  constructor(host: string, tell: ((text: string) => void) | undefined) {
    this.#host = host;
    this.#tell = tell;
  }

  /** Takes the values of `Warning` headers; those of code 299 are for people (distribution-spec, "Warnings"). */
  take(values: readonly string[]): void {
    if (this.#tell === undefined) return;
    for (const value of values) {
      const text = parseWarning(value);
      if (text === undefined || this.#told.has(text) || this.#told.size >= LIMIT) continue;
      this.#told.add(text);
      this.#tell(`${this.#host} says: ${text}`);
    }
  }
}

/** The text of `299 - "text"`; `undefined` for anything else, and for more than 4,096 characters. */
export function parseWarning(value: string): string | undefined {
  if (value.length > 4096) return undefined;
  const quoted = /^299 - "((?:[^"\\]|\\.)*)"\s*$/.exec(value)?.[1];
  if (quoted === undefined) return undefined;
  return printable(quoted.replace(/\\(.)/g, "$1"), 4096);
}
