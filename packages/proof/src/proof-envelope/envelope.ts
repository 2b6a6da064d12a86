import type { JsonObject } from "../statement/members.ts";

/** `proofSpec` and `specVersion` of the envelopes we write. */
export const PROOF_SPEC = { name: "ctxpack/proof-envelope", version: "1.0.0" } as const;

/** The same of an earlier system, whose envelopes are read and verified too. */
export const EARLIER_PROOF_SPEC = {
  name: "cortex-os/proof-artifact",
  version: "0.2.0",
} as const;

/** An artifact, what it was made from and by, and the evidence for what it says (schemas/proof-envelope.v1.json). */
export interface ProofEnvelope {
  readonly proofSpec: string;
  readonly specVersion: string;
  /** ULID. */
  readonly id: string;
  /** RFC 3339. */
  readonly issuedAt: string;
  readonly actor: ProofActor;
  readonly artifact: ProofArtifactDescriptor;
  readonly bundle?: { readonly files: readonly ProofFile[]; readonly merkleRoot?: string };
  readonly context: { readonly public: JsonObject; readonly sealedRef?: ProofFile };
  readonly evidence: readonly ProofEvidence[];
  readonly runtime: ProofRuntime;
  readonly trace?: ProofTrace;
  readonly policyReceipts?: readonly ProofPolicyReceipt[];
  readonly attestations?: readonly ProofAttestation[];
}

/** Who speaks: a program and its part in a run. */
export interface ProofActor {
  readonly agent: string;
  readonly role: string;
  readonly runId?: string;
}

/** What is proved. */
export interface ProofArtifactDescriptor {
  /** Relative to the envelope's folder; `…#stage=KEY` for a stage of a run manifest. */
  readonly uri: string;
  readonly mime: string;
  readonly contentHash: { readonly alg: "sha256"; readonly hex: string };
}

/** A file and its SHA-256 in hex. */
export interface ProofFile {
  readonly uri: string;
  readonly sha256: string;
}

/** What backs a claim. */
export type ProofEvidence = FileEvidence | UrlEvidence;

export interface FileEvidence {
  readonly type: "file";
  /** A path with `/`, relative to the envelope's folder. */
  readonly path: string;
  /** Of the whole file. */
  readonly blobSha256: string;
  readonly commit?: string;
  /** From 1, both included. */
  readonly lines?: { readonly start: number; readonly end: number };
  /** Stands in the lines, or in the file. */
  readonly quote?: string;
  readonly quoteSha256?: string;
  readonly description?: string;
}

export interface UrlEvidence {
  readonly type: "url";
  readonly href: string;
  readonly selector?: string;
  /** What the URL answered, and when. */
  readonly snapshot?: { readonly bodySha256: string; readonly retrievedAt: string };
  /** Stands in the snapshot. */
  readonly quote?: string;
  readonly quoteSha256?: string;
  readonly description?: string;
}

/** What the artifact was made by. */
export interface ProofRuntime {
  readonly model: string;
  readonly parameters?: JsonObject;
  /** Tool → version. */
  readonly tooling?: Readonly<Record<string, string>>;
}

export interface ProofTrace {
  readonly otel: { readonly traceId: string; readonly rootSpanId?: string };
}

/** What a policy said of the artifact. */
export interface ProofPolicyReceipt {
  readonly name: string;
  readonly status: "pass" | "fail" | "warn";
  readonly checks?: readonly string[];
  readonly sbom?: string;
}

/** A signed statement about the same artifact; the envelope's own signature lies beside it. */
export interface ProofAttestation {
  readonly type: "in-toto";
  readonly predicateType: string;
  /** A sigstore bundle in base64. */
  readonly statement: string;
  readonly signing: { readonly method: string; readonly issuer: string };
}

/** Whether an envelope is one of the earlier system. */
export function isEarlier(envelope: ProofEnvelope): boolean {
  return envelope.proofSpec === EARLIER_PROOF_SPEC.name;
}
