import { createHash, type Hash } from "node:crypto";
import { createReadStream, type Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CtxPackError } from "../errors.ts";
import { compareCodePoints } from "./bytes.ts";

/**
 * The prototype's digest of a folder, bare hex: path and bytes of every file, with nothing between them, in the order
 * in which Python sorts paths: component by component. Like its `rglob`, it takes links to files for files and does
 * not go into links to folders.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND` when there is no such folder.
 */
export async function hashLegacyFolder(
  root: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  if (!(await kindOf(root)).folder) {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${root} is not a folder`, {
      details: { path: root },
    });
  }
  const hash = createHash("sha256");
  const files = await listFiles(root, [], options.signal);
  files.sort(compareParts);
  for (const parts of files) {
    hash.update(parts.join("/"));
    await update(hash, join(root, ...parts), options.signal);
  }
  return hash.digest("hex");
}

async function listFiles(
  folder: string,
  parts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string[][]> {
  signal?.throwIfAborted();
  const files: string[][] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const inside = [...parts, entry.name];
    if (entry.isDirectory()) files.push(...(await listFiles(path, inside, signal)));
    else if (await isFile(entry, path)) files.push(inside);
  }
  return files;
}

async function isFile(entry: Dirent, path: string): Promise<boolean> {
  return entry.isFile() || (entry.isSymbolicLink() && (await kindOf(path)).file);
}

async function kindOf(path: string): Promise<{ file: boolean; folder: boolean }> {
  const found = await stat(path).catch(() => undefined);
  return { file: found?.isFile() ?? false, folder: found?.isDirectory() ?? false };
}

async function update(hash: Hash, path: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Uint8Array);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const order = compareCodePoints(a[index] ?? "", b[index] ?? "");
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
