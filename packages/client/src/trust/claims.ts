import type { PackKind } from "@ctxpack/cache/pack";
import { CtxPackError, type Digest, sha256, uriOf } from "@ctxpack/identity";
import type { Provenance, RefusedBundle } from "@ctxpack/proof";
import type { Evidence } from "./evidence.ts";

/** What signers said of a contract or a run before its bytes were known. */
export interface Claims {
  /** Manifests of the packs that went in, as these proofs say. */
  usedBy(bundles: readonly Digest[]): readonly Digest[];
  /** The evidence without the proofs that say otherwise than the config blob itself. */
  holdTo(kind: PackKind, config: Uint8Array): Pick<Evidence, "verified" | "refused">;
}

/** What the proofs of a pack claim of its contract (tools, models, inputs) or of its run. */
export async function claimsOf({ verified, refused }: Evidence): Promise<Claims> {
  const proof = await import("@ctxpack/proof");
  const claims = new Map<Digest, { readonly provenance: Provenance; readonly used: Digest[] }>();
  for (const { digest, statement } of verified) {
    if (statement.predicateType !== proof.PROVENANCE_TYPE) continue;
    try {
      const provenance = proof.parseProvenance(statement);
      const used = packsIn(proof, provenance)?.flatMap(({ manifest }) => manifest ?? []);
      if (used !== undefined) claims.set(digest, { provenance, used });
    } catch (error) {
      // Anybody may attach one that makes no sense: it never counted.
      if (!CtxPackError.isInstance(error)) throw error;
    }
  }
  return {
    usedBy: (bundles) => bundles.flatMap((digest) => claims.get(digest)?.used ?? []),
    holdTo: (kind, config) => {
      const untrue: RefusedBundle[] = [];
      for (const [digest, { provenance }] of claims) {
        try {
          checkConfig(proof, provenance, { kind, config });
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

type Proof = typeof import("@ctxpack/proof");

/** The packs that went in, as provenance of ours says; `undefined` for provenance of other kinds. */
function packsIn(
  proof: Proof,
  provenance: Provenance,
): readonly { readonly manifest?: Digest | undefined }[] | undefined {
  if (proof.isRunProvenance(provenance)) return proof.readRunProvenance(provenance).parents;
  if (!proof.isPackProvenance(provenance)) return undefined;
  const { packs, reused } = proof.readPackProvenance(provenance);
  return [...packs, ...reused];
}

/** Throws CTXPACK_E_PROOF_CONTRACT for provenance of something else than this contract or run. */
function checkConfig(
  proof: Proof,
  provenance: Provenance,
  { kind, config }: { readonly kind: PackKind; readonly config: Uint8Array },
): void {
  const isRun = proof.isRunProvenance(provenance);
  if (!isRun && kind === "contract") {
    proof.checkProvenanceContract(provenance, config);
    return;
  }
  const uri = uriOf(sha256(config));
  if (isRun && kind === "trace" && proof.readRunProvenance(provenance).run === uri) return;
  const said = isRun ? "the trace of a run" : "the output of a contract";
  const found = kind === "trace" ? "the trace of a run" : "the output of a contract";
  const message =
    said === found
      ? `the provenance is about another run than ${uri}`
      : `the provenance is about ${said}, and the pack is ${found}`;
  throw new CtxPackError("CTXPACK_E_PROOF_CONTRACT", message);
}
