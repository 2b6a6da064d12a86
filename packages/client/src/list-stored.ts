import { resolve } from "node:path";
import { findOverview, type PackBrief } from "@ctxpack/cache";
import { type Env, loadConfig } from "./config.ts";

/** For whom packs are listed: as for `CtxPack.open`. */
export interface ListStoredOptions {
  readonly env: Env;
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
}

/** The packs of a store. */
export interface StoredPacks {
  readonly cacheDir: string;
  readonly packs: PackBrief[];
}

/**
 * What `CtxPack.list` gives, in short and without what packs and pantries take: for a program that shows a list. `undefined`
 * where there is no store of this version; `CtxPack.open` then makes one, or says what is there. Throws CTXPACK_E_CONFIG,
 * CTXPACK_E_PERMISSION, and `signal.reason`.
 */
export async function listStored(options: ListStoredOptions): Promise<StoredPacks | undefined> {
  const { env, cwd, signal } = options;
  signal?.throwIfAborted();
  const { cacheDir } = loadConfig({ cwd: resolve(cwd), env });
  const packs = await findOverview(cacheDir, { signal });
  return packs && { cacheDir, packs };
}
