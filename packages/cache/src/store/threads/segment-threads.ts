import type { Digest } from "@ctxpack/identity";
import type { FilePart, IndexReader, PackManifest, SharedRows } from "../../pack/index.ts";
import type { FolderPlace } from "../folder.ts";
import { Thread } from "./thread.ts";

/** Segments that wait for one thread, the one it is at included: it never waits for the next. */
const QUEUE = 2;

/** What a thread is told when it starts. */
export interface SegmentThreadData {
  /** The store's folder. */
  readonly store: string;
}

export interface SegmentJob {
  readonly rows: SharedRows;
  readonly blob: { readonly digest: Digest; readonly size: number };
  /** The paths in it that are wanted; without it all. */
  readonly selected: readonly string[] | undefined;
  /** Where its files may be already. */
  readonly sibling: string | undefined;
  /** Where its files go; without it they are only checked. */
  readonly folder: FolderPlace | undefined;
  readonly strict: boolean;
}

export interface SegmentAnswer {
  readonly row: number;
  /** What is left to do; absent when the segment could not be taken in. */
  readonly parts?: readonly FilePart[];
  /** Files that were made. */
  readonly files?: number;
}

/** The pack that threads take in, and who hears of it. */
export interface SegmentWork {
  readonly pack: { readonly index: IndexReader; readonly manifest: PackManifest };
  readonly folder: FolderPlace | undefined;
  readonly select: ((path: string) => boolean) | undefined;
  readonly siblingOf: ((row: number) => string | undefined) | undefined;
  readonly strict: boolean;
  onRead(row: number, parts: readonly FilePart[], files: number): void;
  /** A thread could not take this segment in, or was lost. */
  onFailed(row: number): void;
}

interface Member {
  readonly thread: Thread<SegmentJob, SegmentAnswer>;
  readonly rows: Set<number>;
  isLost: boolean;
}

/**
 * Threads that decompress segments, check them, and make the files that lie in one segment alone. They may be started
 * before it is known of which pack: starting them takes as long as opening the index of many files.
 */
export class SegmentThreads implements AsyncDisposable {
  readonly #members: Member[];
  #work: SegmentWork | undefined;
  /** How many segments may be read before the first of them is done with: they are held in memory. */
  readonly window: number;

  /** `store` is the store's folder. */
  constructor(count: number, store: string) {
    this.window = count * QUEUE + 2;
    this.#members = Array.from({ length: count }, () => this.#start(store));
  }

  /** The pack whose segments are offered from now on; there is one only. */
  take(work: SegmentWork): void {
    this.#work = work;
  }

  /** Hands a segment to the thread with the least to do; false when all have enough. */
  offer(row: number): boolean {
    const [member] = this.#members
      .filter(({ isLost, rows }) => !isLost && rows.size < QUEUE)
      .sort((a, b) => a.rows.size - b.rows.size);
    if (member === undefined) return false;
    const job = this.#job(row);
    member.rows.add(row);
    // Handed over: what is copied stays until the collector comes, and of many files there is much.
    member.thread.post(job, [job.rows.bytes.buffer, job.rows.starts.buffer]);
    return true;
  }

  #job(row: number): SegmentJob {
    if (this.#work === undefined) throw new RangeError("no pack was given");
    const { pack, select, siblingOf, folder, strict } = this.#work;
    const blob = pack.manifest.segments[row];
    if (blob === undefined) throw new RangeError(`no segment ${row}`);
    const paths = select && [...pack.index.segmentRows(row).entries()].map(({ path }) => path);
    return {
      rows: pack.index.shareRows(row),
      blob: { digest: blob.digest, size: blob.size },
      selected: paths?.filter(select as (path: string) => boolean),
      sibling: siblingOf?.(row),
      folder,
      strict,
    };
  }

  /** No thread is left, or none could be started. */
  get areLost(): boolean {
    return this.#members.every(({ isLost }) => isLost);
  }

  /** Ends the threads; may be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ thread }) => thread.end()));
  }

  #start(store: string): Member {
    const data: SegmentThreadData = { store };
    const rows = new Set<number>();
    const thread = new Thread<SegmentJob, SegmentAnswer>("segments", data, {
      onMessage: ({ row, parts, files = 0 }) => {
        rows.delete(row);
        if (parts) this.#work?.onRead(row, parts, files);
        else this.#work?.onFailed(row);
      },
      onLost: () => {
        member.isLost = true;
        for (const row of rows) this.#work?.onFailed(row);
        rows.clear();
      },
    });
    const member: Member = { thread, rows, isLost: false };
    return member;
  }
}
