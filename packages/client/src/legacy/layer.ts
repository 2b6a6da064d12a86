import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import type { FoundLegacy } from "./find.ts";
import { gunzip } from "./gunzip.ts";

const CHUNK = 1 << 18;

/** The layer of a v0 pack on this disk, digest and size verified. */
export class Layer implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #size: number;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  /**
   * Fetches a layer: it has to be read twice, once to be judged and once to be used. The file has no name
   * once it is open, so nothing stays of it, however this process ends.
   */
  static async fetch(session: Session, found: FoundLegacy, work: Work): Promise<Layer> {
    const { layer } = found.manifest;
    const { signal, onProgress } = work;
    const handle = await openNameless(await scratchFolder(session, signal));
    try {
      let done = 0;
      for await (const chunk of found.source.fetch(layer, { signal })) {
        // Unlike write, it goes on until all is written.
        await handle.writeFile(chunk);
        done += chunk.length;
        onProgress({ phase: "blob", unit: "bytes", done, total: layer.size });
        signal.throwIfAborted();
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new Layer(handle, layer.size);
  }

  /** The tar, from its beginning. */
  tar(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    return gunzip(this.#chunks(signal), this.#size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async *#chunks(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < this.#size; ) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(CHUNK), 0, CHUNK, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }
}

/** The store's disk is where there is room for packs. */
async function scratchFolder(session: Session, signal: AbortSignal): Promise<string> {
  const { store, writable } = await session.openStore(signal);
  if (!writable) return tmpdir();
  const folder = join(store.dir, "tmp");
  await mkdir(folder, { recursive: true });
  return folder;
}

async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `v0-${randomBytes(8).toString("hex")}`);
  const handle = await open(path, "wx+", 0o600);
  await rm(path, { force: true });
  return handle;
}
