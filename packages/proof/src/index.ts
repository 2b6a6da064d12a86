export type { MetricLabels, MetricsSink } from "./metrics.ts";
export type {
  Signature,
  Signed,
  Signer,
  SigningIdentity,
  Witness,
  Witnessed,
} from "./sign/signer.ts";
export type { StatementInput } from "./statement/create.ts";
export { createStatement, statementBytes } from "./statement/create.ts";
export type { JsonObject } from "./statement/members.ts";
export { parseStatement } from "./statement/parse.ts";
export {
  PROOF_ENVELOPE_TYPE,
  PROVENANCE_TYPE,
  RELEASE_TYPE,
  SUMMARY_TYPE,
} from "./statement/predicate-type.ts";
export type { Provenance, ProvenanceMetadata } from "./statement/provenance.ts";
export { parseProvenance } from "./statement/provenance.ts";
export type { DigestSet, ResourceDescriptor, Statement, Subject } from "./statement/statement.ts";
export { STATEMENT_MEDIA_TYPE, STATEMENT_TYPE } from "./statement/statement.ts";
export type { ProofErrorCode } from "./verify/failure.ts";
export { isProofError, PROOF_STEPS } from "./verify/failure.ts";
export type {
  RefusedBundle,
  VerifiedBundle,
  VerifiedSigner,
  VerifiedTime,
} from "./verify/verified-bundle.ts";
