import { resolve } from "node:path";
import { findHit } from "@ctxpack/cache";
import { type CtxUri, parseUri } from "@ctxpack/identity";
import { type Env, loadConfig } from "./config.ts";
import type { PullOptions, PullResult } from "./pull.ts";

/** What is to be pulled how, and for whom: as for `CtxPack.pull` and `CtxPack.open`. */
export interface HitOptions extends PullOptions {
  readonly env: Env;
  readonly cwd: string;
}

const URI = /^(?:ctx:\/\/)?(?:sha256:)?[0-9a-fA-F]{64}$/;

/**
 * What `CtxPack.pull` gives for a whole URI whose pack is in the store with its folder: the commonest of all pulls,
 * answered without what fetching and unpacking take. `undefined` when there is more to it; `CtxPack.pull` then does
 * it. Throws CTXPACK_E_CONFIG, and `signal.reason`.
 */
export function pullHit(subject: string, options: HitOptions): PullResult | undefined {
  const { env, cwd, only, to, pin, verify, signal } = options;
  signal?.throwIfAborted();
  const uri = uriOf(subject);
  if (uri === undefined) return undefined;
  if (only || to !== undefined || pin || verify) return undefined;
  const { cacheDir, policies, locks } = loadConfig({ cwd: resolve(cwd), env });
  // What a policy or a lock file says of a pack is not known here.
  if (policies.length + locks.length > 0) return undefined;
  const hit = findHit(cacheDir, uri);
  if (hit === undefined) return undefined;
  const nothing = { fetched: 0, existing: 0 };
  const verified = "nothing fetched";
  return { uri, ...hit, source: "store", blobs: nothing, bytes: nothing, verified };
}

function uriOf(subject: string): CtxUri | undefined {
  return URI.test(subject) ? parseUri(subject.toLowerCase()) : undefined;
}
