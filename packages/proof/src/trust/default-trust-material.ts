import { trustDirectory } from "./directory.ts";
import { TrustRootManager } from "./manager.ts";
import type { TrustRoot } from "./trust-root.ts";

let shared: TrustRootManager | undefined;

/**
 * The trust root of sigstore's public instance, from where `trustDirectory` says for this process's environment: one manager
 * for the whole process. Throws as `TrustRootManager.get`.
 */
export function getDefaultTrustMaterial(
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<TrustRoot> {
  shared ??= new TrustRootManager({ directory: trustDirectory({ env: process.env }) });
  return shared.get(options);
}
