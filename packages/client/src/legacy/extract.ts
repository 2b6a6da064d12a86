import { randomBytes } from "node:crypto";
import { constants, copyFile, mkdir, open, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Entry, type FileEntry, isWindowsName } from "@ctxpack/cache/pack";
import { CtxPackError } from "@ctxpack/identity";
import type { Work } from "../work.ts";
import type { LegacyPack } from "./pack.ts";
import { place } from "./place.ts";
import type { LegacyMember } from "./tar.ts";

/**
 * Copies the selected entries of a pack into the new or empty folder `to`: staged beside it, then one rename.
 * Nothing stays after a failure. Throws CTXPACK_E_UNSUPPORTED when the file system takes two names for one.
 */
export async function extractTo(
  pack: LegacyPack,
  to: string,
  select: (path: string) => boolean,
  work: Work,
): Promise<void> {
  const staging = join(
    dirname(to),
    `.${basename(to)}.ctxpack-v0-${randomBytes(8).toString("hex")}`,
  );
  try {
    await mkdir(staging);
    await new Extraction(pack, staging, select, work).run();
    work.signal.throwIfAborted();
    work.onProgress({ phase: "publish", unit: "files", done: 0, total: 1, name: to });
    await place(staging, to);
    work.onProgress({ phase: "publish", unit: "files", done: 1, total: 1, name: to });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** One unpacking into a private folder. Links come last, so that nothing is ever written through one. */
class Extraction {
  readonly #pack: LegacyPack;
  readonly #root: string;
  readonly #work: Work;
  /** Selected files by where their content lies: aliases share theirs. */
  readonly #files = new Map<number, FileEntry[]>();
  readonly #others: Exclude<Entry, FileEntry>[] = [];
  readonly #folders = new Set<string>();
  #total = 0;
  #done = 0;

  constructor(pack: LegacyPack, root: string, select: (path: string) => boolean, work: Work) {
    this.#pack = pack;
    this.#root = root;
    this.#work = work;
    for (const entry of pack.entries()) {
      if (!select(entry.path)) continue;
      refuseForeignName(entry.path);
      if (!("digest" in entry)) this.#others.push(entry);
      else {
        this.#total++;
        const same = this.#files.get(entry.offset);
        if (same) same.push(entry);
        else this.#files.set(entry.offset, [entry]);
      }
    }
  }

  async run(): Promise<void> {
    for await (const member of this.#pack.members(this.#work.signal)) {
      const entries = member.kind === "file" ? this.#files.get(member.offset) : undefined;
      if (entries) await this.#write(entries, member);
    }
    for (const entry of this.#others) {
      if ("dir" in entry) await this.#makeFolder(entry.path);
    }
    for (const entry of this.#others) {
      if (!("link" in entry)) continue;
      await this.#makeParent(entry.path);
      await alone(entry.path, symlink(entry.link, this.#at(entry.path)));
    }
  }

  async #write([first, ...aliases]: readonly FileEntry[], member: LegacyMember): Promise<void> {
    const { path, exec } = first as FileEntry;
    await this.#makeParent(path);
    {
      await using file = await alone(path, open(this.#at(path), "wx", exec ? 0o755 : 0o644));
      for await (const chunk of member.content) await file.writeFile(chunk);
    }
    this.#count(path);
    for (const alias of aliases) {
      await this.#makeParent(alias.path);
      await alone(alias.path, copyFile(this.#at(path), this.#at(alias.path), EXCLUSIVE));
      this.#count(alias.path);
    }
  }

  #count(name: string): void {
    const [done, total] = [++this.#done, this.#total];
    this.#work.onProgress({ phase: "unpack", unit: "files", done, total, name });
  }

  async #makeParent(path: string): Promise<void> {
    const end = path.lastIndexOf("/");
    if (end > 0) await this.#makeFolder(path.slice(0, end));
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await this.#makeParent(path);
    await alone(path, mkdir(this.#at(path)));
    this.#folders.add(path);
  }

  #at(path: string): string {
    return `${this.#root}/${path}`;
  }
}

const EXCLUSIVE = constants.COPYFILE_EXCL;

/** No two names of a pack are equal, so one that exists already is another name to the file system. */
async function alone<T>(path: string, made: Promise<T>): Promise<T> {
  try {
    return await made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new CtxPackError(
      "CTXPACK_E_UNSUPPORTED",
      `${JSON.stringify(path)} and another path of the pack are one name on this disk`,
      {
        hint: "pull it into a file system that tells them apart, or only one of them with --only",
        cause: error,
        details: { path },
      },
    );
  }
}

function refuseForeignName(path: string): void {
  if (process.platform !== "win32" || isWindowsName(path)) return;
  throw new CtxPackError("CTXPACK_E_UNSUPPORTED", `${JSON.stringify(path)} is no name on Windows`, {
    hint: "pull it on another system, or without this file (--only)",
    details: { path },
  });
}
