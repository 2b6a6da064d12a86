import { DigestLines } from "./lines.ts";
import { BUFFER_BYTES, type FileToRead, readDigest, readSmallDigest } from "./read.ts";
import { AHEAD_BYTES, type ReadAheadOptions, readDigestAhead } from "./read-ahead.ts";
import { type FileTable, join, sizeAt, stateAt } from "./table.ts";
import type { Units } from "./units.ts";

/** Places in `control`. */
const NEXT = 0;
const STOPPED = 1;
/** One more than the unit in which a thread failed; 0 when none did. */
const FAILED = 2;

/** What threads share of one job; goes to each thread in one message. */
export interface SharedJob {
  readonly root: string;
  readonly named: string;
  readonly spelled: ReadonlyMap<number, string>;
  readonly lines: SharedArrayBuffer;
  readonly lineStarts: SharedArrayBuffer;
  readonly states: SharedArrayBuffer;
  readonly rows: SharedArrayBuffer;
  readonly units: SharedArrayBuffer;
  /** One byte a unit: 1 when all its digests are written. */
  readonly done: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  /** One 64-bit number: bytes hashed by all threads. */
  readonly bytes: SharedArrayBuffer;
}

/** The files of a tree that must be read, hashed by as many threads as take part. */
export class HashJob {
  readonly shared: SharedJob;
  readonly #lines: DigestLines;
  readonly #states: BigInt64Array<SharedArrayBuffer>;
  readonly #rows: Uint32Array;
  readonly #units: Uint32Array;
  readonly #done: Uint8Array<SharedArrayBuffer>;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #bytes: BigInt64Array<SharedArrayBuffer>;
  #buffer: Buffer | undefined;

  constructor(shared: SharedJob) {
    this.shared = shared;
    this.#lines = new DigestLines(shared.lines, shared.lineStarts);
    this.#states = new BigInt64Array(shared.states);
    this.#rows = new Uint32Array(shared.rows);
    this.#units = new Uint32Array(shared.units);
    this.#done = new Uint8Array(shared.done);
    this.#control = new Int32Array(shared.control);
    this.#bytes = new BigInt64Array(shared.bytes);
  }

  static of(table: FileTable, lines: DigestLines, units: Units): HashJob {
    return new HashJob({
      root: table.root,
      named: table.named,
      spelled: table.spelled,
      lines: lines.buffer.buffer,
      lineStarts: lines.starts.buffer,
      states: table.states.buffer,
      rows: units.rows.buffer,
      units: units.starts.buffer,
      done: new SharedArrayBuffer(units.starts.length - 1),
      control: new SharedArrayBuffer(3 * 4),
      bytes: new SharedArrayBuffer(8),
    });
  }

  /** Bytes hashed so far, by all threads. */
  get bytes(): number {
    return Number(Atomics.load(this.#bytes, 0));
  }

  /** Whether every unit was begun by some thread. */
  get isClaimed(): boolean {
    return Atomics.load(this.#control, NEXT) >= this.#done.length;
  }

  /** Whether a thread has met something that it could not hash. */
  get hasFailed(): boolean {
    return Atomics.load(this.#control, FAILED) > 0;
  }

  /** Whether every unit is hashed. */
  get isDone(): boolean {
    return this.#done.every((_, unit) => Atomics.load(this.#done, unit) === 1);
  }

  /** Makes every thread stop after its current step. */
  stop(): void {
    Atomics.store(this.#control, STOPPED, 1);
  }

  /**
   * Claims and hashes units until none is left or the job is stopped; yields between steps, and for a large file a
   * promise that is to be waited for, if it is to be read `ahead`: worth it where a core has nothing else to do.
   */
  *work(ahead: ReadAheadOptions | undefined): Generator<Promise<void> | undefined, void, void> {
    while (!this.#stopped) {
      const unit = Atomics.add(this.#control, NEXT, 1);
      if (unit >= this.#done.length) return;
      const row = this.#rows[this.#units[unit] ?? 0] ?? 0;
      if (ahead && sizeAt(this.#states, row) >= AHEAD_BYTES) {
        yield this.#hashAhead(unit, row, ahead);
      } else yield* this.#hashUnit(unit);
    }
  }

  /** `work` for a thread of its own. A failure is only noted: `finish` meets it again and reports it. */
  workAlone(): void {
    let unit = 0;
    try {
      while (!this.#stopped) {
        unit = Atomics.add(this.#control, NEXT, 1);
        if (unit >= this.#done.length) return;
        for (const _ of this.#hashUnit(unit)) if (this.#stopped) return;
      }
    } catch {
      Atomics.compareExchange(this.#control, FAILED, 0, unit + 1);
      this.stop();
    }
  }

  /** Hashes what no thread completed, first what failed; for when no other thread is at work. */
  *finish(): Generator<undefined, void, void> {
    const failed = Atomics.load(this.#control, FAILED);
    if (failed > 0) yield* this.#hashUnit(failed - 1);
    for (let unit = 0; unit < this.#done.length; unit++) {
      if (Atomics.load(this.#done, unit) === 0) yield* this.#hashUnit(unit);
    }
  }

  get #stopped(): boolean {
    return Atomics.load(this.#control, STOPPED) !== 0;
  }

  *#hashUnit(unit: number): Generator<undefined, void, void> {
    const end = this.#units[unit + 1] ?? 0;
    for (let i = this.#units[unit] ?? 0; i < end; i++) {
      const row = this.#rows[i] ?? 0;
      const size = sizeAt(this.#states, row);
      this.#buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES);
      if (size < BUFFER_BYTES) {
        this.#lines.setDigest(row, readSmallDigest(this.#file(row), this.#buffer));
        Atomics.add(this.#bytes, 0, BigInt(size));
        yield;
        continue;
      }
      let counted = 0;
      const steps = readDigest(this.#file(row), this.#buffer);
      try {
        for (let step = steps.next(); ; step = steps.next()) {
          if (step.done === true) {
            this.#lines.setDigest(row, step.value);
            break;
          }
          counted += step.value;
          Atomics.add(this.#bytes, 0, BigInt(step.value));
          yield;
        }
      } finally {
        steps.return("");
      }
      Atomics.add(this.#bytes, 0, BigInt(size - counted));
      yield;
    }
    Atomics.store(this.#done, unit, 1);
  }

  /** A unit that is one large file. */
  async #hashAhead(unit: number, row: number, options: ReadAheadOptions): Promise<void> {
    const hex = await readDigestAhead(this.#file(row), {
      signal: options.signal,
      onBytes: (bytes) => {
        Atomics.add(this.#bytes, 0, BigInt(bytes));
        options.onBytes(bytes);
      },
    });
    this.#lines.setDigest(row, hex);
    Atomics.store(this.#done, unit, 1);
  }

  #file(row: number): FileToRead {
    const path = this.#lines.path(row);
    return {
      path: join(this.shared.root, this.shared.spelled.get(row) ?? path),
      shown: join(this.shared.named, path),
      state: stateAt(this.#states, row),
    };
  }
}
