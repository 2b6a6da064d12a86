import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import type { PantryConfig } from "../config.ts";
import { lookUp, openPantry, type Pantry } from "../pantry.ts";
import type { Session } from "../session.ts";

/** What the configured pantries say of one pack. */
export interface InPantries {
  /** Addresses of those that have it. */
  readonly has: readonly string[];
  /** Addresses of those that could not be asked. */
  readonly failed: readonly string[];
}

/** Asks the configured pantries for many packs; one that failed once is not asked again. */
export class PantryCheck {
  readonly #session: Session;
  readonly #open = new Map<PantryConfig, Pantry>();
  readonly #failed = new Set<PantryConfig>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Which pantries have a pack, whether anybody vouches for it or not. Warns of one that fails, once. */
  async ask(uri: CtxUri, signal: AbortSignal): Promise<InPantries> {
    const has: string[] = [];
    const failed: string[] = [];
    const { pantries } = this.#session.config;
    const answers = await Promise.all(pantries.map((given) => this.#askOne(given, uri, signal)));
    for (const [i, { address }] of pantries.entries()) {
      if (answers[i] === true) has.push(address);
      if (answers[i] === undefined) failed.push(address);
    }
    return { has, failed };
  }

  async #askOne(
    given: PantryConfig,
    uri: CtxUri,
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    if (this.#failed.has(given)) return undefined;
    try {
      const pantry = this.#open.get(given) ?? (await openPantry(this.#session, given, signal));
      this.#open.set(given, pantry);
      return (await lookUp(pantry, uri, signal)) !== undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
      // A directory that is not there has no packs: nothing was pushed to it yet.
      if (error.code === "CTXPACK_E_PATH_NOT_FOUND") return false;
      this.#failed.add(given);
      this.#session.warn(`a pantry was passed over: ${error.message}`);
      return undefined;
    }
  }
}
