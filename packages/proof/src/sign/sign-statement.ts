import { createPublicKey, X509Certificate } from "node:crypto";
import { CtxPackError, type Digest, sha256 } from "@ctxpack/identity";
import type { Bundle, BundleSigner, LogEntry } from "../bundle/bundle.ts";
import { parseLogEntry } from "../bundle/log-entry.ts";
import { parseBundle } from "../bundle/parse.ts";
import { writeBundle } from "../bundle/write.ts";
import { type Envelope, envelopeJson } from "../dsse/envelope.ts";
import { verifySignature } from "../keys/verify-signature.ts";
import type { MetricsSink } from "../metrics.ts";
import { statementBytes } from "../statement/create.ts";
import { STATEMENT_MEDIA_TYPE, type Statement } from "../statement/statement.ts";
import { requireBoundEntry } from "../verify/log-binding.ts";
import { envelopeContent } from "../verify/signed-content.ts";
import type { Signature, Signer, SigningIdentity, Witness, Witnessed } from "./signer.ts";

export interface SignStatementOptions {
  readonly signer: Signer;
  /** Whom to have the signature witnessed by; asked at the same time, named in the bundle in this order. */
  readonly witnesses?: readonly Witness[] | undefined;
  readonly metrics?: MetricsSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A sigstore bundle, ready to be stored or attached. */
export interface SignedBundle {
  readonly bytes: Uint8Array;
  /** sha256 of the bytes. */
  readonly digest: Digest;
}

/**
 * Signs a statement and gives back a sigstore bundle of version 0.3. What is given back was read again and verified with
 * the signer's own key, the log entries included; whether others trust signer and witnesses is not looked at.
 *
 * @throws CtxPackError of the signer or a witness; `CTXPACK_E_PROOF_SIGNATURE` or `CTXPACK_E_PROOF_LOG` when what they
 *   answered does not belong together.
 */
export async function signStatement(
  statement: Statement,
  options: SignStatementOptions,
): Promise<SignedBundle> {
  const { metrics, signal } = options;
  const start = performance.now();
  const payload = statementBytes(statement);
  const unsigned = { payloadType: STATEMENT_MEDIA_TYPE, payload, signature: new Uint8Array() };
  const pae = envelopeContent(unsigned).bytes;
  signal?.throwIfAborted();
  const signature = await options.signer.sign(pae, { signal });
  metrics?.histogram("proof_artifacts.sign.duration_ms", performance.now() - start, {
    phase: "local",
  });
  const envelope = envelopeOf(payload, signature);
  const witnessed = await witness(options, pae, signature, envelope);
  const bytes = writeBundle({
    version: "0.3",
    signer: signerOf(signature.identity),
    content: { kind: "envelope", envelope },
    logEntries: witnessed.flatMap(entriesOf),
    timestamps: witnessed.flatMap(({ timestamps = [] }) => timestamps),
  });
  requireOwnSignature(parseBundle(bytes), signature.identity);
  metrics?.histogram("proof_artifacts.sign.duration_ms", performance.now() - start, {
    phase: "total",
  });
  return { bytes, digest: sha256(bytes) };
}

function envelopeOf(payload: Uint8Array, { signature, identity }: Signature): Envelope {
  const keyId = identity.kind === "key" ? identity.keyId : "";
  return { payloadType: STATEMENT_MEDIA_TYPE, payload, signature, keyId };
}

/** Asks all witnesses; when one fails the others are told to stop. */
async function witness(
  options: SignStatementOptions,
  pae: Uint8Array,
  signature: Signature,
  envelope: Envelope,
): Promise<readonly Witnessed[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const signed = { ...signature, pae, envelope: JSON.stringify(envelopeJson(envelope)) };
  try {
    const asked = (options.witnesses ?? []).map((one) => one.witness(signed, { signal }));
    return await Promise.all(asked);
  } catch (error) {
    failed.abort(error);
    throw error;
  }
}

function signerOf(identity: SigningIdentity): BundleSigner {
  return identity.kind === "key"
    ? { kind: "key", hint: identity.keyId }
    : { kind: "certificate", chain: [new X509Certificate(identity.certificate).raw] };
}

function entriesOf({ tlogEntries = [] }: Witnessed): LogEntry[] {
  return tlogEntries.map((entry) =>
    parseLogEntry(entry, { code: "CTXPACK_E_PROOF_LOG", path: "the log's answer" }),
  );
}

/** That the bundle that was written says what was meant, by the signer's own key. */
function requireOwnSignature(bundle: Bundle, identity: SigningIdentity): void {
  const content =
    bundle.content.kind === "envelope" ? envelopeContent(bundle.content.envelope) : undefined;
  const certificate =
    identity.kind === "certificate" ? new X509Certificate(identity.certificate) : undefined;
  const publicKey =
    identity.kind === "key" ? createPublicKey(identity.publicKey) : certificate?.publicKey;
  if (!content || !publicKey || !verifySignature(content.bytes, publicKey, content.signature)) {
    const message = "what the signer gave back is not a signature by the key that it names";
    throw new CtxPackError("CTXPACK_E_PROOF_SIGNATURE", message);
  }
  const signer = certificate?.raw ?? publicKey.export({ type: "spki", format: "der" });
  for (const entry of bundle.logEntries) requireBoundEntry(entry, content, signer);
}
