import { readFileSync, writeFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { rename } from "@ctxpack/oci";
import { clear } from "../clear.ts";
import { isOfDisk, unlessMissing } from "../disk.ts";
import type { Parts } from "../parts.ts";
import type { PackRecord } from "../record.ts";
import { type KnownShelf, RecordsList } from "./records-list.ts";
import { MOST_LISTED, SETTLED_MS, SHELF_COUNT, SLICE_MS } from "./shelves.ts";

/**
 * The records of all packs in one file, so that a store is listed without opening each. A shelf's own time says
 * whether it is as it was: records come, go and are used with a change of that time. So the file may be lost or torn;
 * and whoever decides what is kept or handed out reads the records themselves.
 */
export class KnownRecords {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Every record, by URI; damaged ones are left out. */
  async *list(signal?: AbortSignal): AsyncIterable<PackRecord> {
    signal?.throwIfAborted();
    const { records } = this.#parts;
    const known = this.#read();
    const pinned = records.pinned();
    const shelves: KnownShelf[] = [];
    const settledMs = Date.now() - SETTLED_MS;
    let listed = 0;
    let sliceEnds = performance.now() + SLICE_MS;
    for (let shelf = 0; shelf < SHELF_COUNT; shelf++) {
      // First when it was changed, then what is in it: what comes in between is seen the next time.
      const changedMs = records.changedMs(shelf);
      if (changedMs === 0) continue;
      let found = known.on(shelf, changedMs);
      if (found === undefined) {
        const seenMs = changedMs < settledMs ? changedMs : 0;
        if (seenMs !== 0) listed += 1;
        found = { shelf, seenMs, records: records.readShelf(shelf, pinned) };
      }
      shelves.push(found);
      for (const record of found.records) {
        const isPinned = pinned.has(record.uri);
        yield isPinned === record.pinned ? record : { ...record, pinned: isPinned };
      }
      if (performance.now() < sliceEnds) continue;
      await turn();
      signal?.throwIfAborted();
      sliceEnds = performance.now() + SLICE_MS;
    }
    if (listed > MOST_LISTED) this.#write(shelves);
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

  #write(shelves: readonly KnownShelf[]): void {
    const { workspace, places } = this.#parts;
    if (workspace.readOnly) return;
    let temporary: string | undefined;
    try {
      temporary = workspace.path();
      writeFileSync(temporary, RecordsList.format(shelves), { mode: 0o600 });
      rename(temporary, places.knownRecords);
    } catch (error) {
      if (temporary !== undefined) clear(temporary);
      if (!isOfDisk(error)) throw error;
    }
  }
}
