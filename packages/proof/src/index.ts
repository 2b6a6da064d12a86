export type { MetricLabels, MetricsSink } from "./metrics.ts";
export type {
  Signature,
  Signed,
  Signer,
  SigningIdentity,
  Witness,
  Witnessed,
} from "./sign/signer.ts";
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
