import { ORIGIN } from "@ctxpack/identity";

/** SLSA provenance, every 1.x of it: where a pack comes from. */
export const PROVENANCE_TYPE = "https://slsa.dev/provenance/v1";

/** SLSA verification summary: what a verifier found. */
export const SUMMARY_TYPE = "https://slsa.dev/verification_summary/v1";

/** in-toto release: a tag is meant to name this artifact. */
export const RELEASE_TYPE = "https://in-toto.io/attestation/release/v0.1";

/** Evidence, policy receipts and context of an artifact. */
export const PROOF_ENVELOPE_TYPE: string = `${ORIGIN}attestation/proof-envelope/v1`;
