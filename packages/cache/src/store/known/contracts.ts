import { writeFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import {
  CtxPackError,
  type CtxUri,
  parseResolvedContract,
  type ResolvedContract,
  uriDigest,
} from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { LIMITS } from "../../pack/index.ts";
import { clear } from "../clear.ts";
import { systemCode } from "../disk.ts";
import type { Parts } from "../parts.ts";
import type { PackRecord } from "../record.ts";
import { closest } from "./closest.ts";
import { fingerprint, type KnownRow, type Labels } from "./row.ts";
import { MOST_LISTED, SETTLED_MS, SHELF_COUNT, SLICE_MS } from "./shelves.ts";
import { appendRow, KnownTable } from "./table.ts";

/** A contract something is sought for. */
export interface Sought {
  readonly uri: CtxUri;
  readonly contract: ResolvedContract;
  readonly labels: Labels;
  /** Only one of its name, with one of its outputs, or with a tool in the same place of its transforms. */
  readonly onlyAlike?: boolean | undefined;
}

/** A contract whose pack is in the store. */
export interface NearContract {
  readonly record: PackRecord;
  readonly contract: ResolvedContract;
  /** It has the name, or an output, of the one it is near to. */
  readonly related: boolean;
}

/** What is known of all contracts whose packs are here. */
interface Reconciled {
  readonly table: KnownTable;
  /** Its rows of contracts whose packs are here. */
  readonly rows: Uint32Array;
  /** When each shelf was changed last, Unix time in ms; 0 where that is too new to be sure of it. */
  readonly seenMs: Float64Array;
  /** The file says it all. */
  readonly isInFile: boolean;
  /** Shelves that had to be listed, and need not be once the file is written again. */
  readonly listed: number;
}

/**
 * The contracts of all packs in the store, so that the one nearest to another is found without reading each. Its file
 * only saves reading: which packs there are, the records say, and what the file lacks is read from blobs. So it may
 * be lost, torn or written by many processes, and is right when it is asked.
 */
export class KnownContracts {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Notes the contract of a pack that has come. One that cannot be noted is read when it is asked for. */
  note(record: PackRecord): void {
    try {
      const row = this.#learn(record);
      if (row !== undefined) appendRow(this.#parts.places.known, row);
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
  }

  /** The contract that differs from another in the fewest members; those of the same name or output come first. */
  async nearest(sought: Sought, signal?: AbortSignal): Promise<NearContract | undefined> {
    const found = await this.#reconcile(signal);
    const { table, rows } = found;
    // Half of it may be of packs that are gone; then it is written again without them.
    const isLong = table.written > 2 * rows.length + 64;
    const isOld = isLong || table.isScattered || found.listed > MOST_LISTED;
    if (!found.isInFile || isOld) this.#write(found);
    for (const { uri, related } of closest(table, rows, sought)) {
      const record = this.#parts.records.get(uri);
      const contract = this.#read(uri);
      if (record !== undefined && contract !== undefined) return { record, contract, related };
    }
    return undefined;
  }

  /** Leaves out of the file what is not in the store any more. */
  async tidy(signal?: AbortSignal): Promise<void> {
    const found = await this.#reconcile(signal);
    if (!found.isInFile || found.rows.length < found.table.written) this.#write(found);
  }

  /** Looks which packs there are, and reads the contracts of those that the file lacks. */
  async #reconcile(signal: AbortSignal | undefined): Promise<Reconciled> {
    const table = this.#table();
    const rows = new Uint32Array(table.written);
    let count = 0;
    const learnt: KnownRow[] = [];
    const seenMs = new Float64Array(SHELF_COUNT);
    const settledMs = Date.now() - SETTLED_MS;
    let listed = 0;
    let sliceEnds = performance.now() + SLICE_MS;
    for (let shelf = 0; shelf < SHELF_COUNT; shelf++) {
      // First when it was changed, then what is in it: what comes in between is seen the next time.
      const changedMs = this.#parts.records.changedMs(shelf);
      if (changedMs === 0) continue;
      if (changedMs < settledMs) seenMs[shelf] = changedMs;
      const known = table.shelf(shelf, changedMs);
      if (known !== undefined) {
        rows.set(known, count);
        count += known.length;
        continue;
      }
      if (seenMs[shelf] !== 0) listed += 1;
      for (const uri of this.#parts.records.onShelf(shelf)) {
        const at = table.find(uri);
        const record = at === undefined ? this.#parts.records.get(uri) : undefined;
        const row = record && this.#learn(record);
        if (at !== undefined) rows[count++] = at;
        if (row !== undefined) learnt.push(row);
        if (performance.now() < sliceEnds) continue;
        await turn();
        signal?.throwIfAborted();
        sliceEnds = performance.now() + SLICE_MS;
      }
    }
    const isInFile = table.damage === undefined && learnt.length === 0;
    const here = rows.subarray(0, count);
    if (learnt.length === 0) return { table, rows: here, seenMs, isInFile, listed };
    const whole = table.with(here, learnt, seenMs);
    return { table: whole, rows: whole.rows(), seenMs, isInFile, listed };
  }

  #table(): KnownTable {
    try {
      return KnownTable.read(this.#parts.places.known);
    } catch (error) {
      if (!isExpected(error)) throw error;
      return KnownTable.empty();
    }
  }

  #write({ table, rows, seenMs }: Reconciled): void {
    const { workspace, places } = this.#parts;
    if (workspace.readOnly) return;
    let temporary: string | undefined;
    try {
      temporary = workspace.path();
      writeFileSync(temporary, table.with(rows, [], seenMs).bytes, { mode: 0o600 });
      // What somebody appends meanwhile is lost, and read again from its blob.
      rename(temporary, places.known);
    } catch (error) {
      if (temporary !== undefined) clear(temporary);
      if (!isExpected(error)) throw error;
    }
  }

  #learn(record: PackRecord): KnownRow | undefined {
    const { uri, name, outputs, createdAt, kind } = record;
    if (kind === "trace") return undefined;
    const contract = this.#read(uri);
    if (contract === undefined) return undefined;
    const madeMs = Date.parse(createdAt) || 0;
    return { uri, madeMs, labels: { name, outputs }, members: fingerprint(contract) };
  }

  /** The contract of a pack; `undefined` when its blob is not here or not whole, which is for `fsck` to name. */
  #read(uri: CtxUri): ResolvedContract | undefined {
    try {
      const bytes = this.#parts.blobs.readSound(uriDigest(uri), LIMITS.config);
      return bytes === undefined ? undefined : parseResolvedContract(bytes);
    } catch (error) {
      if (!isExpected(error)) throw error;
      return undefined;
    }
  }
}

/** What the disk refuses, and what is no contract: neither is worth failing for. */
function isExpected(error: unknown): boolean {
  return systemCode(error) !== undefined || CtxPackError.isInstance(error);
}
