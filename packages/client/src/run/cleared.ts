import { mkdirSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Displaced, Store } from "@ctxpack/cache";
import type { OutputPlace } from "./outputs.ts";

/** The places of outputs while a command works: nothing stands there but what it writes. */
export class ClearedPlaces {
  /** What stood there before: in the trash. */
  readonly displaced: Displaced[] = [];
  readonly #store: Store;
  readonly #places: readonly OutputPlace[];
  /** Folders that were made for the outputs, outermost first. */
  readonly #made: string[] = [];

  private constructor(store: Store, places: readonly OutputPlace[]) {
    this.#store = store;
    this.#places = places;
  }

  /** Moves whatever stands there away, and makes the folders the outputs lie in. */
  static async of(store: Store, places: readonly OutputPlace[]): Promise<ClearedPlaces> {
    const cleared = new ClearedPlaces(store, places);
    try {
      for (const { path } of places) await cleared.#clear(path);
      return cleared;
    } catch (error) {
      await cleared.putBack();
      throw error;
    }
  }

  /** Moves what was written since away, and puts back what stood there; returns what was moved. */
  async putBack(): Promise<readonly Displaced[]> {
    const half: Displaced[] = [];
    for (const { path } of this.#places) {
      const moved = await this.#store.displace(path);
      if (moved !== undefined) half.push(moved);
    }
    for (const before of this.displaced.reverse()) await before.restore();
    for (const folder of this.#made.reverse()) removeIfEmpty(folder);
    return half;
  }

  async #clear(path: string): Promise<void> {
    const moved = await this.#store.displace(path);
    if (moved !== undefined) this.displaced.push(moved);
    const first = mkdirSync(dirname(path), { recursive: true });
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
