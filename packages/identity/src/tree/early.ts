import { availableParallelism } from "node:os";
import { HashJob } from "./job.ts";
import { DigestLines, HEX_DIGITS, STEP_ROWS } from "./lines.ts";
import type { FileTable } from "./table.ts";
import { FILE_COST, splitUnits, UNIT_BYTES } from "./units.ts";
import type { Threads } from "./workers.ts";

/**
 * Work for each of which a thread starts while a folder is still being listed, in bytes hashed in the same time: less
 * than is worth one when all is known, for as much is listed until the thread is there.
 */
const WORTH_STARTING = 64 * 1024 * 1024;

/** Parts that are not hashed: one that takes long must not make all after it wait in memory. */
const MOST_PARTS = 64;

/** A part of a tree that threads hash while the rest of it is being listed. */
interface Part {
  readonly files: number;
  readonly lines: DigestLines;
  readonly job: HashJob;
}

/**
 * Hands parts of a tree to threads while the calling one lists the rest of it. Only what threads can begin at once:
 * what is left is split better when all is known, the largest file first.
 */
export class EarlyParts {
  readonly #table: FileTable;
  readonly #threads: Threads;
  /** Those that are not known to be hashed, in order. */
  readonly #parts: Part[] = [];
  /** The digests of the rows of all earlier ones, which need more memory. */
  #digests: Buffer = Buffer.alloc(1024 * HEX_DIGITS);
  #digestsEnd = 0;
  /** Rows before which a part may end. */
  readonly #ends: number[] = [];
  #end = 0;
  /** Work of all rows before the last place in `#ends`, in bytes hashed in the same time. */
  #cost = 0;

  constructor(table: FileTable, threads: Threads) {
    this.#table = table;
    this.#threads = threads;
  }

  /** The first row that is in no part. */
  get end(): number {
    return this.#end;
  }

  /** Whether a thread could not read something: `finish` says what. */
  get hasFailed(): boolean {
    return this.#parts.some(({ job }) => job.hasFailed);
  }

  /** Looks at what the table has got since the last call. */
  look(): void {
    const cost = this.#table.bytes + this.#table.count * FILE_COST;
    if (cost - this.#cost < UNIT_BYTES || availableParallelism() < 2) return;
    this.#ends.push(this.#table.count);
    this.#cost = cost;
    // The last one is left for the calling thread: of one large file it reads ahead.
    while (this.#ends.length > 1 && cost >= WORTH_STARTING) {
      this.#threads.want(Math.floor(cost / WORTH_STARTING));
      this.#collect();
      if (this.#threads.waiting > this.#threads.count || this.#parts.length >= MOST_PARTS) return;
      this.#handOver(this.#ends.shift() ?? 0);
    }
  }

  /** Takes what no thread has begun; for who has nothing else to do. */
  *work(): Generator<unknown, void, void> {
    for (const { job } of this.#parts) yield* job.work(undefined);
  }

  /** Hashes what threads left undone, when they have ended, and puts the digests into the lines of the table. */
  *finish(lines: DigestLines): Generator<undefined, void, void> {
    for (const { job } of this.#parts) yield* job.finish();
    this.#collect();
    for (let row = 0; row < this.#end; row++) {
      const at = row * HEX_DIGITS;
      lines.digestBytes(row).set(this.#digests.subarray(at, at + HEX_DIGITS));
      if (row % STEP_ROWS === 0) yield;
    }
  }

  /** Keeps the digests of the parts that are hashed, and nothing else of them. */
  #collect(): void {
    for (let [part] = this.#parts; part?.job.isDone; [part] = this.#parts) {
      const end = this.#digestsEnd + part.files * HEX_DIGITS;
      if (end > this.#digests.length) this.#digests = Buffer.concat([this.#digests], 2 * end);
      for (let row = 0; row < part.files; row++) {
        this.#digests.set(part.lines.digestBytes(row), this.#digestsEnd + row * HEX_DIGITS);
      }
      this.#digestsEnd = end;
      this.#parts.shift();
    }
  }

  #handOver(end: number): void {
    const table = this.#table.slice(this.#end, end);
    const lines = DigestLines.ofFew(table);
    const rows = Uint32Array.from({ length: table.count }, (_, row) => row);
    const job = HashJob.of(table, lines, splitUnits(rows, table.states));
    this.#parts.push({ files: table.count, lines, job });
    this.#threads.give(job);
    this.#end = end;
  }
}
