import type { CtxPack } from "@ctxpack/client";
import { BaseStore } from "@langchain/core/stores";
import { type MadeBy, PackStore } from "../pack-store.ts";

/**
 * LangChain's byte store over packs: what `CacheBackedEmbeddings.fromBytesStore` takes, with a namespace that names the
 * model, as for any of its stores.
 */
export class PackByteStore extends BaseStore<string, Uint8Array> {
  lc_namespace: string[] = ["ctxpack", "stores"];
  readonly #packs: PackStore;

  constructor(ctx: CtxPack, madeBy: MadeBy) {
    super();
    this.#packs = new PackStore(ctx, madeBy);
  }

  async mget(keys: string[]): Promise<(Uint8Array | undefined)[]> {
    return await Promise.all(keys.map((key) => this.#packs.get(key)));
  }

  async mset(pairs: [string, Uint8Array][]): Promise<void> {
    await Promise.all(pairs.map(([key, value]) => this.#packs.set(key, value)));
  }

  async mdelete(keys: string[]): Promise<void> {
    for (const key of keys) await this.#packs.delete(key);
  }

  async *yieldKeys(prefix?: string): AsyncGenerator<string> {
    yield* this.#packs.keys(prefix);
  }
}
