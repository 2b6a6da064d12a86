import { lstat, mkdir, open } from "node:fs/promises";

/** Everything in a trust directory is for its owner alone. */
export const PRIVATE: { readonly mode: number } = { mode: 0o600 };

/** The bytes of a regular file, `undefined` when there is none; one that is larger than `limit` is cut after `limit` + 1. */
export async function readUpTo(path: string, limit: number): Promise<Buffer | undefined> {
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
