import { resolve } from "node:path";
import { sha256 } from "../hash.ts";
import { type CtxUri, uriOf } from "../uri.ts";
import { legacyBytes, legacyPaths, readLegacy } from "./bytes.ts";
import { hashLegacyFolder } from "./folder.ts";

/** Where a v0 contract's paths are relative to (default: the working directory), and how to stop. */
export interface LegacyUriOptions {
  readonly baseDir?: string;
  readonly signal?: AbortSignal;
}

/**
 * The URI that the first prototype gave a contract (DESIGN §4.3), for reading its packs. Its digests collide and are
 * never used for anything new.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT` for what is not a JSON object, `CTXPACK_E_PATH_NOT_FOUND` for an input
 *   folder that is not there.
 */
export async function legacyUri(
  contractText: string,
  options: LegacyUriOptions = {},
): Promise<CtxUri> {
  const { baseDir = ".", signal } = options;
  signal?.throwIfAborted();
  const digests = new Map<string, string>();
  for (const path of legacyPaths(readLegacy(contractText))) {
    digests.set(path, await hashLegacyFolder(resolve(baseDir, path), { signal }));
  }
  return uriOf(sha256(legacyBytes(contractText, digests)));
}
