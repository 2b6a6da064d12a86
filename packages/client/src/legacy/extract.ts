import { randomBytes } from "node:crypto";
import { constants, copyFile, mkdir, open, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type NameRules, probeNames, refuseFolding } from "@ctxpack/cache";
import type { Entry, FileEntry } from "@ctxpack/cache/pack";
import type { Work } from "../work.ts";
import type { LegacyPack } from "./pack.ts";
import { place } from "./place.ts";
import type { LegacyMember } from "./tar.ts";

const EXCLUSIVE = constants.COPYFILE_EXCL;

/**
 * Copies the selected entries of a pack into the new or empty folder `to`: staged beside it, then one rename.
 * Nothing stays after a failure. Throws CTXPACK_E_UNSUPPORTED when the file system takes two names for one, or has no
 * such name. `probe` says what it does to names.
 */
export async function extractTo(
  pack: LegacyPack,
  to: string,
  select: (path: string) => boolean,
  work: Work,
  probe: (folder: string) => NameRules = probeNames,
): Promise<void> {
  const staging = join(
    dirname(to),
    `.${basename(to)}.ctxpack-v0-${randomBytes(8).toString("hex")}`,
  );
  try {
    refuseFolding(pathsOf(pack, select), probe(`${staging}.names`), dirname(to));
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

function* pathsOf(pack: LegacyPack, select: (path: string) => boolean): Generator<string> {
  for (const { path } of pack.entries()) if (select(path)) yield path;
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
      await symlink(entry.link, this.#at(entry.path));
    }
  }

  async #write([first, ...aliases]: readonly FileEntry[], member: LegacyMember): Promise<void> {
    const { path, exec } = first as FileEntry;
    await this.#makeParent(path);
    {
      await using file = await open(this.#at(path), "wx", exec ? 0o755 : 0o644);
      for await (const chunk of member.content) await file.writeFile(chunk);
    }
    this.#count(path);
    for (const alias of aliases) {
      await this.#makeParent(alias.path);
      await copyFile(this.#at(path), this.#at(alias.path), EXCLUSIVE);
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
    await mkdir(this.#at(path));
    this.#folders.add(path);
  }

  #at(path: string): string {
    return `${this.#root}/${path}`;
  }
}
