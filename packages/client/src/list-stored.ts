import { resolve } from "node:path";
import { findBriefs, findOverview, type PackBrief, type PackRecord } from "@ctxpack/cache";
import { type Env, loadConfig } from "./config.ts";

/** For whom packs are listed: as for `CtxPack.open`. */
export interface ListStoredOptions {
  readonly env: Env;
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/** The packs of a store. */
export interface StoredPacks<T = PackRecord> {
  readonly cacheDir: string;
  readonly packs: T[];
}

/**
 * What `CtxPack.list` gives, without what packs and pantries take: for a program that does nothing else. `undefined`
 * where there is no store of this version; `CtxPack.open` then makes one, or says what is there. Throws
 * CTXPACK_E_CONFIG, CTXPACK_E_PERMISSION, and `signal.reason`.
 */
export function listStored(options: ListStoredOptions): Promise<StoredPacks | undefined> {
  return listWith(findOverview, options);
}

/** `listStored` in short, for a program that shows a list. */
export function listBriefs(
  options: ListStoredOptions,
): Promise<StoredPacks<PackBrief> | undefined> {
  return listWith(findBriefs, options);
}

async function listWith<T>(
  find: (
    dir: string,
    options: { readonly signal: AbortSignal | undefined },
  ) => Promise<T[] | undefined>,
  { env, cwd, signal }: ListStoredOptions,
): Promise<StoredPacks<T> | undefined> {
  signal?.throwIfAborted();
  const { cacheDir } = loadConfig({ cwd: resolve(cwd), env });
  const packs = await find(cacheDir, { signal });
  return packs && { cacheDir, packs };
}
