import type { BigIntStats } from "node:fs";
import type { FileState } from "./digests.ts";

/** 64-bit numbers kept of each file: ino, size, mtimeNs, ctimeNs, mode. */
const FIELDS = 5;

/** The shared columns of a table: what a thread needs to check that a file is still the one listed. */
export type StateColumn = BigInt64Array<SharedArrayBuffer>;

/**
 * The files of one walk, in bytewise order of their paths: one string and five numbers each, however
 * many there are. The numbers lie in shared memory, where hashing threads read them.
 */
export class FileTable {
  /** The resolved root, without a trailing slash unless it is the file system's root. */
  readonly root: string;
  /** The root as the caller named it, for messages. */
  readonly named: string;
  /** Paths relative to the root, with `/`, in NFC. */
  readonly paths: string[] = [];
  /** The sum of all sizes. */
  bytes = 0;
  /** Row → relative path as the file system spells it, where NFC changed it. */
  readonly spelled: Map<number, string> = new Map();
  #states: StateColumn = column(1024);

  constructor(root: string, named: string) {
    this.root = root;
    this.named = named;
  }

  get count(): number {
    return this.paths.length;
  }

  get states(): StateColumn {
    return this.#states;
  }

  add(path: string, spelled: string, stats: BigIntStats): void {
    const row = this.paths.length;
    if (this.#states.length < (row + 1) * FIELDS) {
      const grown = column(row * 2);
      grown.set(this.#states);
      this.#states = grown;
    }
    if (spelled !== path) this.spelled.set(row, spelled);
    this.paths.push(path);
    this.bytes += Number(stats.size);
    const at = row * FIELDS;
    // A 64-bit inode number beyond 2^63 wraps here and is unwrapped in `stateAt`.
    this.#states[at] = stats.ino;
    this.#states[at + 1] = stats.size;
    this.#states[at + 2] = stats.mtimeNs;
    this.#states[at + 3] = stats.ctimeNs;
    this.#states[at + 4] = stats.mode;
  }

  /** A copy of some rows, from `from` to before `end`. */
  slice(from: number, end: number): FileTable {
    const part = new FileTable(this.root, this.named);
    part.paths.push(...this.paths.slice(from, end));
    part.#states = column(end - from);
    part.#states.set(this.#states.subarray(from * FIELDS, end * FIELDS));
    for (let row = 0; row < part.count; row++) {
      const spelled = this.spelled.get(from + row);
      if (spelled !== undefined) part.spelled.set(row, spelled);
      part.bytes += sizeAt(part.#states, row);
    }
    return part;
  }

  /** The absolute path to open. */
  openPath(row: number): string {
    return join(this.root, this.spelled.get(row) ?? this.paths[row] ?? "");
  }

  state(row: number): FileState {
    return stateAt(this.#states, row);
  }
}

/** The state of the file in one row of a column. */
export function stateAt(states: StateColumn, row: number): FileState {
  const at = row * FIELDS;
  return {
    ino: BigInt.asUintN(64, states[at] ?? 0n),
    size: states[at + 1] ?? 0n,
    mtimeNs: states[at + 2] ?? 0n,
    ctimeNs: states[at + 3] ?? 0n,
    mode: states[at + 4] ?? 0n,
  };
}

/** The states of all files of a table as they lie in memory. */
export function stateBytes(table: FileTable): Uint8Array {
  return new Uint8Array(
    table.states.buffer,
    0,
    table.count * FIELDS * table.states.BYTES_PER_ELEMENT,
  );
}

/** The size in bytes of the file in one row of a column. */
export function sizeAt(states: StateColumn, row: number): number {
  return Number(states[row * FIELDS + 1] ?? 0n);
}

/** Puts a relative path with `/` below a root; Node takes `/` on every platform. */
export function join(root: string, path: string): string {
  if (path === "") return root;
  return root.endsWith("/") ? root + path : `${root}/${path}`;
}

function column(rows: number): StateColumn {
  return new BigInt64Array(new SharedArrayBuffer(rows * FIELDS * BigInt64Array.BYTES_PER_ELEMENT));
}
