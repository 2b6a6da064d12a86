import { parseTrustRoot, type TrustRoot } from "@ctxpack/proof";
import seeds from "@sigstore/tuf/seeds.json" with { type: "json" };

/** The trust root of sigstore's public service, as `@sigstore/tuf` brings it along. */
export function publicGoodRoot(): TrustRoot {
  const { targets } = seeds["https://tuf-repo-cdn.sigstore.dev"];
  return parseTrustRoot("public", Buffer.from(targets["trusted_root.json"], "base64"));
}
