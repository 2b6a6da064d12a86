import { chmod, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "../disk.ts";
import { rename } from "../rename.ts";
import type { OperationOptions } from "../target.ts";
import {
  checkFolders,
  damaged,
  LAYOUT_FILE,
  lookAt,
  makeFolder,
  readSmall,
  syncFolder,
  WORK_FOLDER,
} from "./folder.ts";
import { EMPTY_INDEX_FILE, formatIndexFile, type IndexFile, parseIndexFile } from "./index-file.ts";
import { FileLock } from "./lock.ts";
import { Scratch } from "./scratch.ts";

/** A change of `index.json` takes milliseconds: who waits this long waits for a stopped process. */
const LOCK_WAIT_MS = 30_000;

/** 64 MiB: some 150,000 entries. */
const INDEX_LIMIT = 64 << 20;

/** Reads `index.json`; needs no lock. Throws CTXPACK_E_LAYOUT when it is missing or damaged. */
export async function readIndexFile(dir: string): Promise<IndexFile> {
  const path = join(dir, "index.json");
  const bytes = await readSmall(path, INDEX_LIMIT);
  if (bytes === undefined) throw damaged(`${dir} has no index.json`, path);
  return parseIndexFile(bytes, path);
}

/** Everything that changes a layout: one lock, and files that are renamed into place. */
export class LayoutWriter {
  readonly scratch: Scratch;
  readonly #dir: string;
  readonly #work: string;

  constructor(dir: string) {
    this.#dir = dir;
    this.#work = join(dir, WORK_FOLDER);
    this.scratch = new Scratch(this.#work, (task, signal) => this.#underLock(task, signal));
  }

  /** Makes the layout, unless another process has meanwhile. `oci-layout` comes last and says it is whole. */
  async create(signal?: AbortSignal): Promise<void> {
    await this.#underLock(async () => {
      if ((await lookAt(join(this.#dir, "oci-layout"))) !== undefined) return;
      await makeFolder(join(this.#dir, "blobs", "sha256"));
      await checkFolders(this.#dir);
      if ((await lookAt(join(this.#dir, "index.json"))) === undefined) {
        await this.#replace("index.json", formatIndexFile(EMPTY_INDEX_FILE));
      }
      await this.#replace("oci-layout", LAYOUT_FILE);
    }, signal);
  }

  /**
   * Reads `index.json` again, lets `change` make a new one of it and puts that in its place, all
   * under the lock, so that no writer's change is lost. When `change` returns what it was given,
   * nothing is written. `unlink` is a blob to remove under the same lock.
   */
  async update(
    options: OperationOptions,
    change: (file: IndexFile) => IndexFile | Promise<IndexFile>,
    unlink?: string,
  ): Promise<void> {
    await this.#underLock(async () => {
      const before = await readIndexFile(this.#dir);
      const after = await change(before);
      if (after !== before) {
        const event = { phase: "layout", unit: "files", total: 1, name: "index.json" } as const;
        options.onProgress?.({ ...event, done: 0 });
        await this.#syncBlobs();
        await this.#replace("index.json", formatIndexFile(after));
        options.onProgress?.({ ...event, done: 1 });
      }
      if (unlink !== undefined) await removeFile(unlink);
    }, options.signal);
  }

  async #underLock<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await makeFolder(this.#work);
    await checkFolders(this.#dir);
    const path = join(this.#work, "lock");
    const isNew = (await lookAt(path)) === undefined;
    const lock = await FileLock.acquire(path, { waitMs: LOCK_WAIT_MS, signal });
    try {
      if (isNew) await shareLock(path, this.#work);
      return await task();
    } finally {
      lock.release();
    }
  }

  /** An index on disk that names blobs not on disk yet would be a lie after a power cut. */
  async #syncBlobs(): Promise<void> {
    for (const algorithm of ["sha256", "sha512"]) {
      const path = join(this.#dir, "blobs", algorithm);
      if ((await lookAt(path)) !== undefined) await syncFolder(path);
    }
  }

  /** Replaces a file of the layout by a rename. Under the lock one name for the new one is enough. */
  async #replace(name: string, text: string): Promise<void> {
    const path = join(this.#dir, name);
    const part = join(this.#work, `${name}.new`);
    const mode = (await lookAt(path))?.mode;
    try {
      // A dead writer's file, or a link somebody put there.
      await rm(part, { force: true });
      await writeFile(part, text, mode);
      rename(part, path);
      await syncFolder(this.#dir);
    } catch (error) {
      await rm(part, { force: true });
      throw diskError(error, `${path} cannot be replaced`, path);
    }
  }
}

/** Whoever may write to the folder may lock: SQLite makes files that only their owner can write. */
async function shareLock(path: string, folder: string): Promise<void> {
  const mode = (await lookAt(folder))?.mode;
  if (mode !== undefined) await chmod(path, mode & 0o666);
}

async function writeFile(path: string, text: string, mode: number | undefined): Promise<void> {
  await using handle = await open(path, "wx", 0o644);
  if (mode !== undefined) await handle.chmod(mode & 0o777);
  await handle.writeFile(text);
  await handle.sync();
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw diskError(error, `${path} cannot be removed`, path);
  }
}
