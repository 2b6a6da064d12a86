import type { StoredBlob } from "../blobs.ts";
import type { Parts } from "../parts.ts";
import { release } from "../release.ts";
import { errorOf, type Fault } from "./fault.ts";
import { helpersFor } from "./helpers.ts";
import { Room } from "./room.ts";
import { Thread } from "./thread.ts";

/** Segments that wait for one thread, the one it is at included: it never waits for the next. */
const QUEUE = 2;
/** A segment and the frame it becomes, which may be as long. */
const COST = 2;
/**
 * Memory that segments and their frames may take, in bytes: those of the largest packs are 32 MiB on average and twice
 * that at most, of which one is compressed while the next one is cut.
 */
const ROOM = 144 * 2 ** 20;
/** What each thread after the first adds to it. */
const MORE_ROOM = 96 * 2 ** 20;
/**
 * Memory of the buffers that the calling thread and one other use, in bytes: as many segments may wait as there is room
 * beside the one being cut and those that the thread has. What compresses badly keeps the caller busier than the
 * threads, which then work off what has waited since something compressed well.
 */
const BUFFERS = 88 * 2 ** 20;
/** The part of the content that may wait: memory that was not used before costs a tenth of what compressing it does. */
const WAITING_SHARE = 1 / 4;

/** What a thread is told when it starts. */
export interface FrameThreadData {
  /** The store's folder. */
  readonly store: string;
  /** How paths begin that are this thread's alone. */
  readonly prefix: string;
}

export interface FrameJob {
  readonly id: number;
  /** Handed over with the job. */
  readonly slot: ArrayBuffer;
  /** Bytes of the segment. */
  readonly length: number;
}

export interface FrameAnswer {
  /** 0: it has begun to listen. */
  readonly id: number;
  /** The segment has been read. */
  readonly isRead?: true;
  /** Its memory, to be used again. */
  readonly slot?: ArrayBuffer | undefined;
  readonly blob?: StoredBlob;
  readonly fault?: Fault;
}

interface Pending {
  readonly length: number;
  readonly resolve: (blob: StoredBlob) => void;
  readonly reject: (error: unknown) => void;
  isRead: boolean;
}

/** A segment that no thread has yet. */
interface Waiting {
  readonly raw: Uint8Array<ArrayBuffer>;
  readonly resolve: (blob: StoredBlob | Promise<StoredBlob>) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly thread: Thread<FrameJob, FrameAnswer>;
  readonly pending: Map<number, Pending>;
  /** Segments that it has not read yet. */
  unread: number;
  isLost: boolean;
  /** It listens: what is handed over to one whose file is not where it should be would be lost. */
  isReady: boolean;
}

/** What threads that make frames need. */
export interface FrameThreadsOptions {
  readonly count: number;
  readonly store: string;
  /** A path that is nobody else's. */
  readonly prefix: string;
}

/** A segment that was handed over went with the thread that had it: who reads it again can make its frame. */
export class ThreadLost extends Error {
  constructor() {
    super("a thread was lost while it was writing a segment");
  }
}

/**
 * Threads that compress segments and store them as blobs, and the memory in which segments are cut. They start with the
 * first segment that is offered: where nothing is new, none is.
 */
export class FrameThreads {
  readonly #options: FrameThreadsOptions;
  #members: readonly Member[] = [];
  readonly #memory: Room;
  readonly #waiting: Waiting[] = [];
  /** The buffer that was taken last and not handed over. */
  #taken: Buffer<ArrayBuffer> | undefined;
  readonly #spare: ArrayBuffer[] = [];
  #buffers = BUFFERS;
  #room = 0;
  #count = 0;
  #isEnding = false;

  /** As many as help with so many bytes of content; `undefined` when none does. */
  static of(parts: Parts, bytes: number): FrameThreads | undefined {
    const count = helpersFor(bytes, parts.blocking);
    if (count === 0) return undefined;
    const { places, workspace } = parts;
    return new FrameThreads({ count, store: places.dir, prefix: workspace.path() });
  }

  constructor(options: FrameThreadsOptions) {
    this.#options = options;
    this.#memory = new Room(ROOM + (options.count - 1) * MORE_ROOM);
  }

  /** Starts them before anything is offered. */
  start(): void {
    if (this.#members.length > 0 || this.#isEnding) return;
    const { count, store, prefix } = this.#options;
    this.#members = Array.from({ length: count }, (_, i) =>
      this.#startOne({ store, prefix: `${prefix}.${i}` }),
    );
  }

  /** Learns how much content there is, in bytes. */
  expect(bytes: number): void {
    this.#buffers = Math.min(BUFFERS, bytes * WAITING_SHARE);
  }

