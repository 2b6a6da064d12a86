/** The part of identity that runs without Node's modules: in a browser, a worker, an edge function. */

export type { JsonValue } from "./canonical.ts";
export { canonicalBytes, canonicalize } from "./canonical.ts";
export type {
  Contract,
  ContractInput,
  ContractOutput,
  ContractTransform,
  DigestInput,
  PackInput,
  PathInput,
  Patterns,
  ResolvedContract,
  ResolvedInput,
  ResolvedTransform,
  ValueInput,
} from "./contract.ts";
export { isResolved } from "./contract.ts";
export type { ContractDifference } from "./difference.ts";
export { diffContracts } from "./difference.ts";
export type { Digest, DirHash } from "./digest.ts";
export { digestHex, isDigest, isDirHash, parseDigest } from "./digest.ts";
export type { CtxPackErrorCode, CtxPackErrorOptions } from "./errors.ts";
export { CtxPackError } from "./errors.ts";
export { legacyBytes } from "./legacy/bytes.ts";
export { contractMembers, countDifferingMembers } from "./members.ts";
export type { ParseContractOptions, ParsedContract } from "./parse.ts";
export { parseResolvedContract } from "./parse.ts";
export { parseContract } from "./parse-contract-pure.ts";
export type { PathFilter, Pattern } from "./pattern.ts";
export { compileFilter, compilePattern } from "./pattern.ts";
export { pointerOf, pointerSteps } from "./pointer.ts";
export type { OnProgress, Phase, ProgressEvent } from "./progress.ts";
export { CONTRACT_SCHEMA_URI, ORIGIN, RESOLVED_SCHEMA } from "./schema/origin.ts";
export type { RefuseSecretsOptions, SecretFinding } from "./secret.ts";
export { findSecrets, refuseSecrets } from "./secret.ts";
export type { SecretSpan } from "./secret-shape.ts";
export { findSecretSpans, secretName } from "./secret-shape.ts";
export { visible } from "./source/place.ts";
export { dirHashLines } from "./tree/dirhash.ts";
export { compareBytewise } from "./tree/order.ts";
export type { CtxUri } from "./uri.ts";
export { contractUri, parseUri, uriDigest, uriOf } from "./uri.ts";
