import type { NamedKey } from "../verify/named-key.ts";
import type { LoadedPolicy, PolicyTrustRoot } from "./load.ts";

/** What bundles are verified with before policies judge them. */
export interface PolicyMaterial {
  /** Each key once, named by its fingerprint; when a key counts is for each policy to say. */
  readonly keys: readonly NamedKey[];
  /** Each trust root once; what is made of one has to be named by its `id`. */
  readonly trustRoots: readonly PolicyTrustRoot[];
}

/** The keys and trust roots that policies name, all together. */
export function policyMaterial(policies: readonly LoadedPolicy[]): PolicyMaterial {
  const keys = new Map<string, NamedKey>();
  const roots = new Map<string, PolicyTrustRoot>();
  for (const policy of policies) {
    for (const { publicKey, keyId } of policy.keys.values()) {
      keys.set(keyId, { name: keyId, publicKey });
    }
    for (const root of policy.roots.values()) roots.set(root.id, root);
  }
  return { keys: [...keys.values()], trustRoots: [...roots.values()] };
}
