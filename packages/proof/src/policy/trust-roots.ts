import { CtxPackError, sha256 } from "@ctxpack/identity";
import type { MetricsSink } from "../metrics.ts";
import { TrustRootManager } from "../trust/manager.ts";
import { publicGoodMirror } from "../trust/mirror.ts";
import type { TrustRootStatus } from "../trust/status.ts";
import { parseTrustRoot, type TrustRoot } from "../trust/trust-root.ts";
import type { PolicyTrustRoot } from "./load.ts";

export interface TrustRootsOptions {
  /** The trust directory, as `trustDirectory` gives it. */
  readonly directory: string;
  /** No socket is opened. */
  readonly offline?: boolean | undefined;
  /** As of a `TrustRootManager`. */
  readonly ttlMs?: number | undefined;
  readonly metrics?: MetricsSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Trust roots to verify with. Dispose them when that is done: what is renewed in the background is then waited for. */
export interface OpenTrustRoots extends AsyncDisposable {
  /** Named by the `id` of what the policies say. */
  readonly roots: readonly TrustRoot[];
  /** Those that are not to be had, and why: bundles that need them will not verify. */
  readonly unavailable: readonly { readonly id: string; readonly error: CtxPackError }[];
}

/**
 * Gets the trust roots that policies name: from their files, or from disk and the network by way of TUF. Only bundles
 * with certificates or witnesses need any.
 *
 * @throws `signal.reason`.
 */
export async function openTrustRoots(
  named: readonly PolicyTrustRoot[],
  options: TrustRootsOptions,
): Promise<OpenTrustRoots> {
  const { signal } = options;
  signal?.throwIfAborted();
  await using opening = new AsyncDisposableStack();
  const unavailable: { id: string; error: CtxPackError }[] = [];
  const get = async (one: PolicyTrustRoot): Promise<readonly TrustRoot[]> => {
    try {
      if (one.kind === "file") return [parseTrustRoot(one.id, one.bytes)];
      const manager = opening.use(await managerOf(one, options));
      return [await manager.get({ signal })];
    } catch (error) {
      signal?.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
      unavailable.push({ id: one.id, error });
      return [];
    }
  };
  const roots = (await Promise.all(named.map(get))).flat();
  const opened = opening.move();
  return { roots, unavailable, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** What is kept on disk of the TUF roots that policies name, without asking anybody. Throws what the disk says. */
export async function trustRootStatuses(
  named: readonly PolicyTrustRoot[],
  options: TrustRootsOptions,
): Promise<readonly TrustRootStatus[]> {
  const statuses: TrustRootStatus[] = [];
  for (const one of named) {
    if (one.kind !== "tuf") continue;
    await using manager = await managerOf(one, options);
    statuses.push(await manager.status({ signal: options.signal }));
  }
  return statuses;
}

async function managerOf(
  { id, mirror, root }: PolicyTrustRoot & { readonly kind: "tuf" },
  { directory, offline, ttlMs, metrics }: TrustRootsOptions,
): Promise<TrustRootManager> {
  // A policy that pins no root means sigstore's own repository; no other is read without.
  const pinned = root ?? (await publicGoodMirror()).root;
  return new TrustRootManager({
    directory,
    mirror: { name: id, url: mirror, root: pinned, rootDigest: sha256(pinned) },
    offline,
    ttlMs,
    metrics,
  });
}
