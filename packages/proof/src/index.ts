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
export type { IdentityProvider } from "./keyless/identity-provider.ts";
export { ambientIdentity } from "./keyless/identity-provider.ts";
export type { KeylessServices, KeylessServicesOptions } from "./keyless/keyless-services.ts";
export { keylessServices } from "./keyless/keyless-services.ts";
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
export type { MetricLabels, MetricsSink } from "./metrics.ts";
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
