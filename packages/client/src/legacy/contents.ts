import { createHash } from "node:crypto";
import { type Entry, type FileEntry, LIMITS, Listing } from "@ctxpack/cache/pack";
import { CtxPackError, compareBytewise } from "@ctxpack/identity";
import { MAX_DESCRIPTION } from "./description.ts";
import { mostBytes } from "./gunzip.ts";
import { type LegacyMember, readTar } from "./tar.ts";

/** What the tar of a v0 pack holds, held to every rule for names of DESIGN §5. */
export interface LegacyContents {
  /** Sorted bytewise by path; folders only when they are empty, as in any pack. */
  readonly entries: ReadonlyMap<string, Entry>;
  readonly files: number;
  /** Sum of the files' sizes. */
  readonly bytes: number;
  /** The bytes of `manifest.json`. */
  readonly description: Uint8Array;
}

const DESCRIPTION = "manifest.json";

/** Parts of all paths together: a few deep names must not become a million folders. */
const MAX_SEGMENTS = 2 ** 22;

/**
 * Reads a whole tar and keeps nothing but names, sizes and digests. `size` is that of the compressed layer.
 * Throws CTXPACK_E_PACK.
 */
export async function readContents(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  signal: AbortSignal,
): Promise<LegacyContents> {
  const reader = new ContentsReader(mostBytes(size));
  for await (const member of readTar(chunks)) {
    signal.throwIfAborted();
    await reader.add(member);
  }
  return reader.end();
}

class ContentsReader {
  readonly #most: number;
  readonly #found = new Map<string, Entry>();
  readonly #listing = new Listing();
  #segments = 0;
  #description: Uint8Array | undefined;

  /** `most` bytes may all files have together: aliases give a file's bytes again. */
  constructor(most: number) {
    this.#most = most;
  }

  async add(member: LegacyMember): Promise<void> {
    const { path, kind } = member;
    if (path === "" && kind === "folder") return;
    if (this.#found.has(path)) throw refuse(`has ${quote(path)} twice`);
    this.#segments += path.split("/").length;
    if (this.#segments > MAX_SEGMENTS) throw refuse("has too many folders");
    if (this.#found.size >= LIMITS.entries) {
      throw refuse(`has more than ${LIMITS.entries} members`);
    }
    this.#found.set(path, await this.#entry(member));
    if (this.#listing.bytes > this.#most) throw refuse(`unpacks to more than ${this.#most} bytes`);
  }

  end(): LegacyContents {
    const paths = [...this.#found.keys()].sort(compareBytewise);
    const entries = new Map<string, Entry>();
    for (const path of paths) {
      const entry = this.#found.get(path) as Entry;
      if ("dir" in entry) {
        if (hasBelow(paths, path)) continue;
        asPack(() => this.#listing.addDirectory(path));
      }
      entries.set(path, entry);
    }
    asPack(() => this.#listing.seal());
    if (this.#description === undefined) throw refuse(`has no ${DESCRIPTION}`);
    const { files, bytes } = this.#listing;
    return { entries, files, bytes, description: this.#description };
  }

  async #entry(member: LegacyMember): Promise<Entry> {
    const { path, target } = member;
    switch (member.kind) {
      case "folder":
        return { dir: true, path };
      case "link":
        asPack(() => this.#listing.addLink(path, target));
        return { link: target, path };
      case "file":
        return this.#file(await this.#hash(member));
      case "alias": {
        const file = this.#found.get(target);
        if (file === undefined || !("digest" in file)) {
          throw refuse(`has ${quote(path)}, a hard link to ${quote(target)}, no file before it`);
        }
        return this.#file({ ...file, path });
      }
    }
  }

  #file(entry: FileEntry): FileEntry {
    const { path, size, exec } = entry;
    asPack(() => this.#listing.addFile(path, size, exec ? { exec } : {}));
    return entry;
  }

  async #hash(member: LegacyMember): Promise<FileEntry> {
    const { path, size, exec, offset, content } = member;
    const kept: Uint8Array[] | undefined = path === DESCRIPTION ? [] : undefined;
    if (kept && size > MAX_DESCRIPTION) {
      throw refuse(`has a ${DESCRIPTION} of ${size} bytes, at most ${MAX_DESCRIPTION} are read`);
    }
    const hash = createHash("sha256");
    for await (const chunk of content) {
      hash.update(chunk);
      kept?.push(chunk);
    }
    if (kept) this.#description = Buffer.concat(kept);
    const digest = `sha256:${hash.digest("hex")}` as const;
    return { digest, ...(exec && { exec: true as const }), offset, path, size };
  }
}

/** Whether anything lies in a folder. `paths` are sorted, but "a-" comes between "a" and "a/". */
function hasBelow(paths: readonly string[], folder: string): boolean {
  const prefix = `${folder}/`;
  let low = 0;
  let high = paths.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytewise(paths[middle] as string, prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return paths[low]?.startsWith(prefix) ?? false;
}

/** The rules are those for a tree that is seeded; here a pack breaks them. */
function asPack(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    throw refuse(`cannot be unpacked: ${error.message}`, error);
  }
}

function quote(path: string): string {
  return JSON.stringify(path.slice(0, 300));
}

function refuse(why: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_PACK", `the tar of a v0 pack ${why}`, {
    hint: "the pack breaks the format: ask whoever pushed it to seed it again",
    cause,
  });
}
