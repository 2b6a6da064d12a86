import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CommandError } from "./exit.ts";

/** Writes a file that was not there before; nothing of it stays when that fails. */
export async function writeNewFile(
  path: string,
  pieces: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  let isOurs = false;
  const file = createWriteStream(path, { flags: "wx" });
  file.on("open", () => {
    isOurs = true;
  });
  try {
    await pipeline(Readable.from(pieces), file, { signal });
  } catch (error) {
    if (isOurs) await rm(path, { force: true });
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new CommandError("CTXPACK_E_CONFLICT", `${path} is there already`, "name a new file");
  }
}
