import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CtxPackError, compareBytewise } from "@ctxpack/identity";
import { systemError } from "../file/system-error.ts";

/** What the names of envelopes end with. */
export const ENVELOPE_SUFFIX = ".proof.json";

/** Folders that hold what others made. */
const PASSED_OVER: readonly string[] = ["node_modules", ".git"];

/** A file or folder that could not be looked at, and why. */
export interface UnseenPath {
  readonly path: string;
  readonly error: CtxPackError;
}

/**
 * The envelopes that `roots` name: a file is itself, a folder is every `*.proof.json` below it, folder by folder in
 * bytewise order. Links inside a folder, `node_modules` and `.git` are passed over. Holds one folder's names at a time.
 * What is not there (`CTXPACK_E_PATH_NOT_FOUND`) or may not be read (`CTXPACK_E_PERMISSION`) comes in its place with the
 * error, and ends nothing.
 *
 * @throws `signal.reason`.
 */
export async function* findProofFiles(
  roots: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<string | UnseenPath> {
  for (const root of roots) {
    options.signal?.throwIfAborted();
    const stats = await seen(root, stat(root));
    if ("error" in stats) yield stats;
    else if (stats.isDirectory()) yield* below(root, options.signal);
    else yield root;
  }
}

async function* below(
  folder: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string | UnseenPath> {
  signal?.throwIfAborted();
  const entries = await seen(folder, readdir(folder, { withFileTypes: true }));
  if ("error" in entries) {
    yield entries;
    return;
  }
  entries.sort((a, b) => compareBytewise(a.name, b.name));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !PASSED_OVER.includes(entry.name)) yield* below(path, signal);
    else if (entry.isFile() && entry.name.endsWith(ENVELOPE_SUFFIX)) yield path;
  }
}

/** What the system says of a path, or the error that is its report. Throws what is neither. */
async function seen<T>(path: string, work: Promise<T>): Promise<T | UnseenPath> {
  try {
    return await work;
  } catch (cause) {
    const error = systemError(cause, path);
    if (!CtxPackError.isInstance(error)) throw error;
    return { path, error };
  }
}
