import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Pack } from "tar-stream";
import { copyGraph } from "../copy.ts";
import type { Descriptor } from "../descriptor.ts";
import { splitDigest } from "../digest.ts";
import { diskError } from "../disk.ts";
import { LAYOUT_FILE, lookAt, syncFolder } from "../layout/folder.ts";
import { formatIndexFile, type IndexFile } from "../layout/index-file.ts";
import type { OciLayout } from "../layout/layout.ts";
import { readIndexFile } from "../layout/writer.ts";
import { rename } from "../rename.ts";
import { bytesSource } from "../source.ts";
import type { OperationOptions } from "../target.ts";

/** A file or, without content, a folder of the archive. */
interface Item {
  readonly name: string;
  readonly size: number;
  readonly content?: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** Writes an archive beside its place and renames it there; see `OciArchive.write`. */
export async function writeArchive(
  file: string,
  layout: OciLayout,
  options: OperationOptions,
): Promise<void> {
  options.signal?.throwIfAborted();
  if ((await lookAt(file))?.isDirectory() === true) {
    throw new CtxPackError("CTXPACK_E_USAGE", `archive ${file} cannot be written: it is a folder`, {
      hint: `name a file, or write oci:${file} for a folder`,
      details: { path: file },
    });
  }
  const index = await readIndexFile(layout.dir);
  const items = listItems(index, await closure(layout, index, options.signal), layout);
  const part = join(dirname(file), `.${basename(file)}.${randomBytes(8).toString("hex")}.part`);
  try {
    {
      await using handle = await open(part, "wx", 0o644);
      await writeTar(handle, items, options);
      await handle.sync();
    }
    rename(part, file);
    await syncFolder(dirname(file));
  } catch (error) {
    await rm(part, { force: true });
    throw diskError(error, `archive ${file} cannot be written`, file);
  }
}

/** Every blob that the entries of an index lead to, each once. */
async function closure(
  layout: OciLayout,
  index: IndexFile,
  signal: AbortSignal | undefined,
): Promise<Map<Digest, Descriptor>> {
  const found = new Map<Digest, Descriptor>();
  // A destination that has everything: the copy then only walks, and tells us what it met.
  const witness = {
    exists: async (d: Descriptor): Promise<boolean> => Boolean(found.set(d.digest, d)),
    fetch: (d: Descriptor): AsyncIterable<Uint8Array> => layout.fetch(d),
    push: async (): Promise<void> => {},
  };
  for (const { descriptor } of index.entries) {
    if (descriptor === undefined) {
      throw new CtxPackError("CTXPACK_E_LAYOUT", `${layout.dir} lists something that is no blob`);
    }
    await copyGraph(layout, witness, descriptor, { signal });
  }
  return found;
}

function listItems(
  index: IndexFile,
  blobs: ReadonlyMap<Digest, Descriptor>,
  layout: OciLayout,
): Item[] {
  const items: Item[] = [
    { name: "blobs/", size: 0 },
    textItem("index.json", formatIndexFile(index)),
    textItem("oci-layout", LAYOUT_FILE),
  ];
  const algorithms = new Set<string>();
  for (const d of blobs.values()) {
    const { algorithm, hex } = splitDigest(d.digest);
    algorithms.add(algorithm);
    const content = (signal: AbortSignal): AsyncIterable<Uint8Array> => layout.fetch(d, { signal });
    items.push({ name: `blobs/${algorithm}/${hex}`, size: d.size, content });
  }
  for (const algorithm of algorithms) items.push({ name: `blobs/${algorithm}/`, size: 0 });
  return items.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function textItem(name: string, text: string): Item {
  const source = bytesSource(new TextEncoder().encode(text));
  return { name, size: source.size, content: () => source.open() };
}

/** Feeds the tar and writes what comes out of it; when either fails, the other is stopped. */
async function writeTar(
  handle: FileHandle,
  items: readonly Item[],
  options: OperationOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  // Loaded when an archive is written: nothing else should wait for it.
  const { pack } = await import("tar-stream");
  const tar = pack();
  const fail = (error: unknown): never => {
    // What fails later fails because of this.
    if (!stop.signal.aborted) stop.abort(signal.aborted ? signal.reason : error);
    tar.destroy();
    throw stop.signal.reason;
  };
  const fed = feed(tar, items, { ...options, signal }).catch(fail);
  const drained = drain(tar, handle, signal).catch(fail);
  const outcomes = await Promise.allSettled([fed, drained]);
  if (stop.signal.aborted) throw stop.signal.reason;
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function feed(
  tar: Pack,
  items: readonly Item[],
  options: OperationOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { signal, onProgress } = options;
  const total = items.reduce((sum, item) => sum + item.size, 0);
  let done = 0;
  async function* counted(item: Item): AsyncGenerator<Uint8Array> {
    for await (const chunk of item.content?.(signal) ?? []) {
      yield chunk;
      done += chunk.length;
      onProgress?.({ phase: "blob", unit: "bytes", done, total, name: item.name });
    }
  }
  for (const item of items) {
    signal.throwIfAborted();
    const type = item.content === undefined ? "directory" : "file";
    const entry = tar.entry({ name: item.name, size: item.size, type, mtime: new Date(0) });
    if (type === "file") await pipeline(counted(item), entry, { signal });
  }
  tar.finalize();
}

async function drain(tar: Pack, handle: FileHandle, signal: AbortSignal): Promise<void> {
  for await (const chunk of tar as AsyncIterable<Uint8Array>) {
    signal.throwIfAborted();
    let at = 0;
    while (at < chunk.length) {
      at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten;
    }
  }
}
