import { readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { clear, clearingLeftover, clearLeftover } from "./clear.ts";
import { diskError, makeFolder, onDisk, systemCode, unlessMissing, unlessRefused } from "./disk.ts";
import { isGone, ownerName, parseOwner } from "./owner.ts";
import { inSlices, slices } from "./slices.ts";
import type { Unfinished } from "./unfinished.ts";

const HEARTBEAT_MS = 10_000;

/**
 * The folder for everything this process has not finished. Its name says whose it is, its time is the
 * sign of life: the folder is the lease. Whoever opens one first clears those of processes that are gone,
 * so a killed process leaves nothing for long. The folder is made with the first path asked for.
 */
export class Workspace {
  /** Nothing in the store may be written. */
  readonly readOnly: boolean;
  readonly #parent: string;
  readonly #unfinished: Unfinished;
  #dir: string | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #reaped = false;
  #count = 0;
  #working = 0;

  constructor(
    parent: string,
    options: { readonly readOnly: boolean; readonly unfinished: Unfinished },
  ) {
    this.#parent = parent;
    this.#unfinished = options.unfinished;
    this.readOnly = options.readOnly;
  }

  /** Throws `CTXPACK_E_PERMISSION` in a store that was opened for reading. */
  expectWritable(): void {
    if (!this.readOnly) return;
    const dir = dirname(this.#parent);
    throw new CtxPackError("CTXPACK_E_PERMISSION", `the store ${dir} was opened read-only`, {
      hint: "open it for writing, or use another store (CTXPACK_CACHE_DIR)",
      details: { path: dir },
    });
  }

  /** A path that nobody else uses, in the store's file system; it ends with `suffix`. */
  path(suffix = ""): string {
    this.expectWritable();
    this.#dir ??= this.#begin();
    this.#count += 1;
    return join(this.#dir, `${this.#count}${suffix}`);
  }

  /**
   * Where something goes that is to be cleared: beside the folder of this process, with a name like it. What a kill
   * leaves of it is cleared like that one, and a rename there takes no room, which a full disk would not have.
   */
  aside(): string {
    this.expectWritable();
    onDisk("creating", this.#parent, () => makeFolder(this.#parent));
    return join(this.#parent, ownerName());
  }

  /** Says that something is being made, until it is disposed: what it refers to must not be collected. */
  begin(): Disposable {
    if (this.#working === 0) this.#sign("busy");
    this.#working += 1;
    return {
      [Symbol.dispose]: () => {
        this.#working -= 1;
        if (this.#working === 0 && this.#dir !== undefined) clear(join(this.#dir, "busy"));
      },
    };
  }

  /** Since when any process has been making something, Unix time in ms; infinity when none is, 0 when nobody can tell. */
  busySince(): number {
    const now = Date.now();
    let since = Number.POSITIVE_INFINITY;
    for (const name of unlessMissing(() => readdirSync(this.#parent)) ?? []) {
      const owner = parseOwner(name);
      const dir = join(this.#parent, name);
      const seen = unlessMissing(() => statSync(dir).mtimeMs);
      if (owner === undefined || seen === undefined || isGone(owner, seen, now)) continue;
      const began = unlessRefused(
        () => unlessMissing(() => statSync(join(dir, "busy")).mtimeMs) ?? since,
      );
      // Another user's process is at work, and shows nobody what it does.
      since = Math.min(since, began ?? 0);
    }
    return since;
  }

  /**
   * Clears what killed processes have left, once unless `again`; also for those who then find nothing to do. That may be
   * much: whoever can wait calls this before the first path is asked for, and the event loop stays free.
   */
  async reap(signal?: AbortSignal, again = false): Promise<void> {
    await inSlices(this.#reaping(again), slices(signal));
  }

  *#reaping(again: boolean): Generator<void, void, void> {
    if ((this.#reaped && !again) || this.readOnly) return;
    this.#reaped = true;
    try {
      yield* reaping(this.#parent, this.#unfinished, Date.now());
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw diskError(error, "clearing", this.#parent);
    }
  }

  /** Clears the folder and ends the lease. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    if (this.#dir !== undefined) clearLeftover(this.#dir);
    this.#dir = undefined;
  }

  /** An empty file of that name, in the folder that is made if need be. */
  #sign(name: string): void {
    this.expectWritable();
    this.#dir ??= this.#begin();
    const path = join(this.#dir, name);
    onDisk("creating", path, () => writeFileSync(path, ""));
  }

  #begin(): string {
    const dir = join(this.#parent, ownerName());
    onDisk("creating", dir, () => makeFolder(dir, 0o700));
    for (const _ of this.#reaping(false));
    this.#heartbeat = setInterval(() => beat(dir), HEARTBEAT_MS);
    // A lease is no reason to keep the process alive.
    this.#heartbeat.unref();
    return dir;
  }
}

/** Clears what processes that are gone have left in `parent`, but for the beginnings of blobs, and for what is another user's. */
function* reaping(
  parent: string,
  unfinished: Unfinished,
  nowMs: number,
): Generator<void, void, void> {
  unfinished.reap(nowMs);
  for (const name of readdirSync(parent)) {
    const owner = parseOwner(name);
    const dir = join(parent, name);
    const seen = unlessMissing(() => statSync(dir).mtimeMs);
    if (owner === undefined || seen === undefined || !isGone(owner, seen, nowMs)) continue;
    unfinished.salvage(dir);
    yield* clearingLeftover(dir);
  }
}

function beat(dir: string): void {
  try {
    const now = new Date();
    utimesSync(dir, now, now);
  } catch {
    // A sign of life that cannot be given must not end the work; only other machines look at it.
  }
}
