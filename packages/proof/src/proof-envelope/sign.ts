import {
  type SignedBundle,
  type SignStatementOptions,
  signStatement,
} from "../sign/sign-statement.ts";
import { createStatement } from "../statement/create.ts";
import type { JsonObject } from "../statement/members.ts";
import { PROOF_ENVELOPE_TYPE } from "../statement/predicate-type.ts";
import type { ProofEnvelope } from "./envelope.ts";
import { requireValid, type VerifyEnvelopeOptions, verifyProofEnvelope } from "./verify.ts";

/** What an envelope is signed with, and where its files lie. */
export type SignEnvelopeOptions = SignStatementOptions &
  Omit<VerifyEnvelopeOptions, "signatures" | "metrics">;

/**
 * Signs an envelope: an in-toto statement whose subject is the artifact and whose predicate is the envelope, whole, as a
 * sigstore bundle that belongs beside the envelope and is never part of it. Everything that the envelope names is
 * verified before: nobody signs what does not hold.
 *
 * @throws CtxPackError of the first thing that does not hold; what {@link signStatement} throws;
 *   `CTXPACK_E_TOO_LARGE` for an envelope of more than 1 MiB.
 */
export async function signProofEnvelope(
  envelope: ProofEnvelope,
  options: SignEnvelopeOptions,
): Promise<SignedBundle> {
  const { uri, contentHash } = envelope.artifact;
  requireValid(await verifyProofEnvelope(envelope, options), uri);
  const statement = createStatement({
    subject: { name: nameOf(uri), digest: `sha256:${contentHash.hex}` },
    predicateType: PROOF_ENVELOPE_TYPE,
    predicate: envelope as unknown as JsonObject,
  });
  return await signStatement(statement, options);
}

/** The file's own name, and the stage's: no folder, which may be somebody's. */
function nameOf(uri: string): string {
  return uri.slice(uri.lastIndexOf("/") + 1);
}
