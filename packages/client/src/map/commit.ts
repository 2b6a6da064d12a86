import type { ItemResult, Store } from "@ctxpack/cache";

interface Waiting {
  readonly key: string;
  readonly path: string;
  readonly settle: PromiseWithResolvers<ItemResult>;
}

/**
 * Commits results as they come. Before each of them is one, what all items share (other inputs, code) has to be as it was
 * when it was hashed: results that come while that is looked at wait for the next look.
 */
export class Commits {
  readonly #store: Store;
  readonly #requireUnchanged: () => Promise<void>;
  #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(store: Store, requireUnchanged: () => Promise<void>) {
    this.#store = store;
    this.#requireUnchanged = requireUnchanged;
  }

  /** Takes a file in the store's scratch folder as the result of an item: once this has resolved, no kill loses it. */
  add(key: string, path: string): Promise<ItemResult> {
    const settle = Promise.withResolvers<ItemResult>();
    this.#waiting.push({ key, path, settle });
    if (!this.#isBusy) void this.#commit();
    return settle.promise;
  }

  async #commit(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const some = this.#waiting;
      this.#waiting = [];
      try {
        await this.#requireUnchanged();
        for (const { key, path, settle } of some) {
          await this.#store.results.keep(key, path).then(settle.resolve, settle.reject);
        }
      } catch (error) {
        for (const { settle } of some) settle.reject(error);
      }
    }
    this.#isBusy = false;
  }
}
