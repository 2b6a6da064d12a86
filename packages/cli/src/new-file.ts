import { type FileHandle, open, rm } from "node:fs/promises";
import { CommandError } from "./exit.ts";

/** Writes a file that was not there before; nothing of it stays when that fails. */
export async function writeNewFile(
  path: string,
  pieces: AsyncIterable<string> | Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, "wx");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      const message = `${path}: there is no such folder`;
      throw new CommandError(
        "CTXPACK_E_PATH_NOT_FOUND",
        message,
        "name a file in one that is there",
      );
    }
    if (code !== "EEXIST") throw error;
    throw new CommandError("CTXPACK_E_CONFLICT", `${path} is there already`, "name a new file");
  }
  try {
    for await (const piece of pieces) {
      signal.throwIfAborted();
      await file.writeFile(piece);
    }
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
  await file.close();
}
