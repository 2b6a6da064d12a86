import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { diskError, errorCode } from "../disk.ts";

/** The folder that holds what writers need; other tools see an unknown name and leave it alone. */
export const WORK_FOLDER = ".ctxpack";

/** `oci-layout`, byte for byte (image-spec, "image layout"). */
export const LAYOUT_FILE = '{"imageLayoutVersion":"1.0.0"}';

// A FIFO must not make us wait for a writer; Windows has neither flag.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** What stands at a path itself, links not followed; `undefined` for nothing. */
export async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw diskError(error, `${path} cannot be looked at`, path);
  }
}

/**
 * Opens a regular file of a layout, `undefined` for nothing. A link or special file is refused:
 * in a shared folder it could lead a reader anywhere. Throws CTXPACK_E_LAYOUT, CTXPACK_E_PERMISSION.
 */
export async function openRegular(
  path: string,
): Promise<{ handle: FileHandle; size: number } | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, READ_FLAGS);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw diskError(error, `${path} cannot be read`, path);
  }
  const state = await handle.stat();
  if (state.isFile()) return { handle, size: state.size };
  await handle.close();
  throw damaged(`${path} is not a regular file`, path);
}

/** Reads a small file of a layout whole; `undefined` for nothing. */
export async function readSmall(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const opened = await openRegular(path);
  if (opened === undefined) return undefined;
  await using handle = opened.handle;
  if (opened.size > maxBytes) {
    throw damaged(`${path} is ${opened.size} bytes, at most ${maxBytes} are read`, path);
  }
  return await handle.readFile();
}

/** Checks that the folders of a layout are folders, not links to some. Throws CTXPACK_E_LAYOUT. */
export async function checkFolders(dir: string): Promise<void> {
  for (const name of ["blobs", join("blobs", "sha256"), join("blobs", "sha512"), WORK_FOLDER]) {
    const path = join(dir, name);
    const state = await lookAt(path);
    if (state !== undefined && !state.isDirectory()) {
      throw damaged(`${path} is not a folder`, path);
    }
  }
}

/** Checks `oci-layout`. Throws CTXPACK_E_PATH_NOT_FOUND when `dir` is no layout, CTXPACK_E_LAYOUT. */
export async function checkLayoutFile(dir: string): Promise<void> {
  const path = join(dir, "oci-layout");
  const bytes = await readSmall(path, 4096);
  if (bytes === undefined) {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${dir} is not an OCI image layout`, {
      hint: "it has no file oci-layout; check the path",
      details: { path: dir },
    });
  }
  if (!isLayoutFile(bytes)) {
    throw damaged(`${path} does not say imageLayoutVersion 1.x`, path);
  }
}

/** Whether `dir` may be made a layout: not there, empty, or being made one, perhaps by somebody who died. */
export async function mayBecomeLayout(dir: string): Promise<boolean> {
  try {
    const names = await readdir(dir);
    return names.every((name) => ["blobs", "index.json", "oci-layout", WORK_FOLDER].includes(name));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return true;
    throw diskError(error, `${dir} cannot be read`, dir);
  }
}

/** Makes a folder, with the ones above it, if it is not there. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || dirname(path) === path) {
      throw diskError(error, `${path} cannot be created`, path);
    }
    await makeFolder(dirname(path));
    // Once only: Node's recursive mkdir never returns where a folder cannot be made though the one above is
    // there (/proc), and says ENOENT on a read-only disk.
    await makeOne(path).catch((again) => {
      throw diskError(again, `${path} cannot be created`, path);
    });
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory() !== true) throw error;
  }
}

/** Makes the names in a folder survive a power cut, where the system can. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; there the rename itself is journaled.
  if (process.platform === "win32") return;
  await using handle = await open(path, "r");
  await handle.sync();
}

export function damaged(message: string, path: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_LAYOUT", message, { details: { path } });
}

/** Whether the bytes of `oci-layout` name a version we can read: any 1.x. */
export function isLayoutFile(bytes: Uint8Array): boolean {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as { imageLayoutVersion?: unknown };
    const version = value?.imageLayoutVersion;
    return typeof version === "string" && version.startsWith("1.");
  } catch {
    return false;
  }
}
