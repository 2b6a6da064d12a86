import { CtxPackError } from "@ctxpack/identity";
import type { BundleSigner } from "../bundle/bundle.ts";
import { certificateExtensions } from "./certificate-extensions.ts";
import { type CertificateIdentity, certificateIdentity } from "./certificate-identity.ts";

/**
 * Who the leaf certificate of a bundle says that it is of. **Nothing of it is verified**: anybody can write such a
 * certificate. It is for telling people what is claimed; `verifyBundle` says what is so. `undefined` when it names nobody.
 */
export function claimedIdentity({
  chain: [leaf],
}: BundleSigner & { readonly kind: "certificate" }):
  | Pick<CertificateIdentity, "identity" | "issuer">
  | undefined {
  const extensions = certificateExtensions(Buffer.from(leaf));
  if (extensions === undefined) return undefined;
  try {
    const { identity, issuer } = certificateIdentity(extensions);
    return { identity, issuer };
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    return undefined;
  }
}
