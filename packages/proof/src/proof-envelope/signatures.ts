import {
  CtxPackError,
  type CtxPackErrorCode,
  canonicalize,
  type Digest,
  type JsonValue,
} from "@ctxpack/identity";
import type { MetricsSink } from "../metrics.ts";
import { PROOF_ENVELOPE_TYPE } from "../statement/predicate-type.ts";
import type { TrustRoot } from "../trust/trust-root.ts";
import type { NamedKey } from "../verify/named-key.ts";
import { requireSubject } from "../verify/subject.ts";
import type { VerifiedBundle, VerifiedSigner } from "../verify/verified-bundle.ts";
import { verifyBundle } from "../verify/verify-bundle.ts";
import type { ProofEnvelope } from "./envelope.ts";
import { type EnvelopeIssue, refused } from "./issue.ts";

/** Who may have signed an envelope. */
export interface SignatureOptions {
  /** Sigstore bundles that were found beside the envelope. */
  readonly bundles: readonly Uint8Array[];
  /** Signatures with any of these count. */
  readonly keys: readonly NamedKey[];
  /** Signatures with a certificate count only with one of `identities`. */
  readonly trustRoots?: readonly TrustRoot[] | undefined;
  /** Exact subject alternative name and issuer of certificates. */
  readonly identities?:
    | readonly { readonly identity: string; readonly issuer: string }[]
    | undefined;
  readonly now?: Date | undefined;
}

/** How verification is watched and stopped. */
interface SignatureContext {
  readonly metrics?: MetricsSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the signatures are worth. */
export interface SignatureVerdict {
  readonly issues: readonly EnvelopeIssue[];
  readonly unchecked: readonly string[];
  readonly signers: readonly VerifiedSigner[];
}

/**
 * Whether somebody who may has signed exactly this envelope. No signature is an issue, as is one that does not count
 * when there is no other; attestations inside the envelope have to be right as well, and about its artifact.
 */
export async function verifySignatures(
  envelope: ProofEnvelope,
  options: SignatureOptions | undefined,
  context: SignatureContext,
): Promise<SignatureVerdict> {
  const { signal } = context;
  const attestations = envelope.attestations ?? [];
  if (options === undefined) {
    const unchecked = attestations.map((_, index) => `/attestations/${index}`);
    return { issues: [], unchecked, signers: [] };
  }
  const signers: VerifiedSigner[] = [];
  const failed: EnvelopeIssue[] = [];
  for (const bundle of options.bundles) {
    try {
      const verified = await verifyAllowed(bundle, options, context);
      requireEnvelope(verified, envelope);
      signers.push(verified.signer);
    } catch (error) {
      signal?.throwIfAborted();
      failed.push(refused("signature-refused", "", error));
    }
  }
  const issues = signers.length > 0 ? [] : failed.length > 0 ? failed : [missing()];
  for (const [index, attestation] of attestations.entries()) {
    try {
      const bytes = Buffer.from(attestation.statement, "base64");
      const verified = await verifyAllowed(bytes, options, context);
      requireAttested(verified, envelope, attestation.predicateType);
    } catch (error) {
      signal?.throwIfAborted();
      issues.push(refused("attestation-refused", `/attestations/${index}`, error));
    }
  }
  return { issues, unchecked: [], signers };
}

function missing(): EnvelopeIssue {
  const message = "nobody has signed it";
  return { code: "signature-missing", pointer: "", message, error: "CTXPACK_E_PROOF_MISSING" };
}

async function verifyAllowed(
  bytes: Uint8Array,
  options: SignatureOptions,
  context: SignatureContext,
): Promise<VerifiedBundle> {
  const { identities = [], keys, now, trustRoots = [] } = options;
  const verified = await verifyBundle(bytes, { ...context, keys, trustRoots, now });
  const { signer } = verified;
  if (signer.kind === "key") return verified;
  const allowed = identities.some(
    ({ identity, issuer }) => identity === signer.identity && issuer === signer.issuer,
  );
  if (allowed) return verified;
  const who = `${signer.identity} (${signer.issuer})`;
  throw refusal("CTXPACK_E_PROOF_SIGNER", `${who} has signed it, and is not who was asked for`);
}

/** That the statement is this envelope, whole, about the artifact that it names. */
function requireEnvelope(verified: VerifiedBundle, envelope: ProofEnvelope): void {
  requireAttested(verified, envelope, PROOF_ENVELOPE_TYPE);
  if (canonical(verified.statement.predicate) === canonical(envelope)) return;
  throw refusal("CTXPACK_E_PROOF_SUBJECT", "the signature is of another envelope");
}

function requireAttested(
  verified: VerifiedBundle,
  { artifact }: ProofEnvelope,
  expected: string,
): void {
  const { predicateType } = verified.statement;
  if (predicateType !== expected) {
    throw refusal(
      "CTXPACK_E_PROOF_PREDICATE",
      `the statement is a ${predicateType}, no ${expected}`,
    );
  }
  requireSubject(verified, `sha256:${artifact.contentHash.hex}` satisfies Digest);
}

function canonical(value: object): string {
  return canonicalize(value as JsonValue);
}

function refusal(code: CtxPackErrorCode, message: string): CtxPackError {
  return new CtxPackError(code, message);
}
