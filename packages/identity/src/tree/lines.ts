import type { FileTable } from "./table.ts";

/** Of a SHA-256. */
export const HEX_DIGITS = 64;

/** Hex digits and two spaces before each path. */
const HEAD: number = HEX_DIGITS + 2;

/** Rows that pass without looking at the clock: a fraction of a millisecond. */
export const STEP_ROWS = 64;

/**
 * The `dirHash1` lines of a table, laid out before any digest is known: the paths stand where they
 * belong and each digest is written into its place, from any thread.
 */
export class DigestLines {
  readonly buffer: Buffer<SharedArrayBuffer>;
  /** Offset of each line and, last, the length of all. */
  readonly starts: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer, starts: SharedArrayBuffer) {
    this.buffer = Buffer.from(buffer);
    this.starts = new Float64Array(starts);
  }

  /** Lays out the lines of a table; yields now and then, for there may be millions. */
  static *of(table: FileTable): Generator<undefined, DigestLines, void> {
    const starts = new Float64Array(new SharedArrayBuffer((table.count + 1) * 8));
    let length = 0;
    for (const [row, path] of table.paths.entries()) {
      starts[row] = length;
      length += HEAD + Buffer.byteLength(path) + 1;
      if (row % STEP_ROWS === 0) yield;
    }
    starts[table.count] = length;
    const lines = new DigestLines(new SharedArrayBuffer(length), starts.buffer);
    for (const [row, path] of table.paths.entries()) {
      lines.#writePath(row, path);
      if (row % STEP_ROWS === 0) yield;
    }
    return lines;
  }

  /** `of` where a part of a slice is time enough. */
  static ofFew(table: FileTable): DigestLines {
    const steps = DigestLines.of(table);
    for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
  }

  setDigest(row: number, hex: string): void {
    this.buffer.write(hex, this.#start(row), HEX_DIGITS, "latin1");
  }

  digest(row: number): string {
    return this.buffer.toString("latin1", this.#start(row), this.#start(row) + HEX_DIGITS);
  }

  /** Where the hex digits of a row lie. */
  digestBytes(row: number): Buffer {
    return this.buffer.subarray(this.#start(row), this.#start(row) + HEX_DIGITS);
  }

  path(row: number): string {
    return this.buffer.toString("utf8", this.#start(row) + HEAD, this.#start(row + 1) - 1);
  }

  #writePath(row: number, path: string): void {
    const start = this.#start(row);
    this.buffer.write("  ", start + HEX_DIGITS, 2, "latin1");
    this.buffer.write(path, start + HEAD, "utf8");
    this.buffer[this.#start(row + 1) - 1] = 0x0a;
  }

  #start(row: number): number {
    return this.starts[row] ?? 0;
  }
}
