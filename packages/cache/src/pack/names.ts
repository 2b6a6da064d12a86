import { compareBytewise } from "@ctxpack/identity";
import type { EntryKind } from "./entry.ts";
import { LIMITS } from "./limits.ts";
import { refuseEntry, type TreeErrorCode } from "./path.ts";

/** The names of a tree, one row an entry, sorted bytewise by path. */
export interface Names {
  readonly count: number;
  path(row: number): string;
  kind(row: number): EntryKind;
  /** The target of a link; "" for other kinds. */
  target(row: number): string;
}

/** What a path leads to: a row, or a folder that is there (the root is ""). */
export type Place =
  | { readonly kind: "file"; readonly row: number }
  | { readonly kind: "link"; readonly row: number }
  | { readonly kind: "directory"; readonly path: string };

/** The first row whose path is not below `path`; `count` when there is none. */
export function firstRow(names: Names, path: string): number {
  let low = 0;
  let high = names.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytewise(names.path(middle), path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What lies at `path`, without following a link that stands there. Folders may be implied by entries. */
export function lookUp(names: Names, path: string): Place | undefined {
  if (path === "") return { kind: "directory", path };
  const row = firstRow(names, path);
  if (row < names.count && names.path(row) === path) {
    const kind = names.kind(row);
    return kind === "directory" ? { kind, path } : { kind, row };
  }
  const below = firstRow(names, `${path}/`);
  const implied = below < names.count && names.path(below).startsWith(`${path}/`);
  return implied ? { kind: "directory", path } : undefined;
}

/**
 * Checks, row after row, that paths are sorted, unique and none lies below another entry. Rows come
 * in order; nothing but the chain of paths that begin one another is kept.
 */
export class OrderCheck {
  readonly #code: TreeErrorCode;
  /** Earlier paths that the last one begins with, shortest first, then the last one itself. */
  readonly #chain: string[] = [];
  #folders = 0;

  constructor(code: TreeErrorCode) {
    this.#code = code;
  }

  /**
   * Whether `path` lies in a folder that none did before. Throws the code given when it may not follow the paths seen so
   * far.
   */
  add(path: string): boolean {
    const chain = this.#chain;
    const last = chain.at(-1);
    if (last !== undefined) {
      const order = compareBytewise(last, path);
      if (order === 0) throw refuseEntry(this.#code, path, "is listed twice");
      if (order > 0) throw refuseEntry(this.#code, path, `is out of order after ${quote(last)}`);
    }
    const folders = this.#folders;
    this.#countFolders(last ?? "", path);
    while (chain.length > 0 && !path.startsWith(chain.at(-1) as string)) chain.pop();
    for (const above of chain) {
      if (path.charCodeAt(above.length) === 0x2f) {
        throw refuseEntry(this.#code, path, `lies below the entry ${quote(above)}`);
      }
    }
    chain.push(path);
    return this.#folders > folders;
  }

  /** Paths below one folder stand together: the folders that `path` begins are those `last` is not in. */
  #countFolders(last: string, path: string): void {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (last.startsWith(path.slice(0, end + 1))) break;
      this.#folders++;
    }
    if (this.#folders <= LIMITS.folders) return;
    throw refuseEntry(this.#code, path, `makes more than ${LIMITS.folders} folders`);
  }
}

function quote(path: string): string {
  return JSON.stringify(path.slice(0, 300));
}
