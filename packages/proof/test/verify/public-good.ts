import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseTrustRoot, type TrustRoot } from "@ctxpack/proof";

/** The trust root of sigstore's public service, as `@sigstore/tuf` brings it along. */
export function publicGoodRoot(): TrustRoot {
  const seeds = createRequire(import.meta.url).resolve("@sigstore/tuf/seeds.json");
  const all = JSON.parse(readFileSync(seeds, "utf8")) as Record<
    string,
    { targets: Record<string, string> }
  >;
  const targets = all["https://tuf-repo-cdn.sigstore.dev"]?.targets;
  return parseTrustRoot("public", Buffer.from(targets?.["trusted_root.json"] ?? "", "base64"));
}
