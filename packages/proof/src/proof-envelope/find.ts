import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { compareBytewise } from "@ctxpack/identity";
import { systemError } from "../file/system-error.ts";

/** What the names of envelopes end with. */
export const ENVELOPE_SUFFIX = ".proof.json";

/** Folders that hold what others made. */
const PASSED_OVER: readonly string[] = ["node_modules", ".git"];

/**
 * The envelopes that `roots` name: a file is itself, a folder is every `*.proof.json` below it, folder by folder in
 * bytewise order. Links inside a folder, `node_modules` and `.git` are passed over. Holds one folder's names at a time.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PERMISSION`.
 */
export async function* findProofFiles(
  roots: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<string> {
  for (const root of roots) {
    options.signal?.throwIfAborted();
    const stats = await named(root, stat(root));
    if (stats.isDirectory()) yield* below(root, options.signal);
    else yield root;
  }
}

async function* below(folder: string, signal: AbortSignal | undefined): AsyncGenerator<string> {
  signal?.throwIfAborted();
  const entries = await named(folder, readdir(folder, { withFileTypes: true }));
  entries.sort((a, b) => compareBytewise(a.name, b.name));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !PASSED_OVER.includes(entry.name)) yield* below(path, signal);
    else if (entry.isFile() && entry.name.endsWith(ENVELOPE_SUFFIX)) yield path;
  }
}

async function named<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw systemError(error, path);
  }
}
