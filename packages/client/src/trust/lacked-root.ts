import type { CtxPackError } from "@ctxpack/identity";
import type { Evaluation, ProofErrorCode, Verdict, VerifiedBundle } from "@ctxpack/proof";
import type { Evidence, Material } from "./evidence.ts";

/** Steps that a trust root decides of a signature with a key: what its witnesses say. */
const WITNESS_STEPS: readonly ProofErrorCode[] = [
  "CTXPACK_E_PROOF_BUNDLE",
  "CTXPACK_E_PROOF_TRUST_ROOT",
  "CTXPACK_E_PROOF_TIMESTAMP",
  "CTXPACK_E_PROOF_CERTIFICATE",
  "CTXPACK_E_PROOF_LOG",
];

/** Reasons that another trust root might take away; what a statement says is the same under each. */
const ROOT_REASONS: readonly ProofErrorCode[] = [
  ...WITNESS_STEPS,
  "CTXPACK_E_PROOF_KEY",
  "CTXPACK_E_PROOF_SIGNATURE",
  "CTXPACK_E_PROOF_SIGNER",
  "CTXPACK_E_PROOF_STALE",
];

/** Whether more could be said of a bundle with another trust root, after what was said without. */
export async function hangsOnRoot(
  bytes: Uint8Array,
  outcome: readonly VerifiedBundle[] | ProofErrorCode,
): Promise<boolean> {
  const { parseBundle } = await import("@ctxpack/proof");
  let bundle: ReturnType<typeof parseBundle>;
  try {
    bundle = parseBundle(bytes);
  } catch {
    // Said already: it is no bundle under any root.
    return false;
  }
  if (bundle.signer.kind === "certificate") return true;
  if (bundle.logEntries.length + bundle.timestamps.length === 0) return false;
  if (typeof outcome === "string") return WITNESS_STEPS.includes(outcome);
  return outcome.every(({ times, logEntries }) => times.length + logEntries === 0);
}

/** What was judged, and by what. */
interface Judged {
  readonly verdict: Verdict;
  readonly evaluation: Pick<Evaluation, "policies">;
  readonly evidence: Pick<Evidence, "rootless">;
  readonly unavailable: Material["unavailable"];
  /** Of the packs that this one was made from. */
  readonly others: readonly Pick<Evidence, "rootless">[];
}

/**
 * Why a trust root is not to be had that might have made a refusal an acceptance: then that is what the user has to hear.
 * `undefined` when the verdict would be the same with it.
 */
export function lackedRoot(judged: Judged): CtxPackError | undefined {
  const { verdict, evaluation, evidence, unavailable, others } = judged;
  const { rootless } = evidence;
  for (const [i, { accepted, reasons }] of verdict.policies.entries()) {
    if (accepted) continue;
    const named = [...(evaluation.policies[i]?.roots.values() ?? [])];
    const lacked = unavailable.find(({ id }) => named.some((root) => root.id === id));
    if (lacked === undefined) continue;
    const hangs = reasons.some(({ code, bundle }) => {
      if (code === "CTXPACK_E_PROOF_DEPENDENCY") return others.some((one) => one.rootless.size > 0);
      // Without a time that others vouch for anything is older than what was accepted before.
      if (code === "CTXPACK_E_PROOF_ROLLBACK") return rootless.size > 0;
      return bundle !== undefined && rootless.has(bundle) && ROOT_REASONS.includes(code);
    });
    if (hangs) return lacked.error;
  }
  return undefined;
}
