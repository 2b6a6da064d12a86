import { rmdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Displaced, Store } from "@ctxpack/cache";
import { makeParent, type OutputPlace } from "./outputs.ts";

/** The places of outputs while a command works: nothing stands there but what it writes. */
export class ClearedPlaces {
  /** What stood there before: in the trash. */
  readonly displaced: Displaced[] = [];
  readonly #store: Store;
  /** Where nothing of the user's stands any more. */
  readonly #cleared: string[] = [];
  /** Folders that were made for the outputs, outermost first. */
  readonly #made: string[] = [];

  private constructor(store: Store) {
    this.#store = store;
  }

  /** Moves whatever stands there away, and makes the folders the outputs lie in. */
  static async of(store: Store, places: readonly OutputPlace[]): Promise<ClearedPlaces> {
    const cleared = new ClearedPlaces(store);
    try {
      for (const place of places) await cleared.#clear(place);
      return cleared;
    } catch (error) {
      await cleared.putBack();
      throw error;
    }
  }

  /** Moves what was written since away, and puts back what stood there; returns what was moved. */
  async putBack(): Promise<readonly Displaced[]> {
    const half: Displaced[] = [];
    for (const path of this.#cleared) {
      const moved = await this.#store.displace(path);
      if (moved !== undefined) half.push(moved);
    }
    for (const before of this.displaced.reverse()) await before.restore();
    for (const folder of this.#made.reverse()) removeIfEmpty(folder);
    return half;
  }

  async #clear(place: OutputPlace): Promise<void> {
    const { path } = place;
    const moved = await this.#store.displace(path);
    this.#cleared.push(path);
    if (moved !== undefined) this.displaced.push(moved);
    const first = makeParent(place);
    if (first === undefined) return;
    const made: string[] = [];
    for (let folder = dirname(path); folder !== dirname(first); folder = dirname(folder)) {
      made.unshift(folder);
    }
    this.#made.push(...made);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // The command has written something else there.
  }
}
