import {
  CtxPackError,
  canonicalBytes,
  type Digest,
  type JsonValue,
  type ResolvedContract,
} from "@ctxpack/identity";
import type { Provenance, RefusedBundle } from "@ctxpack/proof";
import type { Evidence } from "./evidence.ts";

/** What signers said of contracts before the contract was known. */
export interface Claims {
  /** Manifests of the packs that went in, as these proofs say. */
  usedBy(bundles: readonly Digest[]): readonly Digest[];
  /** The evidence without the proofs that say otherwise than the contract itself. */
  holdTo(contract: ResolvedContract): Pick<Evidence, "verified" | "refused">;
}

/** What the proofs of a pack claim of its contract: tools, models, inputs. */
export async function claimsOf({ verified, refused }: Evidence): Promise<Claims> {
  const proof = await import("@ctxpack/proof");
  const claims = new Map<Digest, { readonly provenance: Provenance; readonly used: Digest[] }>();
  for (const { digest, statement } of verified) {
    if (statement.predicateType !== proof.PROVENANCE_TYPE) continue;
    try {
      const provenance = proof.parseProvenance(statement);
      if (!proof.isPackProvenance(provenance)) continue;
      const { packs, reused } = proof.readPackProvenance(provenance);
      const used = [...packs, ...reused].flatMap(({ manifest }) => manifest ?? []);
      claims.set(digest, { provenance, used });
    } catch (error) {
      // Anybody may attach one that makes no sense: it never counted.
      if (!CtxPackError.isInstance(error)) throw error;
    }
  }
  return {
    usedBy: (bundles) => bundles.flatMap((digest) => claims.get(digest)?.used ?? []),
    holdTo: (contract) => {
      const bytes = canonicalBytes(contract as unknown as JsonValue);
      const untrue: RefusedBundle[] = [];
      for (const [digest, { provenance }] of claims) {
        try {
          proof.checkProvenanceContract(provenance, bytes);
        } catch (error) {
          if (!CtxPackError.isInstance(error) || !proof.isProofError(error.code)) throw error;
          untrue.push({ digest, code: error.code, message: error.message });
        }
      }
      const lies = new Set(untrue.map(({ digest }) => digest));
      return {
        verified: verified.filter(({ digest }) => !lies.has(digest)),
        refused: [...refused, ...untrue],
      };
    },
  };
}
