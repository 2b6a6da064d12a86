import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { unlessAborted } from "../abort.ts";
import { errorCode } from "../disk.ts";
import { makeFolder } from "./folder.ts";
import { FileLock } from "./lock.ts";

const LEASE = ".lease";

/** What may be a dead writer's: its folder, its lease, and a file that was to replace one of the layout's. */
const RUBBISH = /^([0-9a-f]{16})(?:\.lease)?$|\.new$/;

interface Lease {
  readonly id: string;
  readonly lock: FileLock;
}

/** Runs a task while the layout's lock is held. */
type UnderLock = <T>(task: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/**
 * A writer's folder for unfinished blobs. While it is used, its owner holds the lock `<id>.lease`
 * beside it; the lock of a process that ended is free, so whoever can take a lease's lock knows
 * that its folder is rubbish. Leases are made and reaped under the layout's lock: nobody can find
 * a new one that is not locked yet.
 */
export class Scratch {
  readonly #work: string;
  readonly #underLock: UnderLock;
  #users = 0;
  #lease: Promise<Lease> | undefined;
  #opening = new AbortController();

  /** `work` is where the folders of all writers lie. */
  constructor(work: string, underLock: UnderLock) {
    this.#work = work;
    this.#underLock = underLock;
  }

  /** Runs a task with the path of a folder to write in; the folder goes with its last user. */
  async use<T>(task: (folder: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#users++;
    try {
      if (this.#lease === undefined) {
        this.#opening = new AbortController();
        this.#lease = this.#open(this.#opening.signal);
      }
      const lease = await unlessAborted(this.#lease, signal);
      return await task(join(this.#work, lease.id));
    } finally {
      this.#users--;
      if (this.#users === 0) await this.#close();
    }
  }

  /** Removes what dead writers left, if anything is there; a missing work folder holds nothing. */
  async clear(signal?: AbortSignal): Promise<void> {
    const names = await readdir(this.#work).catch(() => []);
    if (names.some((name) => RUBBISH.test(name))) {
      await this.#underLock(() => reap(this.#work), signal);
    }
  }

  // Others wait for the same lease: it is given up when the last of them is gone, not the first.
  async #open(signal: AbortSignal): Promise<Lease> {
    return this.#underLock(async () => {
      await reap(this.#work);
      const id = randomBytes(8).toString("hex");
      const lock = FileLock.tryAcquire(join(this.#work, id + LEASE));
      if (lock === undefined) throw new Error(`lease ${id} is taken`);
      try {
        await makeFolder(join(this.#work, id));
      } catch (error) {
        lock.release();
        throw error;
      }
      return { id, lock };
    }, signal);
  }

  async #close(): Promise<void> {
    const opened = this.#lease;
    this.#lease = undefined;
    this.#opening.abort();
    const lease = await opened?.catch(() => undefined);
    if (lease === undefined) return;
    lease.lock.release();
    await remove(this.#work, lease.id);
  }
}

/** Removes what dead writers left. The caller holds the layout's lock. */
async function reap(work: string): Promise<void> {
  for (const name of await readdir(work)) {
    const [rubbish, id] = RUBBISH.exec(name) ?? [];
    if (rubbish === undefined) continue;
    if (id === undefined) {
      // Written under the layout's lock, which is ours.
      await rm(join(work, name), { force: true });
      continue;
    }
    const lock = tryLease(join(work, id + LEASE));
    if (lock === undefined) continue;
    lock.release();
    await remove(work, id);
  }
}

/** Somebody else's lease may not be ours to open, or its owner may be removing it right now. */
function tryLease(path: string): FileLock | undefined {
  try {
    return FileLock.tryAcquire(path);
  } catch {
    return undefined;
  }
}

async function remove(work: string, id: string): Promise<void> {
  for (const name of [id, id + LEASE]) {
    try {
      await rm(join(work, name), { recursive: true, force: true });
    } catch (error) {
      // Another user's folder, or one on Windows that is still open: rubbish for a later reaper.
      if (errorCode(error) === undefined) throw error;
    }
  }
}
