export type { CtxPackErrorCode, OnProgress } from "@ctxpack/identity";
export { CtxPackError } from "@ctxpack/identity";
export type {
  EnvelopeIssue,
  EnvelopeVerdict,
  MetricsSink,
  NamedKey,
  ProofFileReport,
  SignatureOptions,
  VerifiedSigner,
} from "@ctxpack/proof";
export {
  createProofFiles,
  createStageProofEnvelope,
  findProofFiles,
  gravest,
  MetricsFile,
  newTraceId,
  signProofFiles,
  traceIdOf,
  verifyProofFiles,
  writeProofEnvelope,
} from "@ctxpack/proof";
export type { GivenSigners } from "../trust/given-signers.ts";
export type { MakeKeyOptions } from "./key-files.ts";
export { makeKeyFiles } from "./key-files.ts";
export type { OpenedSigner, SignerChoice } from "./open-signer.ts";
export { openSigner } from "./open-signer.ts";
export type { OpenedSignerFiles } from "./signer-files.ts";
export { readSignerFiles } from "./signer-files.ts";
export type { StatementFiles } from "./statement-files.ts";
export { readStatementFiles } from "./statement-files.ts";
