import { CtxPackError } from "@ctxpack/identity";
import { BUNDLE_LIMIT } from "../bundle/bundle.ts";
import { readBounded } from "../file/read-bounded.ts";
import { systemError } from "../file/system-error.ts";
import { writeWhole } from "../file/write-whole.ts";
import type { ProofEnvelope } from "./envelope.ts";
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
  await writeProof(path, bytes, options);
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

/** Writes a file of a proof whole or not at all. Throws what the system says, in our terms. */
export async function writeProof(
  path: string,
  bytes: Uint8Array,
  options: Signalled = {},
): Promise<void> {
  try {
    await writeWhole(path, bytes, options);
  } catch (error) {
    throw systemError(error, path);
  }
}
