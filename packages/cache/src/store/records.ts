import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { clear } from "./clear.ts";
import { diskError, makeFolder, onDisk, syncFolder, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";
import { formatRecord, isThere, type NewRecord, type PackRecord, readRecord } from "./record.ts";
import { touchRecord } from "./touch.ts";
import type { Workspace } from "./workspace.ts";
import { writeSynced } from "./write-synced.ts";

/** The name of a record: the hex digits of its URI. */
const RECORD = /^[0-9a-f]{64}\.json$/;
/** The name of a pin. */
const PIN = /^[0-9a-f]{64}$/;

/**
 * One small file per pack, named by its URI; its rename is what makes a pack visible. The file's time is
 * when the pack was last used, a file of the same name in `pins/` pins it.
 */
export class Records {
  readonly #places: Places;
  readonly #workspace: Workspace;

  constructor(places: Places, workspace: Workspace) {
    this.#places = places;
    this.#workspace = workspace;
  }

  /** The record of a pack; a damaged one counts as none, and is left for `fsck`, which may write it again. */
  get(uri: CtxUri): PackRecord | undefined {
    const record = readRecord(this.#places, uri);
    return record === "damaged" ? undefined : record;
  }

  /** Whether a pack has a record, damaged or not. */
  has(uri: CtxUri): boolean {
    return isThere(this.#places.record(uri));
  }

  /** Writes a record; it is on disk when this returns. Call it inside the store's lock. */
  write(record: NewRecord): void {
    const path = this.#places.record(record.uri);
    const temporary = this.#workspace.path();
    try {
      makeFolder(dirname(path));
      writeSynced(temporary, formatRecord(record));
      rename(temporary, path);
      syncFolder(dirname(path));
    } catch (error) {
      clear(temporary);
      throw diskError(error, "writing", path);
    }
  }

  /** Every record, by URI; a damaged one is only told to `onDamaged`. */
  async *list(signal?: AbortSignal, onDamaged?: (uri: CtxUri) => void): AsyncIterable<PackRecord> {
    const pinned = this.pinned();
    for (const digits of this.#shelves()) {
      for (const record of this.#readShelf(digits, pinned, onDamaged)) {
        signal?.throwIfAborted();
        yield record;
      }
      await turn();
    }
  }

  /** The records on one of the 256 shelves, by URI; damaged ones are left out. */
  readShelf(shelf: number, pinned: ReadonlySet<CtxUri>): PackRecord[] {
    return [...this.#readShelf(digitsOf(shelf), pinned)];
  }

  *#readShelf(
    digits: string,
    pinned: ReadonlySet<CtxUri>,
    onDamaged?: (uri: CtxUri) => void,
  ): Iterable<PackRecord> {
    for (const uri of this.#on(digits)) {
      const record = readRecord(this.#places, uri, () => pinned.has(uri));
      if (record === "damaged") onDamaged?.(uri);
      else if (record !== undefined) yield record;
    }
  }

  /** The URI of every record on one of the 256 shelves, whatever is in it: nothing is read. */
  onShelf(shelf: number): readonly CtxUri[] {
    return this.#on(digitsOf(shelf));
  }

  /** When a record came to one of the 256 shelves, went or was used, Unix time in ms; 0 for a shelf that is not there. */
  changedMs(shelf: number): number {
    const path = this.#places.shelf(digitsOf(shelf));
    const found = onDisk("reading", path, () => statSync(path, { throwIfNoEntry: false }));
    return found?.ctimeMs ?? 0;
  }

  /** The URIs whose hex begins with `prefix` (at least 2 digits). */
  matching(prefix: string): CtxUri[] {
    return this.#on(prefix.slice(0, 2)).filter((uri) => uri.startsWith(`ctx://sha256:${prefix}`));
  }

  /** Takes a pack out of sight, and what is kept beside it. */
  remove(uri: CtxUri): void {
    const places = this.#places;
    const beside = [places.log(uri), places.rechecks(uri), places.proof(uri)];
    for (const path of [places.record(uri), ...beside]) {
      onDisk("removing", path, () => clear(path));
    }
  }

  pin(uri: CtxUri): void {
    const path = this.#places.pin(uri);
    onDisk("pinning", path, () => {
      makeFolder(dirname(path));
      writeSynced(path, "");
      syncFolder(dirname(path));
    });
  }

  unpin(uri: CtxUri): void {
    onDisk("unpinning", this.#places.pin(uri), () => clear(this.#places.pin(uri)));
  }

  isPinned(uri: CtxUri): boolean {
    return isThere(this.#places.pin(uri));
  }

  /** What is pinned, packs that are not here too: one look for all. */
  pinned(): ReadonlySet<CtxUri> {
    const pins = names(this.#places.pins).filter((name) => PIN.test(name));
    return new Set(pins.map((name): CtxUri => `ctx://sha256:${name}`));
  }

  /** URIs that are pinned and have no record: packs that somebody wants and nobody knows any more. */
  pinnedOnly(): CtxUri[] {
    return [...this.pinned()].filter((uri) => !this.has(uri));
  }

  /** Notes that the pack is in use, at most once an hour; a store that cannot be written is left. */
  touch(uri: CtxUri): void {
    if (!this.#workspace.readOnly) touchRecord(this.#places, uri);
  }

  #shelves(): string[] {
    return names(this.#places.records).filter((shelf) => /^[0-9a-f]{2}$/.test(shelf));
  }

  #on(digits: string): CtxUri[] {
    return names(this.#places.shelf(digits))
      .filter((name) => RECORD.test(name))
      .map((name): CtxUri => `ctx://sha256:${name.slice(0, 64)}`);
  }
}

/** The error for a pack that is not here. */
export function noPack(uri: CtxUri, dir: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_NOT_FOUND", `no pack ${uri} in ${dir}`, {
    hint: "pull it, or seed its output",
    details: { uri, path: dir },
  });
}

function digitsOf(shelf: number): string {
  return shelf.toString(16).padStart(2, "0");
}

function names(dir: string): string[] {
  return (unlessMissing(() => onDisk("reading", dir, () => readdirSync(dir))) ?? []).sort();
}
