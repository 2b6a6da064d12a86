import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, realpath, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { CtxPackError, type CtxUri, digestHex, uriDigest, visible } from "@ctxpack/identity";
import { isSafeName } from "../run/file-name.ts";

/** Where a fork is put: a new folder, or a folder of a free name below one. */
export type ForkPlace = { readonly folder: string } | { readonly below: string };

/** Forks of one run that may lie below one folder. */
const MAX_FORKS = 10_000;

/**
 * Makes the folder of a fork, which was not there before.
 *
 * @throws CtxPackError `CTXPACK_E_CONFLICT` when `folder` is there already, whatever is in it,
 *   `CTXPACK_E_PATH_NOT_FOUND` when it would lie below a file.
 */
export async function makeForkFolder(parent: CtxUri, place: ForkPlace): Promise<string> {
  if ("folder" in place) {
    await makeParent(dirname(place.folder));
    if (await made(place.folder)) return place.folder;
    throw new CtxPackError("CTXPACK_E_CONFLICT", `${place.folder} is there already`, {
      hint: "a fork never writes over another: name a new folder, or finalize or remove that one",
      details: { path: place.folder },
    });
  }
  await makeParent(place.below);
  const name = digestHex(uriDigest(parent)).slice(0, 12);
  for (let turn = 1; turn <= MAX_FORKS; turn++) {
    const folder = join(place.below, turn === 1 ? name : `${name}-${turn}`);
    if (await made(folder)) return folder;
  }
  throw new CtxPackError(
    "CTXPACK_E_CONFLICT",
    `${place.below} holds ${MAX_FORKS} forks of ${name}`,
  );
}

async function makeParent(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    // Some of the path is a file, or a link to nowhere.
    if (!["EEXIST", "ENOTDIR", "ENOENT"].includes((cause as NodeJS.ErrnoException).code ?? ""))
      throw cause;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", visible(`${folder} is no folder`), {
      cause,
      hint: "name a new folder in one that is there, or that can be made",
      details: { path: folder },
    });
  }
}

async function made(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cause;
  }
}

/** The files of one fork; no path leads out of it. */
export class ForkFolder {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Writes a new file.
   *
   * @throws CtxPackError `CTXPACK_E_TRACE` for a name that leads elsewhere, or that this file system cannot tell from
   *   another one of the run.
   */
  async write(path: string, bytes: Uint8Array | string | AsyncIterable<string>): Promise<void> {
    const place = this.#place(path);
    try {
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, bytes, { flag: "wx" });
    } catch (cause) {
      const { code = "" } = cause as NodeJS.ErrnoException;
      if (!["EEXIST", "ENOTDIR", "EISDIR"].includes(code)) throw cause;
      throw new CtxPackError(
        "CTXPACK_E_TRACE",
        visible(`${path}: this file system cannot tell it from another file of the run`),
        { cause, details: { path } },
      );
    }
  }

  /**
   * The bytes of a file: a regular one, in the folder, of at most `limit` bytes.
   *
   * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_TRACE` for a link, device or path that leads elsewhere,
   *   `CTXPACK_E_TOO_LARGE`.
   */
  async read(path: string, limit: number): Promise<Uint8Array> {
    const file = await this.#open(path);
    try {
      const { size } = await file.stat();
      if (size > limit) {
        throw new CtxPackError(
          "CTXPACK_E_TOO_LARGE",
          visible(`${path}: ${size} bytes; the limit is ${limit}`),
          { details: { path, found: size, expected: limit } },
        );
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  }

  /** The same in pieces, however large it is. */
  async *stream(path: string): AsyncGenerator<Uint8Array> {
    const file = await this.#open(path);
    try {
      yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>;
    } finally {
      await file.close();
    }
  }

  async #open(path: string): Promise<FileHandle> {
    const place = await this.#inside(path);
    // A FIFO would wait for a writer for ever.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const file = await open(place, flags);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw elsewhere(path, "is no regular file");
  }

  async #inside(path: string): Promise<string> {
    const place = this.#place(path);
    try {
      const [root, folder] = [await realpath(this.folder), await realpath(dirname(place))];
      if (folder !== root && !folder.startsWith(root + sep))
        throw elsewhere(path, "leads out of it");
      if (!(await lstat(place)).isFile()) throw elsewhere(path, "is no regular file");
    } catch (cause) {
      if (!["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
      throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", visible(`${this.folder} has no ${path}`), {
        cause,
        hint: "a file of a fork may be edited; to take it away, take away what names it",
        details: { path },
      });
    }
    return place;
  }

  #place(path: string): string {
    if (isSafeName(path) && !(sep === "\\" && path.includes("\\"))) return join(this.folder, path);
    throw elsewhere(path, "is no safe relative path");
  }
}

function elsewhere(path: string, why: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_TRACE", visible(`${path} ${why}`), {
    hint: "a fork holds its own files, and no others",
    details: { path },
  });
}
