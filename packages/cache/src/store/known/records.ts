import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { rename } from "@ctxpack/oci";
import { readFully, writeFully } from "../blobs.ts";
import { clear } from "../clear.ts";
import { isOfDisk, unlessMissing } from "../disk.ts";
import type { Parts } from "../parts.ts";
import type { PackBrief, PackRecord } from "../record.ts";
import {
  type BriefShelf,
  briefOf,
  FIRST_LINE,
  type KnownShelf,
  knownShelf,
  RecordsList,
} from "./records-list.ts";
import { MOST_LISTED, SETTLED_MS, SHELF_COUNT, SLICE_MS } from "./shelves.ts";

/**
 * The records of all packs in one file, so that a store is listed without opening each. A shelf's own time says
 * whether it is as it was: records come, go and are used with a change of that time. So the file may be lost or torn;
 * and whoever decides what is kept, trusted or handed out reads the records themselves.
 */
export class KnownRecords {
  readonly #parts: Pick<Parts, "places" | "records" | "workspace">;

  constructor(parts: Pick<Parts, "places" | "records" | "workspace">) {
    this.#parts = parts;
  }

  /** Every record, by URI; damaged ones are left out, where they are looked at. */
  async *list(signal?: AbortSignal): AsyncIterable<PackRecord> {
    const { records } = this.#parts;
    const known = new Map(this.#read().shelves.map((one) => [one.shelf, one]));
    const pinned = records.pinned();
    const shelves: KnownShelf[] = [];
    const nowMs = Date.now();
    let listed = 0;
    let sliceEnds = performance.now() + SLICE_MS;
    for (let shelf = 0; shelf < SHELF_COUNT; shelf++) {
      // First when it was changed, then what is in it: what comes in between is seen the next time.
      const seenMs = records.changedMs(shelf);
      if (seenMs === 0) continue;
      const found = known.get(shelf);
      let here: readonly PackRecord[];
      if (found !== undefined && found.seenMs === seenMs) {
        here = JSON.parse(found.json.toString()) as readonly PackRecord[];
        shelves.push(found);
      } else {
        here = records.readShelf(shelf, pinned);
        // A disk that keeps no such time, or is ahead of this clock, never says that nothing has changed.
        if (seenMs > 0 && seenMs < nowMs - SETTLED_MS) {
          shelves.push(knownShelf(shelf, seenMs, here));
          listed += 1;
        }
      }
      for (const record of here) {
        signal?.throwIfAborted();
        const isPinned = pinned.has(record.uri);
        yield isPinned === record.pinned ? record : { ...record, pinned: isPinned };
      }
      if (performance.now() < sliceEnds) continue;
      await turn();
      sliceEnds = performance.now() + SLICE_MS;
    }
    signal?.throwIfAborted();
    if (listed > MOST_LISTED) await this.#write(shelves, signal);
  }

  /** What `list` says of each pack, in short: of the file, a quarter is read. */
  async briefs(signal?: AbortSignal): Promise<PackBrief[]> {
    const { records } = this.#parts;
    const packs: PackBrief[] = [];
    const known = new Map(this.#readBriefs().map((one) => [one.shelf, one]));
    const shelves: [shelf: number, found: BriefShelf | undefined][] = [];
    let changed = 0;
    for (let shelf = 0; shelf < SHELF_COUNT; shelf++) {
      const seenMs = records.changedMs(shelf);
      if (seenMs === 0) continue;
      const found = known.get(shelf);
      const isKnown = found?.seenMs === seenMs;
      if (!isKnown) changed += 1;
      shelves.push([shelf, isKnown ? found : undefined]);
    }
    if (changed > MOST_LISTED) {
      // So that the list is written again, if what changed has settled.
      for await (const record of this.list(signal)) packs.push(briefOf(record));
      return packs;
    }
    const pinned = records.pinned();
    let sliceEnds = performance.now() + SLICE_MS;
    for (const [shelf, found] of shelves) {
      signal?.throwIfAborted();
      const here: readonly PackBrief[] =
        found === undefined
          ? records.readShelf(shelf, pinned).map(briefOf)
          : (JSON.parse(found.brief.toString()) as readonly PackBrief[]);
      for (const brief of here) {
        const isPinned = pinned.has(brief.uri);
        packs.push(isPinned === brief.pinned ? brief : { ...brief, pinned: isPinned });
      }
      if (performance.now() < sliceEnds) continue;
      await turn();
      sliceEnds = performance.now() + SLICE_MS;
    }
    signal?.throwIfAborted();
    return packs;
  }

  /** Forgets the list: what it says of packs that are gone should not stay. */
  forget(): void {
    clear(this.#parts.places.knownRecords);
  }

  #read(): RecordsList {
    try {
      const file = unlessMissing(() => readFileSync(this.#parts.places.knownRecords));
      return (file && RecordsList.parse(file)) ?? RecordsList.empty();
    } catch (error) {
      if (!isOfDisk(error)) throw error;
      return RecordsList.empty();
    }
  }

  #readBriefs(): readonly BriefShelf[] {
    try {
      const start = unlessMissing(() => readHead(this.#parts.places.knownRecords));
      return (start && RecordsList.parseBriefs(start)) ?? [];
    } catch (error) {
      if (!isOfDisk(error)) throw error;
      return [];
    }
  }

  async #write(shelves: readonly KnownShelf[], signal: AbortSignal | undefined): Promise<void> {
    const { workspace, places } = this.#parts;
    if (workspace.readOnly) return;
    let temporary: string | undefined;
    try {
      // What others left is much at times, and is cleared with the first path.
      await workspace.reap(signal);
      temporary = workspace.path();
      const fd = openSync(temporary, "wx", 0o600);
      try {
        for (const piece of RecordsList.format(shelves)) writeFully(fd, piece);
      } finally {
        closeSync(fd);
      }
      rename(temporary, places.knownRecords);
    } catch (error) {
      if (temporary !== undefined) clear(temporary);
      if (!isOfDisk(error)) throw error;
    }
  }
}

/** The beginning of a list's file, with the briefs. */
function readHead(path: string): Buffer {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    const line = Buffer.allocUnsafe(Math.min(size, FIRST_LINE));
    readFully(fd, line, 0);
    const head = RecordsList.headLength(line);
    const length = head === undefined ? 0 : Math.min(size, line.indexOf("\n") + 1 + head);
    const start = Buffer.allocUnsafe(length);
    return start.subarray(0, readFully(fd, start, 0));
  } finally {
    closeSync(fd);
  }
}
