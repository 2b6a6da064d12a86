import type { StoredBlob } from "../blobs.ts";
import { errorOf, type Fault } from "./fault.ts";
import { Room } from "./room.ts";
import { Thread } from "./thread.ts";

/** Segments that wait for one thread, the one it is at included: it never waits for the next. */
const QUEUE = 2;
/** A segment and the frame it becomes, which may be as long. */
const COST = 2;

/** What a thread is told when it starts. */
export interface FrameThreadData {
  /** The store's folder. */
  readonly store: string;
  /** How paths begin that are this thread's alone. */
  readonly prefix: string;
}

export interface FrameJob {
  readonly id: number;
  readonly slot: SharedArrayBuffer;
  /** Bytes of the segment. */
  readonly length: number;
}

export interface FrameAnswer {
  readonly id: number;
  /** The slot may be used again. */
  readonly isRead?: true;
  readonly blob?: StoredBlob;
  readonly fault?: Fault;
}

interface Slot {
  readonly buffer: Buffer<SharedArrayBuffer>;
  isBusy: boolean;
}

interface Pending {
  readonly slot: Slot;
  readonly length: number;
  readonly resolve: (blob: StoredBlob | Promise<StoredBlob>) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly thread: Thread<FrameJob, FrameAnswer>;
  readonly pending: Map<number, Pending>;
  /** Segments that it has not read yet. */
  unread: number;
  isLost: boolean;
}

/** What threads that make frames need. */
export interface FrameThreadsOptions {
  readonly count: number;
  readonly store: string;
  /** A path that is nobody else's. */
  readonly prefix: string;
  /** Does what a lost thread has left undone. */
  readonly instead: (raw: Uint8Array) => Promise<StoredBlob>;
}

/** Threads that compress segments and store them as blobs, and the shared memory in which segments are cut. */
export class FrameThreads {
  readonly #members: Member[];
  readonly #instead: FrameThreadsOptions["instead"];
  readonly #memory = new Room();
  #slots: Slot[] = [];
  #room = 0;
  #count = 0;

  constructor(options: FrameThreadsOptions) {
    const { count, store, prefix } = options;
    this.#instead = options.instead;
    this.#members = Array.from({ length: count }, (_, i) =>
      this.#start({ store, prefix: `${prefix}.${i}` }),
    );
  }

  /** A buffer of at least `room` bytes that no thread reads. */
  take(room: number): Buffer {
    if (room > this.#room) {
      // Those of the smaller slots that are still being read stay until their jobs are done.
      this.#slots = [];
      this.#room = room;
    }
    const free = this.#slots.find((slot) => !slot.isBusy);
    if (free !== undefined) return free.buffer;
    const slot = { buffer: Buffer.from(new SharedArrayBuffer(room)), isBusy: false };
    this.#slots.push(slot);
    return slot.buffer;
  }

  /** Waits until a segment of `length` bytes can be made a frame without taking too much memory. */
  async until(length: number): Promise<void> {
    await this.#memory.until(length * COST);
  }

  /**
   * Hands over a segment at the beginning of the buffer that was taken last. `undefined` when every thread has
   * enough to do: the caller then does it.
   */
  offer(raw: Uint8Array): Promise<StoredBlob> | undefined {
    const slot = this.#slots.find(({ buffer }) => buffer.buffer === raw.buffer);
    const [member] = this.#members
      .filter(({ isLost, unread }) => !isLost && unread < QUEUE)
      .sort((a, b) => a.unread - b.unread);
    if (slot === undefined || member === undefined) return undefined;
    slot.isBusy = true;
    this.#memory.take(raw.length * COST);
    member.unread += 1;
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      member.pending.set(id, { slot, length: raw.length, resolve, reject });
      member.thread.post({ id, slot: slot.buffer.buffer, length: raw.length });
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map(({ thread }) => thread.end()));
  }

  #start(data: FrameThreadData): Member {
    const pending = new Map<number, Pending>();
    const thread = new Thread<FrameJob, FrameAnswer>("frames", data, {
      onMessage: (answer) => this.#hear(member, answer),
      onLost: () => this.#lose(member),
    });
    const member: Member = { thread, pending, unread: 0, isLost: false };
    return member;
  }

  #hear(member: Member, { id, isRead, blob, fault }: FrameAnswer): void {
    const job = member.pending.get(id);
    if (job === undefined) return;
    if (isRead || (fault && job.slot.isBusy)) {
      this.#release(job);
      member.unread -= 1;
    }
    if (isRead) return;
    member.pending.delete(id);
    if (blob) job.resolve(blob);
    else job.reject(errorOf(fault ?? { message: "a thread gave no answer" }));
  }

  /** Segments that it was at are done here; one that it had read already is done again only if its slot still is. */
  #lose(member: Member): void {
    member.isLost = true;
    for (const job of member.pending.values()) {
      const { slot, length, resolve, reject } = job;
      if (!slot.isBusy) {
        reject(new Error("a thread was lost while it was writing a segment"));
        continue;
      }
      resolve(this.#instead(slot.buffer.subarray(0, length)));
      this.#release(job);
    }
    member.pending.clear();
  }

  #release({ slot, length }: Pending): void {
    slot.isBusy = false;
    this.#memory.free(length * COST);
  }
}
