export type {
  Bundle,
  BundleContent,
  BundleSigner,
  BundleVersion,
  InclusionProof,
  LogEntry,
  MessageSignature,
} from "./bundle/bundle.ts";
export { BUNDLE_LIMIT, BUNDLE_MEDIA_TYPE } from "./bundle/bundle.ts";
export { parseBundle } from "./bundle/parse.ts";
export type { Envelope } from "./dsse/envelope.ts";
export { envelopeJson } from "./dsse/envelope.ts";
export { preAuthEncoding } from "./dsse/pae.ts";
export type { HashedFile, HashFilesOptions } from "./hash/files.ts";
export { hashFiles } from "./hash/files.ts";
export type { IdentityProvider } from "./keyless/identity-provider.ts";
export { ambientIdentity } from "./keyless/identity-provider.ts";
export type { KeylessServices, KeylessServicesOptions } from "./keyless/keyless-services.ts";
export { configuredWitnesses, keylessServices } from "./keyless/keyless-services.ts";
export type { KeylessSignerOptions } from "./keyless/keyless-signer.ts";
export { keylessSigner } from "./keyless/keyless-signer.ts";
export type { RekorV1WitnessOptions } from "./keyless/rekor-v1.ts";
export { rekorV1Witness } from "./keyless/rekor-v1.ts";
export type { RekorV2WitnessOptions } from "./keyless/rekor-v2.ts";
export { rekorV2Witness } from "./keyless/rekor-v2.ts";
export type { ListedService, ServiceChoice, SigningConfig } from "./keyless/signing-config.ts";
export { parseSigningConfig } from "./keyless/signing-config.ts";
export type { TsaWitnessOptions } from "./keyless/timestamp.ts";
export { tsaWitness } from "./keyless/timestamp.ts";
export type { KeyAlgorithm } from "./keys/algorithm.ts";
export type { GenerateKeyOptions, KeyPair } from "./keys/generate.ts";
export { generateKey } from "./keys/generate.ts";
export { keyId } from "./keys/key-id.ts";
export type { Passphrase, ReadPrivateKeyOptions } from "./keys/read.ts";
export { parsePublicKey, readPrivateKey, readPublicKey } from "./keys/read.ts";
export type { KeyFiles } from "./keys/write.ts";
export { publicKeyFile, writeKeyFiles } from "./keys/write.ts";
export type { Found } from "./lock/check.ts";
export { checkPin, pinOf } from "./lock/check.ts";
export type { Lock, LockedPack, LockedSigner } from "./lock/lock.ts";
export { LOCK_FILE, LOCK_SCHEMA, LOCK_SCHEMA_URI, withoutPin, withPin } from "./lock/lock.ts";
export { parseLock } from "./lock/parse.ts";
export { updateLock } from "./lock/update.ts";
export type { LockFileOptions } from "./lock/write.ts";
export { formatLock, readLock, writeLock } from "./lock/write.ts";
export type { MetricKind, MetricLabels, MetricName, MetricsSink } from "./metrics.ts";
export { METRICS } from "./metrics.ts";
export type { MetricsFileOptions } from "./metrics-file.ts";
export { MetricsFile } from "./metrics-file.ts";
export type { GatherDependency } from "./policy/dependencies.ts";
export { evaluateWithDependencies } from "./policy/dependencies.ts";
export type { Evaluation } from "./policy/evaluate.ts";
export { evaluate } from "./policy/evaluate.ts";
export { explainPolicy } from "./policy/explain.ts";
export { explainVerdict } from "./policy/explain-verdict.ts";
export type { LoadedPolicy, PolicyKey, PolicyTrustRoot } from "./policy/load.ts";
export { loadPolicy, readPolicy } from "./policy/load.ts";
export type { PolicyMaterial } from "./policy/material.ts";
export { policyMaterial } from "./policy/material.ts";
export type { PantryPattern } from "./policy/pantry-pattern.ts";
export { parsePolicy } from "./policy/parse.ts";
export type {
  IdentitySigner,
  KeySigner,
  NamedSigner,
  Policy,
  ProvenanceRules,
  Requirement,
  Revocation,
  Rule,
  TrustRootSource,
} from "./policy/policy.ts";
export { POLICY_SCHEMA, POLICY_SCHEMA_URI, policyDigest } from "./policy/policy.ts";
export { requireAccepted } from "./policy/require-accepted.ts";
export type { LastSeen, SeenTimes } from "./policy/seen.ts";
export { SeenTimesFile } from "./policy/seen-file.ts";
export type { Selection } from "./policy/select.ts";
export type { OpenTrustRoots, TrustRootsOptions } from "./policy/trust-roots.ts";
export { openTrustRoots, trustRootStatuses } from "./policy/trust-roots.ts";
export type {
  CountedSigner,
  JudgedDependency,
  JudgedPack,
  PolicyVerdict,
  Reason,
  SeenKey,
  SeenPack,
  Verdict,
} from "./policy/verdict.ts";
export { verifyForPolicies } from "./policy/verify-for.ts";
export type {
  CreateFilesOptions,
  Paths,
  ProofFileReport,
  SignFilesOptions,
  VerifyFilesOptions,
} from "./proof-envelope/batch.ts";
export {
  createProofFiles,
  gravest,
  signProofFiles,
  verifyProofFiles,
} from "./proof-envelope/batch.ts";
export type { CreateEnvelopeOptions } from "./proof-envelope/create.ts";
export { createProofEnvelope } from "./proof-envelope/create.ts";
export type {
  FileEvidence,
  ProofActor,
  ProofArtifactDescriptor,
  ProofAttestation,
  ProofEnvelope,
  ProofEvidence,
  ProofFile,
  ProofPolicyReceipt,
  ProofRuntime,
  ProofTrace,
  UrlEvidence,
} from "./proof-envelope/envelope.ts";
export { EARLIER_PROOF_SPEC, PROOF_SPEC } from "./proof-envelope/envelope.ts";
export {
  envelopePath,
  readProofEnvelope,
  readSignatures,
  signaturePath,
  writeProofEnvelope,
} from "./proof-envelope/envelope-file.ts";
export type { UnseenPath } from "./proof-envelope/find.ts";
export { ENVELOPE_SUFFIX, findProofFiles } from "./proof-envelope/find.ts";
export type {
  EnvelopeStatements,
  EvidenceInput,
  ProofEnvelopeInput,
} from "./proof-envelope/input.ts";
export type { EnvelopeIssue, EnvelopeIssueCode } from "./proof-envelope/issue.ts";
export { merkleRoot } from "./proof-envelope/merkle.ts";
export type { RunManifest, RunStage, StageEvidence } from "./proof-envelope/run-manifest.ts";
export { findStage, loadRunManifest } from "./proof-envelope/run-manifest.ts";
export type { SignEnvelopeOptions } from "./proof-envelope/sign.ts";
export { signProofEnvelope } from "./proof-envelope/sign.ts";
export type { SignatureOptions } from "./proof-envelope/signatures.ts";
export type { StageProofInput } from "./proof-envelope/stage.ts";
export { createStageProofEnvelope, verifyStageProofEnvelope } from "./proof-envelope/stage.ts";
export type { ProofEnvelopeValidator } from "./proof-envelope/validator.ts";
export { getProofEnvelopeValidator, parseProofEnvelope } from "./proof-envelope/validator.ts";
export type { EnvelopeVerdict, VerifyEnvelopeOptions } from "./proof-envelope/verify.ts";
export { verifyProofEnvelope } from "./proof-envelope/verify.ts";
export { attachBundle } from "./referrer/attach.ts";
export type { DiscoverLimits, DiscoverOptions, FoundBundle } from "./referrer/discover.ts";
export { discoverBundles } from "./referrer/discover.ts";
export type { ExportedLayout } from "./referrer/export-layout.ts";
export { exportLayout } from "./referrer/export-layout.ts";
export type { ExternalSignerOptions } from "./sign/external.ts";
export { externalSigner } from "./sign/external.ts";
export type { LocalSignerOptions } from "./sign/local.ts";
export { localSigner } from "./sign/local.ts";
export type { SignedBundle, SignStatementOptions } from "./sign/sign-statement.ts";
export { signStatement } from "./sign/sign-statement.ts";
export type {
  Signature,
  Signed,
  Signer,
  SigningIdentity,
  Witness,
  Witnessed,
} from "./sign/signer.ts";
export { AGENT_RUN_BUILD_TYPE, CONTRACT_PACK_BUILD_TYPE } from "./statement/build-type.ts";
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
export type { RunProvenance } from "./statement/read-run.ts";
export { isRunProvenance, readRunProvenance } from "./statement/read-run.ts";
export type { Release, ReleaseFacts } from "./statement/release.ts";
export { isReleaseOf, parseRelease, releasePredicate } from "./statement/release.ts";
export type { MakingFacts } from "./statement/run-details.ts";
export type { ParentRun, RunFacts } from "./statement/run-provenance.ts";
export { runProvenance } from "./statement/run-provenance.ts";
export type { DigestSet, ResourceDescriptor, Statement, Subject } from "./statement/statement.ts";
export { STATEMENT_MEDIA_TYPE, STATEMENT_TYPE } from "./statement/statement.ts";
export type { Summary, SummaryFacts } from "./statement/summary.ts";
export { parseSummary, summaryPredicate, VERIFIER } from "./statement/summary.ts";
export type { TransformSummary } from "./statement/transform-summary.ts";
export { newTraceId, traceIdOf } from "./trace-id.ts";
export { getDefaultTrustMaterial } from "./trust/default-trust-material.ts";
export type { TrustDirectoryOptions } from "./trust/directory.ts";
export { trustDirectory } from "./trust/directory.ts";
export type { TrustRootManagerOptions } from "./trust/manager.ts";
export { TrustRootManager } from "./trust/manager.ts";
export type { TrustMirror } from "./trust/mirror.ts";
export { publicGoodMirror } from "./trust/mirror.ts";
export { pruneTrustDirectory } from "./trust/prune.ts";
export type { Freshness, TrustRootStatus } from "./trust/status.ts";
export type {
  TrustedAuthority,
  TrustedLog,
  TrustRoot,
  ValidityWindow,
} from "./trust/trust-root.ts";
export { parseTrustRoot } from "./trust/trust-root.ts";
export { claimedIdentity } from "./verify/claimed-identity.ts";
export type { ProofErrorCode } from "./verify/failure.ts";
export { isProofError, PROOF_STEPS } from "./verify/failure.ts";
export type { NamedKey } from "./verify/named-key.ts";
export { requireSubject } from "./verify/subject.ts";
export type {
  RefusedBundle,
  VerifiedBundle,
  VerifiedSigner,
  VerifiedTime,
} from "./verify/verified-bundle.ts";
export type { VerifiedMessage, VerifyBundleOptions } from "./verify/verify-bundle.ts";
export { verifyBundle, verifyMessage } from "./verify/verify-bundle.ts";
export type { Attribution, VerifyOptions } from "./verify/verify-signer.ts";
