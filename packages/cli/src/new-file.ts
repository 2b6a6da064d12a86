import { type FileHandle, open, rm } from "node:fs/promises";
import { CommandError } from "./exit.ts";

/** A file that was not there before; nothing of it stays unless it was written to its end. */
export class NewFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  #isWhole = false;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(path: string): Promise<NewFile> {
    try {
      return new NewFile(path, await open(path, "wx"));
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
  }

  /** Writes all of it, once. */
  async write(
    pieces: AsyncIterable<string> | Iterable<string>,
    signal?: AbortSignal,
  ): Promise<void> {
    for await (const piece of pieces) {
      signal?.throwIfAborted();
      await this.#file.writeFile(piece);
    }
    this.#isWhole = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    if (!this.#isWhole) await rm(this.#path, { force: true });
  }
}

/** Writes a file that was not there before; nothing of it stays when that fails. */
export async function writeNewFile(
  path: string,
  pieces: AsyncIterable<string> | Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  await using file = await NewFile.create(path);
  await file.write(pieces, signal);
}
