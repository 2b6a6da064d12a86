import type { JsonObject } from "../statement/members.ts";
import type {
  FileEvidence,
  ProofActor,
  ProofAttestation,
  ProofFile,
  ProofPolicyReceipt,
  ProofRuntime,
  ProofTrace,
  UrlEvidence,
} from "./envelope.ts";

/** What an envelope says beside what is hashed for it. */
export interface EnvelopeStatements {
  /** Who speaks. */
  readonly actor: ProofActor;
  readonly runtime: ProofRuntime;
  readonly trace?: ProofTrace | undefined;
  readonly policyReceipts?: readonly ProofPolicyReceipt[] | undefined;
  /** JSON pointers into the envelope of what looks like a secret and is none. */
  readonly allowSecret?: readonly string[] | undefined;
}

/** What an envelope is made from. */
export interface ProofEnvelopeInput extends EnvelopeStatements {
  /** Paths are relative to `base`, or absolute; the envelope has them relative. */
  readonly artifactPath: string;
  readonly artifactMime: string;
  readonly bundlePaths?: readonly string[] | undefined;
  /** JSON that everybody may read. */
  readonly publicContext: JsonObject;
  readonly sealedContextRef?: ProofFile | undefined;
  readonly evidence?: readonly EvidenceInput[] | undefined;
  readonly attestations?: readonly ProofAttestation[] | undefined;
  /** The folder the envelope will lie in. */
  readonly base: string;
}

/** Evidence; digests that are left out are computed, those that are given are checked. */
export type EvidenceInput =
  | (Omit<FileEvidence, "blobSha256"> & { readonly blobSha256?: string })
  | UrlEvidence;
