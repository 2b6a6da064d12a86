import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Times that a rename is tried: on Windows somebody who reads the file stands in its way. */
const RENAMES = 5;

const TEMPORARY = ".tmp-";

/** Whether a name is one of a file that `writeWhole` had not finished. */
export function isTemporary(name: string): boolean {
  return name.startsWith(TEMPORARY);
}

/** Puts a file in its place at once and for good: written beside it, on the disk, then renamed. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(
    dirname(path),
    `${TEMPORARY}${process.pid}-${randomBytes(6).toString("hex")}`,
  );
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameOver(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function renameOver(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== "EPERM" && code !== "EBUSY") || tries === RENAMES) throw error;
      await sleep(10 * tries);
    }
  }
}

/** The bytes of a regular file, `undefined` when there is none; one that is larger than `limit` is cut after `limit` + 1. */
export async function readBounded(path: string, limit: number): Promise<Buffer | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    if (!(await lstat(path)).isFile()) return undefined;
    file = await open(path, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, limit + 1));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/** Makes folders that only their owner may enter. A link in the place of the last one is an error: it leads elsewhere. */
export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (!(await lstat(path)).isDirectory()) {
    throw Object.assign(new Error(`${path} is not a folder`), { code: "ENOTDIR" });
  }
}
