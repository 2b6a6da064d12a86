export type { HashedFile, HashFilesOptions } from "./hash/files.ts";
export { hashFiles } from "./hash/files.ts";
export type { MetricLabels, MetricsSink } from "./metrics.ts";
export type {
  Signature,
  Signed,
  Signer,
  SigningIdentity,
  Witness,
  Witnessed,
} from "./sign/signer.ts";
export { CONTRACT_PACK_BUILD_TYPE } from "./statement/build-type.ts";
export type { BuildKind, BuildOrigin, BuildSource } from "./statement/builder.ts";
export { buildOrigin, RUN_BUILDER, SEED_BUILDER } from "./statement/builder.ts";
export type { StatementInput } from "./statement/create.ts";
export { createStatement, statementBytes } from "./statement/create.ts";
export type { JsonObject } from "./statement/members.ts";
export type { PackDependency, PackFacts, ReusedPack } from "./statement/pack-provenance.ts";
export { packProvenance } from "./statement/pack-provenance.ts";
export { parseStatement } from "./statement/parse.ts";
export {
  PROOF_ENVELOPE_TYPE,
  PROVENANCE_TYPE,
  RELEASE_TYPE,
  SUMMARY_TYPE,
} from "./statement/predicate-type.ts";
export type { Provenance, ProvenanceMetadata } from "./statement/provenance.ts";
export { parseProvenance } from "./statement/provenance.ts";
export type { PackProvenance } from "./statement/read-pack.ts";
export {
  checkProvenanceContract,
  isPackProvenance,
  readPackProvenance,
} from "./statement/read-pack.ts";
export type { Release, ReleaseFacts } from "./statement/release.ts";
export { isReleaseOf, parseRelease, releasePredicate } from "./statement/release.ts";
export type { DigestSet, ResourceDescriptor, Statement, Subject } from "./statement/statement.ts";
export { STATEMENT_MEDIA_TYPE, STATEMENT_TYPE } from "./statement/statement.ts";
export type { Summary, SummaryFacts } from "./statement/summary.ts";
export { parseSummary, summaryPredicate, VERIFIER } from "./statement/summary.ts";
export type { TransformSummary } from "./statement/transform-summary.ts";
export type { ProofErrorCode } from "./verify/failure.ts";
export { isProofError, PROOF_STEPS } from "./verify/failure.ts";
export type {
  RefusedBundle,
  VerifiedBundle,
  VerifiedSigner,
  VerifiedTime,
} from "./verify/verified-bundle.ts";
