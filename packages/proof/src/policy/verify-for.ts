import { CtxPackError } from "@ctxpack/identity";
import type { VerifiedBundle } from "../verify/verified-bundle.ts";
import { type VerifyBundleOptions, verifyBundle } from "../verify/verify-bundle.ts";

/**
 * Verifies a bundle for policies: a certificate under each trust root that it leads to, for one policy may have a copy
 * of what another has by way of TUF, and each believes its own. All of what comes back goes into `evaluate`.
 *
 * @throws CtxPackError as `verifyBundle`, when it verifies under none.
 */
export async function verifyForPolicies(
  bytes: Uint8Array,
  options: VerifyBundleOptions,
): Promise<readonly VerifiedBundle[]> {
  const first = await verifyBundle(bytes, options);
  const { signer } = first;
  if (signer.kind === "key") return [first];
  const others = options.trustRoots.filter(({ name }) => name !== signer.trustRoot);
  const all = [first];
  for (const root of others) {
    try {
      all.push(await verifyBundle(bytes, { ...options, trustRoots: [root] }));
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
    }
  }
  return all;
}