  /** A buffer of at least `room` bytes that no thread reads: the last one again if it was not handed over. */
  take(room: number): Buffer {
    if (room > this.#room) {
      this.#drop();
      this.#room = room;
    }
    this.#taken ??= Buffer.from(this.#spare.pop() ?? new ArrayBuffer(this.#room));
    return this.#taken;
  }

  /** Waits until a segment of `length` bytes can be made a frame without taking too much memory. */
  async until(length: number): Promise<void> {
    await this.#memory.until(length * COST);
  }

  /** Waits until one more segment can be cut, whose length nobody knows yet. */
  async untilNext(): Promise<void> {
    await this.#memory.until(this.#room);
  }

  /** Segments that wait for a thread. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Takes over a segment at the beginning of the buffer that was taken last, and the buffer. `undefined` when every
   * thread has enough to do and enough waits for them: the caller then does it.
   */
  offer(raw: Uint8Array): Promise<StoredBlob> | undefined {
    this.start();
    if (this.#taken === undefined || this.#taken.buffer !== raw.buffer) return undefined;
    const isWanted = this.#members.some(hasTime);
    const fits = (this.#waiting.length + 1 + QUEUE + 1) * this.#room <= this.#buffers;
    if (!isWanted && !(fits && this.#members.some(({ isReady }) => isReady))) return undefined;
    const { length } = raw;
    const bytes = new Uint8Array(this.#taken.buffer, 0, length);
    this.#taken = undefined;
    this.#memory.take(length * COST);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ raw: bytes, resolve, reject });
      this.#handOver();
    });
  }

  /** Takes a segment that waits from the threads: the caller makes its frame with `put`. False when none waits. */
  relieve(put: (raw: Uint8Array) => Promise<StoredBlob>): boolean {
    const next = this.#waiting.pop();
    if (next === undefined) return false;
    const { raw, resolve, reject } = next;
    try {
      resolve(put(raw));
    } catch (error) {
      reject(error);
    } finally {
      this.#memory.free(raw.length * COST);
      release(raw);
    }
    return true;
  }

  /** Loses what waits for a thread. */
  giveUp(): void {
    for (const { raw, reject } of this.#waiting.splice(0)) {
      this.#memory.free(raw.length * COST);
      release(raw);
      reject(new ThreadLost());
    }
  }

  /** Ends the threads; nothing may be under way. Whatever is offered afterwards is the caller's. */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (const member of this.#members) member.isReady = false;
    await Promise.all(this.#members.map(({ thread }) => thread.end()));
    this.#drop();
  }

  /** Gives what has waited longest to the threads that have time. */
  #handOver(): void {
    for (;;) {
      const [member] = this.#members.filter(hasTime).sort((a, b) => a.unread - b.unread);
      if (member === undefined) return;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const { raw, resolve, reject } = next;
      const { buffer: slot, length } = raw;
      member.unread += 1;
      const id = ++this.#count;
      member.pending.set(id, { length, resolve, reject, isRead: false });
      member.thread.post({ id, slot, length }, [slot]);
    }
  }

  #startOne(data: FrameThreadData): Member {
    const pending = new Map<number, Pending>();
    const thread = new Thread<FrameJob, FrameAnswer>("frames", data, {
      onMessage: (answer) => this.#hear(member, answer),
      onLost: () => this.#lose(member),
    });
    const member: Member = { thread, pending, unread: 0, isLost: false, isReady: false };
    return member;
  }

  #hear(member: Member, { id, isRead, slot, blob, fault }: FrameAnswer): void {
    if (id === 0 && !this.#isEnding) {
      member.isReady = true;
      this.#handOver();
    }
    const job = member.pending.get(id);
    if (job === undefined) return;
    if (slot !== undefined && slot.byteLength >= this.#room) this.#spare.push(slot);
    if (!job.isRead) {
      this.#memory.free(job.length * COST);
      member.unread -= 1;
      job.isRead = true;
      this.#handOver();
    }
    if (isRead) return;
    member.pending.delete(id);
    if (blob) job.resolve(blob);
    else job.reject(errorOf(fault ?? { message: "a thread gave no answer" }));
  }

  /** What it was at is lost with it. */
  #lose(member: Member): void {
    member.isReady = false;
    member.isLost = true;
    for (const { isRead, length, reject } of member.pending.values()) {
      reject(new ThreadLost());
      if (!isRead) this.#memory.free(length * COST);
    }
    member.pending.clear();
    // Who waits for room would wait for good.
    if (this.#members.every(({ isLost }) => isLost)) this.giveUp();
  }

  /** Gives the memory of buffers back that nobody reads. */
  #drop(): void {
    if (this.#taken !== undefined) release(this.#taken);
    this.#taken = undefined;
    for (const slot of this.#spare.splice(0)) release(new Uint8Array(slot));
  }
}

function hasTime({ isReady, unread }: Member): boolean {
  return isReady && unread < QUEUE;
}
