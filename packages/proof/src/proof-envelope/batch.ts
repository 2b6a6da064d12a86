import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";
import { combinedProgress } from "../hash/combined-progress.ts";
import { checkConcurrency, DEFAULT_CONCURRENCY, type HashFilesOptions } from "../hash/files.ts";
import { PROOF_STEPS } from "../verify/failure.ts";
import { type CreateEnvelopeOptions, createProofEnvelope } from "./create.ts";
import type { ProofEnvelope } from "./envelope.ts";
import {
  envelopePath,
  readProofEnvelope,
  readSignatures,
  signaturePath,
  writeProof,
  writeProofEnvelope,
} from "./envelope-file.ts";
import type { UnseenPath } from "./find.ts";
import { mapInOrder } from "./in-order.ts";
import type { ProofEnvelopeInput } from "./input.ts";
import { type SignEnvelopeOptions, signProofEnvelope } from "./sign.ts";
import type { SignatureOptions } from "./signatures.ts";
import { type EnvelopeVerdict, type VerifyEnvelopeOptions, verifyProofEnvelope } from "./verify.ts";

/** Paths, as they are found; one that could not be looked at is reported with its error. */
export type Paths = AsyncIterable<string | UnseenPath> | Iterable<string | UnseenPath>;

/** What became of one file. */
export type ProofFileReport<Result> =
  | (Result & { readonly path: string; readonly error?: never })
  | { readonly path: string; readonly error: CtxPackError };

/** Buffers of hashing, at most, over all files that are worked on at the same time. */
const MOST_LANES = 64;

/** How files are verified. */
export interface VerifyFilesOptions extends Omit<VerifyEnvelopeOptions, "base" | "signatures"> {
  /** What envelopes are relative to, when not to their own folder. */
  readonly base?: string | undefined;
  /** Who may have signed; the bundle beside each envelope is read. */
  readonly signatures?: Omit<SignatureOptions, "bundles"> | undefined;
}

/**
 * Verifies envelopes in files, `concurrency` (default 4) at the same time; reports come in the order of `paths`. A file
 * that cannot be judged, or not even found, is a report with an error.
 *
 * @throws CtxPackError `CTXPACK_E_NOT_FOUND` when there is none; `signal.reason`.
 */
export async function* verifyProofFiles(
  paths: Paths,
  options: VerifyFilesOptions = {},
): AsyncGenerator<
  ProofFileReport<{ readonly envelope: ProofEnvelope; readonly verdict: EnvelopeVerdict }>
> {
  const { signatures } = options;
  yield* eachFile(paths, options, async (path, lanes) => {
    const envelope = await readProofEnvelope(path, options);
    const bundles = signatures === undefined ? [] : await readSignatures(path, options);
    const verdict = await verifyProofEnvelope(envelope, {
      ...options,
      ...lanes,
      base: options.base ?? dirname(path),
      signatures: signatures && { ...signatures, bundles },
    });
    return { envelope, verdict };
  });
}

/** How files are signed. */
export interface SignFilesOptions extends Omit<SignEnvelopeOptions, "base"> {
  /** What envelopes are relative to, when not to their own folder. */
  readonly base?: string | undefined;
  /** Put the signature in place of one that is there. */
  readonly force?: boolean | undefined;
}

/**
 * Signs envelopes in files: each is verified, signed, and the signature, verified itself, written beside it
 * ({@link signaturePath}). Order, concurrency and failures as in {@link verifyProofFiles}.
 *
 * @throws CtxPackError as {@link verifyProofFiles}.
 */
export async function* signProofFiles(
  paths: Paths,
  options: SignFilesOptions,
): AsyncGenerator<ProofFileReport<{ readonly bundle: string }>> {
  yield* eachFile(paths, options, async (path, lanes) => {
    const bundle = signaturePath(path);
    if (!options.force) await requireAbsent(bundle);
    const envelope = await readProofEnvelope(path, options);
    const base = options.base ?? dirname(path);
    const { bytes } = await signProofEnvelope(envelope, { ...options, ...lanes, base });
    await writeProof(bundle, bytes, options);
    return { bundle };
  });
}

/** How envelopes of files are made. */
export interface CreateFilesOptions extends CreateEnvelopeOptions {
  /** What every envelope says; paths in it are relative to the folder of the envelope. */
  readonly statements: Omit<ProofEnvelopeInput, "artifactPath" | "base">;
  /** Where the envelope goes; default {@link envelopePath}. */
  readonly out?: ((artifact: string) => string) | undefined;
}

/**
 * Makes envelopes of artifacts and writes each beside its artifact. Order, concurrency and failures as in
 * {@link verifyProofFiles}.
 *
 * @throws CtxPackError as {@link verifyProofFiles}.
 */
export async function* createProofFiles(
  artifacts: Paths,
  options: CreateFilesOptions,
): AsyncGenerator<ProofFileReport<{ readonly proof: string; readonly envelope: ProofEnvelope }>> {
  const { out = envelopePath, statements } = options;
  yield* eachFile(artifacts, options, async (artifact, lanes) => {
    const proof = out(artifact);
    const input = { ...statements, artifactPath: resolve(artifact), base: dirname(proof) };
    const envelope = await createProofEnvelope(input, { ...options, ...lanes });
    await writeProofEnvelope(proof, envelope, options);
    return { proof, envelope };
  });
}

/** What one of several files may use. */
type Lanes = Pick<HashFilesOptions, "concurrency" | "onProgress">;

async function* eachFile<Result extends object>(
  paths: Paths,
  options: HashFilesOptions,
  work: (path: string, lanes: Lanes) => Promise<Result>,
): AsyncGenerator<ProofFileReport<Result>> {
  const { concurrency = DEFAULT_CONCURRENCY, signal } = options;
  checkConcurrency(concurrency);
  const lanes = Math.min(concurrency, Math.floor(MOST_LANES / concurrency));
  const progress = combinedProgress(options.onProgress);
  let count = 0;
  const reports = mapInOrder(paths, concurrency, async (path) => {
    signal?.throwIfAborted();
    count++;
    if (typeof path !== "string") return path;
    try {
      const result = await work(path, { concurrency: lanes, onProgress: progress() });
      return { ...result, path };
    } catch (error) {
      signal?.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
      return { path, error };
    }
  });
  yield* reports;
  if (count > 0) return;
  throw new CtxPackError("CTXPACK_E_NOT_FOUND", "there is no proof to look at", {
    hint: "name files that end with .proof.json, or a folder with some; ctxpack proof create makes one",
  });
}

async function requireAbsent(bundle: string): Promise<void> {
  const found = await stat(bundle).catch(() => undefined);
  if (found === undefined) return;
  throw new CtxPackError("CTXPACK_E_USAGE", `${bundle} is there already`, {
    hint: "give --force to put your signature in its place",
    details: { path: bundle },
  });
}

/** Damage counts more than doubt, doubt more than what could not be looked at. */
const PRECEDENCE: readonly CtxPackErrorCode[] = [
  "CTXPACK_E_DIGEST_MISMATCH",
  ...PROOF_STEPS,
  "CTXPACK_E_SECRET",
  "CTXPACK_E_PERMISSION",
  "CTXPACK_E_NOT_FOUND",
  "CTXPACK_E_PATH_NOT_FOUND",
];

/** The error that a command over several files fails with: the gravest, whatever the order and concurrency. */
export function gravest(codes: readonly CtxPackErrorCode[]): CtxPackErrorCode | undefined {
  return codes.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))[0];
}

function rank(code: CtxPackErrorCode): number {
  const at = PRECEDENCE.indexOf(code);
  return at === -1 ? PRECEDENCE.length : at;
}
