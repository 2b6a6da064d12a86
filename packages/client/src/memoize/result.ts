import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { jsonOf } from "./call.ts";

/** What a function returned, as its pack holds it: one file. */
export interface Result {
  readonly file: "result.json" | "result.bin";
  readonly bytes: Uint8Array;
}

/** Throws CTXPACK_E_USAGE for what is neither JSON nor bytes. */
export function resultOf(value: unknown, name: string): Result {
  if (value instanceof Uint8Array) return { file: "result.bin", bytes: value };
  const text = jsonOf(value, `the result of ${name}`);
  return { file: "result.json", bytes: new TextEncoder().encode(text) };
}

/** A value of its own for everybody who asks. */
export function decode({ file, bytes }: Result): unknown {
  if (file === "result.bin") return Uint8Array.from(bytes);
  return JSON.parse(new TextDecoder().decode(bytes));
}

export async function writeResult(dir: string, { file, bytes }: Result): Promise<void> {
  await writeFile(join(dir, file), bytes);
}

/** Reads and verifies the one file of a pack; `likely` is asked for first. */
export async function readResult(
  store: Store,
  uri: CtxUri,
  likely: Result["file"],
  signal: AbortSignal,
): Promise<Result> {
  const other = likely === "result.json" ? "result.bin" : "result.json";
  try {
    return { file: likely, bytes: await readWhole(store, uri, likely, signal) };
  } catch (error) {
    const isMissing = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PATH_NOT_FOUND";
    if (!isMissing) throw error;
    return { file: other, bytes: await readWhole(store, uri, other, signal) };
  }
}

async function readWhole(
  store: Store,
  uri: CtxUri,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.read(uri, path, { signal })) pieces.push(piece);
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}
