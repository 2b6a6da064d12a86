import { chmodSync, constants, copyFileSync, lstatSync, readdirSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { CtxPackError, type Digest, digestHex } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { hashFile } from "./check/hash-file.ts";
import { clear } from "./clear.ts";
import { diskError, makeFolder, onDisk, systemCode, unlessMissing } from "./disk.ts";
import type { Parts } from "./parts.ts";

/** What one item of a map became: one file. */
export interface ItemResult {
  /** 64 hex digits: the item's key, a contract URI without what is before them. */
  readonly key: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Present when the owner's x bit was set. */
  readonly exec?: true;
}

const NAME = /^([0-9a-f]{64})-([0-9a-f]{64})-(0|[1-9][0-9]{0,15})(x?)$/;

/**
 * Results of items whose map has no pack yet, so that a map that is broken off loses none: one read-only file each,
 * whose name says everything about it. Its rename is what makes it one. Nothing is synced: each is hashed before it is
 * used.
 */
export class Results {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes a file out of a scratch folder of this store as the result of an item. Throws `CTXPACK_E_TREE` for no file. */
  async keep(key: string, path: string): Promise<ItemResult> {
    const { workspace } = this.#parts;
    workspace.expectWritable();
    const stat = onDisk("reading", path, () => lstatSync(path));
    if (!stat.isFile()) throw new CtxPackError("CTXPACK_E_TREE", `${path} is no file`);
    let from = path;
    if (stat.nlink > 1) {
      // Somebody else's file under another name must neither change nor be made read-only.
      from = workspace.path();
      onDisk("writing", from, () => copyFileSync(path, from, constants.COPYFILE_FICLONE));
    }
    const exec = (stat.mode & 0o100) !== 0;
    onDisk("changing", from, () => chmodSync(from, exec ? 0o555 : 0o444));
    const { hex, code } = await hashFile(from, turn);
    if (hex === undefined) throw diskError(systemError(code), "reading", from);
    const { size } = onDisk("reading", from, () => lstatSync(from));
    const result = { key, digest: `sha256:${hex}` as Digest, size, ...(exec && { exec }) };
    const to = this.path(result as ItemResult);
    onDisk("writing", to, () => place(from, to));
    return result as ItemResult;
  }

  /** Those of the keys that are here, each read and found to be what it was. */
  async find(
    keys: ReadonlySet<string>,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, ItemResult>> {
    const found = new Map<string, ItemResult>();
    const { results } = this.#parts.places;
    const shelves = new Set(unlessMissing(() => readdirSync(results)) ?? []);
    for (const shelf of new Set([...keys].map((key) => key.slice(0, 2)))) {
      if (!shelves.has(shelf)) continue;
      for (const name of unlessMissing(() => readdirSync(join(results, shelf))) ?? []) {
        const result = parseResult(name);
        if (result === undefined || !keys.has(result.key) || found.has(result.key)) continue;
        if (await this.#isWhole(result)) found.set(result.key, result);
      }
      await turn();
      signal?.throwIfAborted();
    }
    return found;
  }

  /** Forgets results: a pack has them now. */
  drop(results: Iterable<ItemResult>): void {
    for (const result of results) clear(this.path(result));
  }

  /** Where the content of a result lies. */
  path({ key, digest, size, exec }: ItemResult): string {
    const name = `${key}-${digestHex(digest)}-${size}${exec ? "x" : ""}`;
    return join(this.#parts.places.results, key.slice(0, 2), name);
  }

  async #isWhole(result: ItemResult): Promise<boolean> {
    const path = this.path(result);
    const { hex } = await hashFile(path, turn);
    if (hex === digestHex(result.digest)) {
      // It is used: whoever collects leaves it.
      if (!this.#parts.workspace.readOnly) unlessMissing(() => touchNow(path));
      return true;
    }
    // What a power cut has left of one is none, and would be in the way of the next.
    if (hex !== undefined && !this.#parts.workspace.readOnly) clear(path);
    return false;
  }
}

/** The result that a file of this name is; `undefined` for any other name. */
export function parseResult(name: string): ItemResult | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, key = "", hex, size, exec] = match;
  const result = { key, digest: `sha256:${hex}` as Digest, size: Number(size) };
  return exec === "x" ? { ...result, exec: true } : result;
}

function place(from: string, to: string): void {
  try {
    rename(from, to);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    makeFolder(dirname(to));
    rename(from, to);
  }
}

function touchNow(path: string): void {
  const now = new Date();
  utimesSync(path, now, now);
}

function systemError(code: string | undefined): Error {
  return Object.assign(new Error(code), { code });
}
