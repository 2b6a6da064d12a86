import { X509Certificate } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import { algorithmOf } from "../keys/algorithm.ts";

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";

/**
 * The leaf of a bundle's chain, as far as it can be judged alone: really a certificate (and no bare key in its place), for
 * signing code, of a key that we verify with, not an authority's. Whether it leads to a trust root is not looked at.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_CERTIFICATE`.
 */
export function leafCertificate(chain: readonly [Uint8Array, ...Uint8Array[]]): X509Certificate {
  const [leaf, ...others] = chain.map(parseCertificate);
  if (leaf === undefined) throw refused("is missing");
  if (leaf.ca) throw refused("is one of an authority, not of a signer");
  const usage: readonly string[] | undefined = leaf.keyUsage;
  if (usage !== undefined && !usage.includes(CODE_SIGNING))
    throw refused("is not for signing code");
  for (const other of others) {
    // The root comes from the trust root alone; a bundle that brings one along asks to be believed.
    if (other.checkIssued(other)) throw refused("comes with a root certificate");
  }
  try {
    algorithmOf(leaf.publicKey, "the signer's certificate");
  } catch (cause) {
    const found = CtxPackError.isInstance(cause) ? ` (${cause.details["found"]})` : "";
    throw refused(`has a key that is neither ECDSA P-256 nor Ed25519${found}`, cause);
  }
  return leaf;
}

function parseCertificate(der: Uint8Array): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (cause) {
    throw refused("is not an X.509 certificate", cause);
  }
  // Node takes PEM as well, and passes over what follows.
  if (!certificate.raw.equals(der)) throw refused("is not written as DER");
  return certificate;
}

function refused(what: string, cause?: unknown): CtxPackError {
  const message = `the signer's certificate ${what}`;
  return new CtxPackError("CTXPACK_E_PROOF_CERTIFICATE", message, { cause });
}
