import { CtxPackError, type Digest, sha256 } from "@ctxpack/identity";
import { parseBundle } from "../bundle/parse.ts";
import type { MetricsSink } from "../metrics.ts";
import { parseStatement } from "../statement/parse.ts";
import { STATEMENT_MEDIA_TYPE } from "../statement/statement.ts";
import { envelopeContent, messageContent } from "./signed-content.ts";
import type { VerifiedBundle } from "./verified-bundle.ts";
import { type Attribution, type VerifyOptions, verifySigner } from "./verify-signer.ts";

export interface VerifyBundleOptions extends VerifyOptions {
  readonly metrics?: MetricsSink | undefined;
}

/**
 * Verifies a sigstore bundle that holds an in-toto statement: form, witnesses, who signed, the signature, and that what was
 * signed is a statement. Every witness in the bundle has to be right. Who is allowed to sign what is not judged here, nor
 * what the statement is about ({@link requireSubject}); a signature by itself makes nobody trustworthy.
 *
 * @throws CtxPackError whose code is that of the step that the bundle did not pass: `CTXPACK_E_PROOF_BUNDLE`, `_TRUST_ROOT`,
 *   `_TIMESTAMP`, `_KEY`, `_CERTIFICATE`, `_LOG`, `_SIGNATURE` or `_STATEMENT`.
 */
export async function verifyBundle(
  bytes: Uint8Array,
  options: VerifyBundleOptions,
): Promise<VerifiedBundle> {
  return measured(options, async () => {
    const bundle = parseBundle(bytes);
    if (bundle.content.kind !== "envelope") {
      const message = "the bundle signs a file as it is, and no statement";
      throw new CtxPackError("CTXPACK_E_PROOF_STATEMENT", message);
    }
    const { envelope } = bundle.content;
    const attribution = await verifySigner(bundle, envelopeContent(envelope), options);
    if (envelope.payloadType !== STATEMENT_MEDIA_TYPE) {
      const shown = JSON.stringify(envelope.payloadType.slice(0, 120));
      const message = `the bundle signs ${shown}, which is no in-toto statement`;
      throw new CtxPackError("CTXPACK_E_PROOF_STATEMENT", message);
    }
    return { digest: sha256(bytes), statement: parseStatement(envelope.payload), ...attribution };
  });
}

/** A bundle whose signature is over a file itself. */
export interface VerifiedMessage extends Attribution {
  /** sha256 of the bundle's bytes. */
  readonly digest: Digest;
  /** sha256 of the bytes that were signed. */
  readonly artifact: Digest;
}

/**
 * Verifies a sigstore bundle that signs the bytes of `artifact` directly, as `cosign sign-blob` makes them.
 *
 * @throws CtxPackError as {@link verifyBundle}, and `CTXPACK_E_PROOF_SUBJECT` when the bundle names another SHA-256.
 */
export async function verifyMessage(
  bytes: Uint8Array,
  artifact: Uint8Array,
  options: VerifyBundleOptions,
): Promise<VerifiedMessage> {
  return measured(options, async () => {
    const bundle = parseBundle(bytes);
    if (bundle.content.kind !== "message") {
      const message = "the bundle signs a statement, and no file as it is";
      throw new CtxPackError("CTXPACK_E_PROOF_SUBJECT", message);
    }
    const { digest, signature } = bundle.content.message;
    const content = messageContent(artifact, signature);
    if (!content.payloadDigest.equals(digest)) {
      const message = "the bundle is about a file with another SHA-256";
      throw new CtxPackError("CTXPACK_E_PROOF_SUBJECT", message);
    }
    const attribution = await verifySigner(bundle, content, options);
    return { digest: sha256(bytes), artifact: sha256(artifact), ...attribution };
  });
}

async function measured<T>(options: VerifyBundleOptions, verify: () => Promise<T>): Promise<T> {
  const { metrics, signal } = options;
  signal?.throwIfAborted();
  const start = performance.now();
  let code = "ok";
  try {
    return await verify();
  } catch (error) {
    code = CtxPackError.isInstance(error) ? error.code : "error";
    throw error;
  } finally {
    const duration = performance.now() - start;
    metrics?.histogram("proof_artifacts.verify.duration_ms", duration, { phase: "total" });
    metrics?.counter("proof_artifacts.verify.result_count", { code });
  }
}
