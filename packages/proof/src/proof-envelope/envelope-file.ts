import { CtxPackError } from "@ctxpack/identity";
import { BUNDLE_LIMIT } from "../bundle/bundle.ts";
import type { ProofEnvelope } from "./envelope.ts";
import { readBounded, writeWhole } from "./file.ts";
import { ENVELOPE_SUFFIX } from "./find.ts";
import { MAX_ENVELOPE, parseProofEnvelope } from "./validator.ts";

type Signalled = { readonly signal?: AbortSignal | undefined };

/** Where the envelope of an artifact lies when nobody says otherwise: beside it. */
export function envelopePath(artifact: string): string {
  return artifact + ENVELOPE_SUFFIX;
}

/** Where the signature of an envelope lies: beside it. */
export function signaturePath(envelope: string): string {
  return `${envelope.replace(/\.json$/, "")}.sigstore.json`;
}

/** Reads an envelope. Throws what `parseProofEnvelope` throws, and what the system says. */
export async function readProofEnvelope(
  path: string,
  options: Signalled = {},
): Promise<ProofEnvelope> {
  const limit = { most: MAX_ENVELOPE, code: "CTXPACK_E_PROOF_BUNDLE", ...options } as const;
  return parseProofEnvelope(await readBounded(path, limit), path);
}

/**
 * Writes an envelope, whole or not at all, after it was read back from the very bytes.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_BUNDLE` for an envelope that could not be read again; what the system says.
 */
export async function writeProofEnvelope(
  path: string,
  envelope: ProofEnvelope,
  options: Signalled = {},
): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(envelope, null, 2)}\n`);
  parseProofEnvelope(bytes, path);
  await writeWhole(path, bytes, options.signal);
}

/** The signature beside an envelope: none or one. */
export async function readSignatures(
  envelope: string,
  options: Signalled = {},
): Promise<readonly Uint8Array[]> {
  const limit = { most: BUNDLE_LIMIT, code: "CTXPACK_E_PROOF_BUNDLE", ...options } as const;
  try {
    return [await readBounded(signaturePath(envelope), limit)];
  } catch (error) {
    const absent = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PATH_NOT_FOUND";
    if (absent) return [];
    throw error;
  }
}
