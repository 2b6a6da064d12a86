import { renameSync, writeFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import {
  CtxPackError,
  type CtxUri,
  parseResolvedContract,
  type ResolvedContract,
  uriDigest,
} from "@ctxpack/identity";
import { LIMITS } from "../../pack/index.ts";
import { clear } from "../clear.ts";
import { systemCode } from "../disk.ts";
import type { Parts } from "../parts.ts";
import type { PackRecord } from "../record.ts";
import { RECORD } from "../records.ts";
import { closest } from "./closest.ts";
import { fingerprint, type KnownRow, type Labels } from "./row.ts";
import { appendRow, KnownTable } from "./table.ts";

/** The event loop gets a turn at least this often, in milliseconds. */
const SLICE_MS = 10;

/** A contract something is sought for. */
export interface Sought {
  readonly uri: CtxUri;
  readonly contract: ResolvedContract;
  readonly labels: Labels;
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
  readonly rows: readonly number[];
  /** The file says it all. */
  readonly isInFile: boolean;
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
    const { table, rows, isInFile } = await this.#reconcile(signal);
    // Half of it may be of packs that are gone; then it is written again without them.
    const isLong = table.written > 2 * rows.length + 64;
    if (!isInFile || isLong || table.isScattered) this.#write(table, rows);
    for (const { uri, related } of closest(table, rows, sought)) {
      const record = this.#parts.records.get(uri);
      const contract = this.#read(uri);
      if (record !== undefined && contract !== undefined) return { record, contract, related };
    }
    return undefined;
  }

  /** Leaves out of the file what is not in the store any more. */
  async tidy(signal?: AbortSignal): Promise<void> {
    const { table, rows, isInFile } = await this.#reconcile(signal);
    if (!isInFile || rows.length < table.written) this.#write(table, rows);
  }

  /** Looks which packs there are, and reads the contracts of those that the file lacks. */
  async #reconcile(signal: AbortSignal | undefined): Promise<Reconciled> {
    const table = this.#table();
    const rows: number[] = [];
    const learnt: KnownRow[] = [];
    let sliceEnds = performance.now() + SLICE_MS;
    for (const name of this.#parts.records.names()) {
      const at = table.find(name);
      if (at !== undefined) {
        rows.push(at);
        continue;
      }
      if (!RECORD.test(name)) continue;
      const record = this.#parts.records.get(`ctx://sha256:${name.slice(0, 64)}`);
      const row = record && this.#learn(record);
      if (row !== undefined) learnt.push(row);
      if (performance.now() < sliceEnds) continue;
      await turn();
      signal?.throwIfAborted();
      sliceEnds = performance.now() + SLICE_MS;
    }
    if (learnt.length === 0) return { table, rows, isInFile: table.damage === undefined };
    const whole = table.with(rows, learnt);
    return { table: whole, rows: whole.rows(), isInFile: false };
  }

  #table(): KnownTable {
    try {
      return KnownTable.read(this.#parts.places.known);
    } catch (error) {
      if (!isExpected(error)) throw error;
      return KnownTable.empty();
    }
  }

  #write(table: KnownTable, rows: readonly number[]): void {
    const { workspace, places } = this.#parts;
    if (workspace.readOnly) return;
    let temporary: string | undefined;
    try {
      temporary = workspace.path();
      writeFileSync(temporary, table.with(rows, []).bytes, { mode: 0o600 });
      // What somebody appends meanwhile is lost, and read again from its blob.
      renameSync(temporary, places.known);
    } catch (error) {
      if (temporary !== undefined) clear(temporary);
      if (!isExpected(error)) throw error;
    }
  }

  #learn(record: PackRecord): KnownRow | undefined {
    const { uri, name, outputs, createdAt } = record;
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
