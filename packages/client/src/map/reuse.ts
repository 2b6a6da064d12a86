import type { ComposedFile, ItemResult, Store } from "@ctxpack/cache";
import { IndexReader, isFileEntry, LIMITS } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { bytesSource, fetchBytes } from "@ctxpack/oci";
import { admissionOf } from "../admission.ts";
import type { PantryConfig } from "../config.ts";
import { isDamage } from "../damage.ts";
import { type FoundPack, lookUpTag, openPantry } from "../pantry.ts";
import { acceptFound } from "../remote-pack.ts";
import type { Circuit } from "../run/circuit.ts";
import type { GetOptions } from "../run/options.ts";
import type { Session } from "../session.ts";
import { isRefusal } from "../trust/is-refusal.ts";
import type { Work } from "../work.ts";
import type { ReusedPack } from "./options.ts";

/** The result of an item that the store has, alone or in a pack. */
export type KnownResult = ItemResult & Pick<ComposedFile, "from">;

/** What is known of the items of a map before any is computed. */
export class Reuse {
  readonly known: Map<string, KnownResult> = new Map();
  readonly packs: ReusedPack[] = [];
  readonly #store: Store;
  readonly #keys: ReadonlySet<string>;

  constructor(store: Store, keys: ReadonlySet<string>) {
    this.#store = store;
    this.#keys = keys;
  }

  /** What earlier maps of these families have left in the store, and what one that was broken off committed. */
  async fromStore(session: Session, families: readonly string[], work: Work): Promise<void> {
    for (const family of families) {
      for (const uri of await this.#store.family(family)) {
        if (this.#isDone()) return;
        const record = await this.#store.get(uri);
        if (record === undefined || record.partial) continue;
        if (await session.gate?.judgeStored(this.#store, record, work.signal)) continue;
        try {
          this.#take(uri, "store", await this.#store.index(uri, work));
        } catch (error) {
          // Named, and put aside: it is no pack any more.
          if (!isDamage(error)) throw error;
        }
      }
    }
    if (this.#isDone()) return;
    const missing = new Set([...this.#keys].filter((key) => !this.known.has(key)));
    const results = await this.#store.results.find(missing, work.signal);
    for (const [key, result] of results) this.known.set(key, result);
  }

  /**
   * What the last pushed packs of these families have: of each only the index is fetched, once the policy has let it in, and
   * then the segments that hold what is missing here. Throws CTXPACK_E_POLICY.
   */
  async fromPantries(
    session: Session,
    families: readonly string[],
    { circuit, onUntrusted }: { readonly circuit: Circuit } & Pick<GetOptions, "onUntrusted">,
    work: Work,
  ): Promise<void> {
    const { pantries } = session.config;
    if (pantries.length > 0) await session.gate?.prepare(work.signal);
    for (const given of pantries) {
      for (const family of families) {
        if (this.#isDone() || circuit.isOpen(given)) break;
        try {
          await this.#fromPantry(session, given, family, work);
        } catch (error) {
          work.signal.throwIfAborted();
          if (!CtxPackError.isInstance(error)) throw error;
          if (isRefusal(error)) {
            if (onUntrusted !== "miss") throw error;
          } else if (error.code === "CTXPACK_E_CONFLICT") {
            session.warn(`${error.message}; nothing of it is reused`);
          } else if (error.code !== "CTXPACK_E_PATH_NOT_FOUND") {
            circuit.fail(given, error);
          }
        }
      }
    }
  }

  async #fromPantry(
    session: Session,
    given: PantryConfig,
    family: string,
    work: Work,
  ): Promise<void> {
    const pantry = await openPantry(session, given, work.signal);
    if (!session.gate && !pantry.trusted) return;
    const found = await lookUpTag(pantry, familyTag(family), work.signal).catch((error) => {
      if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND") return undefined;
      throw error;
    });
    if (found === undefined) return;
    await acceptFound(session, found, work.signal);
    const here = await this.#store.get(found.uri);
    if (here?.partial === false && here.tree === found.manifest.tree) {
      this.#take(found.uri, "store", await this.#store.index(found.uri, work));
      return;
    }
    const index = await this.#fetchIndex(found, work);
    const paths = new Set<string>();
    for (const { path } of this.#matching(index)) paths.add(path);
    if (paths.size === 0) return;
    await this.#store.admit(found.uri, {
      ...admissionOf(session, found, work),
      only: (path) => paths.has(path),
      folder: false,
    });
    this.#take(found.uri, pantry.address, index);
  }

  /** It stays in the store, where `admit` finds it. */
  async #fetchIndex({ source, manifest, uri, address }: FoundPack, { signal }: Work) {
    const frame = await fetchBytes(source, manifest.index, { maxBytes: LIMITS.index, signal });
    const index = IndexReader.fromFrame(frame);
    if (index.tree !== manifest.tree) {
      throw new CtxPackError(
        "CTXPACK_E_PACK",
        `${address}: the index of ${uri} is of another tree`,
      );
    }
    await this.#store.blobs.push(manifest.index, bytesSource(frame), { signal });
    return index;
  }

  #take(uri: CtxUri, where: string, index: IndexReader): void {
    const before = this.known.size;
    for (const { row, ...result } of this.#matching(index)) {
      const { path: _, ...rest } = result;
      this.known.set(rest.key, { ...rest, from: { uri, row } });
    }
    const items = this.known.size - before;
    if (items > 0) this.packs.push({ uri, where, items });
  }

  /** The entries of items that are wanted and not known yet, each item once. */
  *#matching(index: IndexReader): Generator<ItemResult & { path: string; row: number }> {
    const seen = new Set<string>();
    for (let row = 0; row < index.count; row++) {
      const entry = index.entry(row);
      if (!isFileEntry(entry) || entry.key === undefined) continue;
      const { key, digest, size, exec, path } = entry;
      if (!this.#keys.has(key) || this.known.has(key) || seen.has(key)) continue;
      seen.add(key);
      yield { key, digest, size, ...(exec && { exec }), path, row };
    }
  }

  #isDone(): boolean {
    return this.known.size === this.#keys.size;
  }
}

/** The tag that leads to the last pushed pack of a family. */
export function familyTag(family: string): string {
  return `map-${family}`;
}
