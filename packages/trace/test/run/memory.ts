import { CtxPackError } from "@ctxpack/identity";
import {
  type PackedRun,
  packRun,
  type Run,
  type RunFiles,
  type RunPart,
  readRun,
} from "../../src/index.ts";

/** A run's pack in memory: its tree by path. */
export interface MemoryPack extends PackedRun {
  readonly tree: ReadonlyMap<string, Uint8Array>;
}

/** Packs parts and keeps every file. */
export async function packInMemory(
  parts: AsyncIterable<RunPart> | Iterable<RunPart>,
): Promise<MemoryPack> {
  const tree = new Map<string, Uint8Array>();
  const files = packRun(parts);
  for (;;) {
    const { done, value } = await files.next();
    if (done) return { ...value, tree };
    tree.set(value.path, Buffer.concat([tree.get(value.path) ?? Buffer.alloc(0), value.bytes]));
  }
}

/** A tree in memory, in pieces of an odd size. */
export function memoryFiles(tree: ReadonlyMap<string, Uint8Array>): RunFiles {
  return {
    async *read(path) {
      const bytes = tree.get(path);
      if (bytes === undefined) throw new CtxPackError("CTXPACK_E_NOT_FOUND", `no ${path}`);
      for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
    },
  };
}

/** What was packed, read back. */
export function reread(pack: MemoryPack): Run {
  return readRun(pack.config, memoryFiles(pack.tree));
}

/** Everything an async iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
