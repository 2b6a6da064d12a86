import { CtxPackError } from "@ctxpack/identity";
import type { PantryConfig } from "../config.ts";
import type { Session } from "../session.ts";

/** Pantries that failed: each is warned of once, and not asked again. None may fail when they are required. */
export class Circuit {
  readonly #session: Session;
  readonly #required: boolean;
  readonly #failed = new Set<string>();

  constructor(session: Session, required: boolean) {
    this.#session = session;
    this.#required = required;
  }

  /** Whether a pantry has failed before. */
  isOpen(given: string | PantryConfig): boolean {
    return this.#failed.has(this.#keyOf(given));
  }

  /** Notes a failure. Throws it when pantries are required, and what is none of a pantry in any case. */
  fail(given: string | PantryConfig, error: unknown): CtxPackError {
    if (!CtxPackError.isInstance(error) || this.#required || isOurDisk(error)) throw error;
    const key = this.#keyOf(given);
    const isKnown = this.#failed.has(key) || this.#session.config.offline;
    this.#failed.add(key);
    if (!isKnown) {
      this.#session.warn(`${key} is not used, and nothing depends on it: ${error.message}`);
    }
    return error;
  }

  #keyOf(given: string | PantryConfig): string {
    if (typeof given !== "string") return given.address;
    const named = this.#session.config.named.find(({ name }) => name === given);
    return named?.address ?? given;
  }
}

/** A store that is full or cannot be written is not a pantry's failure. */
function isOurDisk({ code, details }: CtxPackError): boolean {
  const isDisk = code === "CTXPACK_E_NO_SPACE" || code === "CTXPACK_E_PERMISSION";
  return isDisk && details["system"] !== undefined;
}
