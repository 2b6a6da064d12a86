import { type StateColumn, sizeAt } from "./table.ts";

/** Bytes of work that are claimed at once: enough that claiming costs nothing, few enough to share. */
export const UNIT_BYTES: number = 8 * 1024 * 1024;

/** What opening, checking and closing a file costs, in bytes hashed in the same time (10 µs). */
export const FILE_COST: number = 16 * 1024;

/** Work split into units that threads claim one by one, the largest first. */
export interface Units {
  /** Rows of the table in the order of work. */
  readonly rows: Uint32Array<SharedArrayBuffer>;
  /** Where each unit begins in `rows` and, last, where the last one ends. */
  readonly starts: Uint32Array<SharedArrayBuffer>;
  /** All work, in bytes hashed in the same time. */
  readonly cost: number;
}

/** Splits the rows to read: a large file is a unit, small ones share one in the order of their paths. */
export function splitUnits(pending: Uint32Array, states: StateColumn): Units {
  const large = pending.filter((row) => sizeAt(states, row) >= UNIT_BYTES);
  large.sort((a, b) => sizeAt(states, b) - sizeAt(states, a));
  const rows = new Uint32Array(new SharedArrayBuffer(pending.length * 4));
  rows.set(large);
  const starts = [...large.keys()];
  let cost = 0;
  for (const row of large) cost += sizeAt(states, row) + FILE_COST;
  let at = large.length;
  let room = 0;
  for (const row of pending) {
    const size = sizeAt(states, row);
    if (size >= UNIT_BYTES) continue;
    if (room < size + FILE_COST) {
      starts.push(at);
      room = UNIT_BYTES;
    }
    room -= size + FILE_COST;
    cost += size + FILE_COST;
    rows[at++] = row;
  }
  starts.push(at);
  const shared = new Uint32Array(new SharedArrayBuffer(starts.length * 4));
  shared.set(starts);
  return { rows, starts: shared, cost };
}
