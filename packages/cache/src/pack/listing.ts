import { CtxPackError, compareBytewise } from "@ctxpack/identity";
import type { EntryKind } from "./entry.ts";
import { foldings } from "./folding.ts";
import { dropped, grown } from "./grown.ts";
import { LIMITS } from "./limits.ts";
import { Links } from "./links.ts";
import { type Names, OrderCheck } from "./names.ts";
import { checkPath, checkTarget } from "./path.ts";
import { headerSize, roundToBlock, type TarMember, TRAILER } from "./tar.ts";
import { TextColumn } from "./text-column.ts";
import { checkWalk } from "./walk.ts";

const KINDS: readonly EntryKind[] = ["file", "link", "directory"];
const EXEC = 4;
const KEY = /^[0-9a-f]{64}$/;

/**
 * What a tree holds, as the one who seeds it found it: add every entry, `seal`, then read by row.
 * Kept as columns; nothing holds all entries as objects.
 */
export class Listing implements Names {
  readonly #paths = new TextColumn();
  /** Targets of links, keys of files, by position in `#paths`; mostly absent. */
  readonly #targets = new Map<number, string>();
  readonly #keys = new Map<number, string>();
  #sizes: Float64Array<ArrayBuffer> = new Float64Array(64);
  #flags: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  /** Where each row was added; absent when that was in order. */
  #order: Uint32Array | undefined;
  #isSealed = false;
  #isCleared = false;
  #files = 0;
  #bytes = 0;
  #tarSize = 0;

  /**
   * Adds a regular file of `size` bytes. `exec` is the owner's x bit; `key` the item of a map pack.
   * Throws CTXPACK_E_TREE for a path that no output may have, CTXPACK_E_TOO_LARGE past 2^20 entries.
   */
  addFile(path: string, size: number, o: { exec?: boolean; key?: string } = {}): void {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`${size} is no file size`);
    if (o.key !== undefined) {
      if (!KEY.test(o.key)) throw new RangeError(`${JSON.stringify(o.key)} is no item key`);
      this.#keys.set(this.#paths.count, o.key);
    }
    this.#add(path, o.exec === true ? EXEC : 0, size);
    this.#files++;
    this.#bytes += size;
  }

  /** Adds a symbolic link with its target as written. Where it leads is checked by `seal`. */
  addLink(path: string, target: string): void {
    checkTarget(path, target, "CTXPACK_E_TREE");
    this.#targets.set(this.#paths.count, target);
    this.#add(path, 1, 0);
  }

  /** Adds a folder that holds nothing; other folders are implied by what they hold. */
  addDirectory(path: string): void {
    this.#add(path, 2, 0);
  }

  /**
   * Sorts the rows and checks what only the whole tree can tell: names twice, entries below entries,
   * links that leave, dangle or loop, and what has no `dirHash1`. Throws CTXPACK_E_TREE.
   */
  seal(): void {
    this.#isSealed = true;
    this.#order = sortedOrder(this.#paths);
    const order = new OrderCheck("CTXPACK_E_TREE");
    let tarSize = TRAILER;
    for (let row = 0; row < this.count; row++) {
      order.add(this.path(row));
      tarSize += headerSize(this.member(row)) + roundToBlock(this.size(row));
    }
    if (!Number.isSafeInteger(tarSize)) throw new RangeError("the output is over 2^53 bytes");
    this.#tarSize = tarSize;
    checkWalk(this, new Links(this, "CTXPACK_E_TREE"), "CTXPACK_E_TREE");
  }

  /** Number of rows. Throws once they were given back: nobody must take what is left for an empty output. */
  get count(): number {
    if (this.#isCleared) throw new RangeError("the rows of this listing were given back");
    return this.#paths.count;
  }

  /** Number of files; links and folders do not count. */
  get files(): number {
    return this.#files;
  }

  /** Sum of the files' sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Length of the tar in bytes, known once sealed. */
  get tarSize(): number {
    return this.#tarSize;
  }

  path(row: number): string {
    return this.#paths.get(this.#at(row));
  }

  kind(row: number): EntryKind {
    return KINDS[(this.#flags[this.#at(row)] as number) & 3] as EntryKind;
  }

  size(row: number): number {
    return this.#sizes[this.#at(row)] as number;
  }

  exec(row: number): boolean {
    return ((this.#flags[this.#at(row)] as number) & EXEC) !== 0;
  }

  target(row: number): string {
    return this.#targets.get(this.#at(row)) ?? "";
  }

  key(row: number): string | undefined {
    return this.#keys.get(this.#at(row));
  }

  /** What the tar's header of this row is a function of. */
  member(row: number): TarMember {
    return {
      kind: this.kind(row),
      path: this.path(row),
      target: this.target(row),
      exec: this.exec(row),
      size: this.size(row),
    };
  }

  /** Pairs of names that some file systems take for one: other case, other composition. */
  foldings(): [string, string][] {
    return foldings(this);
  }

  /** Gives the rows back: what is left are numbers about the whole. */
  clear(): void {
    this.#isCleared = true;
    this.#paths.clear();
    this.#targets.clear();
    this.#keys.clear();
    this.#sizes = dropped(this.#sizes);
    this.#flags = dropped(this.#flags);
    this.#order = undefined;
  }

  #add(path: string, flags: number, size: number): void {
    checkPath(path, "CTXPACK_E_TREE");
    const row = this.#paths.count;
    if (row >= LIMITS.entries) {
      throw new CtxPackError(
        "CTXPACK_E_TOO_LARGE",
        `the output has more than ${LIMITS.entries} entries`,
        { hint: "pack many small files into fewer, or split the output into several contracts" },
      );
    }
    this.#paths.push(path);
    this.#flags = grown(this.#flags, row + 1);
    this.#sizes = grown(this.#sizes, row + 1);
    this.#flags[row] = flags;
    this.#sizes[row] = size;
  }

  #at(row: number): number {
    const count = this.#isSealed ? this.count : 0;
    if (row < 0 || row >= count) throw new RangeError(`row ${row} of a listing of ${count}`);
    return this.#order?.[row] ?? row;
  }
}

/** The rows sorted by path; `undefined` when they are. */
function sortedOrder(paths: TextColumn): Uint32Array | undefined {
  if (isSorted(paths)) return undefined;
  const texts = Array.from({ length: paths.count }, (_, row) => paths.get(row));
  const order = Uint32Array.from(texts.keys());
  return order.sort((a, b) => compareBytewise(texts[a] as string, texts[b] as string));
}

function isSorted(paths: TextColumn): boolean {
  let last = "";
  for (let row = 0; row < paths.count; row++) {
    const path = paths.get(row);
    if (compareBytewise(last, path) > 0) return false;
    last = path;
  }
  return true;
}
