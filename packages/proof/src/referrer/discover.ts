import { CtxPackError, type Digest } from "@ctxpack/identity";
import {
  type Descriptor,
  fetchBytes,
  type ReadOnlyStorage,
  type ReferrerLister,
} from "@ctxpack/oci";
import { BUNDLE_LIMIT } from "../bundle/bundle.ts";
import { isProofError, type ProofErrorCode } from "../verify/failure.ts";
import type { RefusedBundle } from "../verify/verified-bundle.ts";
import { CREATED_ANNOTATION, isBundleType } from "./bundle-type.ts";
import { readReferrer } from "./read.ts";

/** How much is looked at before a pack's proofs are given up on: whoever may push may attach any number. */
export interface DiscoverLimits {
  /** Referrers that are read; 256. */
  readonly referrers: number;
  /** Of one bundle, in bytes; 4 MiB. */
  readonly bundleBytes: number;
  /** Read at a time; 8. */
  readonly concurrency: number;
  /** For all of it, in milliseconds; 60,000. */
  readonly deadlineMs: number;
}

const LIMITS: DiscoverLimits = {
  referrers: 256,
  bundleBytes: BUNDLE_LIMIT,
  concurrency: 8,
  deadlineMs: 60_000,
};

/** More than this no list of referrers is believed to be one. */
const MAX_LISTED = 1024;

/** A bundle that refers to the pack; nothing in it is verified. */
export interface FoundBundle {
  readonly bytes: Uint8Array;
  /** sha256 of the bytes. */
  readonly digest: Digest;
  /** The referrer that holds it. */
  readonly manifest: Descriptor;
}

export interface DiscoverOptions {
  readonly limits?: Partial<DiscoverLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bundles that are attached to a manifest, by cosign, GitHub or us, each once; the likeliest first, so whoever has
 * enough can stop. What is attached as a bundle and cannot be read as one comes as a refusal, and so does the rest
 * when there are too many: nothing is left out in silence. That a registry does not answer is thrown, for it is not
 * the same as no proofs.
 *
 * @throws CtxPackError `CTXPACK_E_TIMEOUT` after the deadline, and what the source throws.
 */
export async function* discoverBundles(
  source: ReadOnlyStorage & ReferrerLister,
  subject: Descriptor,
  options: DiscoverOptions = {},
): AsyncGenerator<FoundBundle | RefusedBundle> {
  const limits = { ...LIMITS, ...options.limits };
  options.signal?.throwIfAborted();
  // Whoever stops early stops what is under way, too.
  const stop = new AbortController();
  const deadline = AbortSignal.timeout(limits.deadlineMs);
  const signal = AbortSignal.any([
    stop.signal,
    deadline,
    ...(options.signal === undefined ? [] : [options.signal]),
  ]);
  try {
    const { listed, more } = await list(source, subject, signal);
    const read = listed.slice(0, limits.referrers);
    const seen = new Set<Digest>();
    const visit = (referrer: Descriptor) =>
      readBundle({ source, subject, limits, signal }, referrer);
    for await (const found of inOrder(read, limits.concurrency, visit)) {
      if (found === undefined) continue;
      if ("bytes" in found) {
        if (seen.has(found.digest)) continue;
        seen.add(found.digest);
      }
      yield found;
    }
    if (more || listed.length > read.length) yield tooMany(subject, listed.length, more, limits);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!deadline.aborted) throw error;
    throw new CtxPackError(
      "CTXPACK_E_TIMEOUT",
      `the proofs of ${subject.digest} were not read within ${limits.deadlineMs / 1000} s`,
      { cause: error, details: { subject: subject.digest, deadlineMs: limits.deadlineMs } },
    );
  } finally {
    stop.abort();
  }
}

async function list(
  source: ReferrerLister,
  subject: Descriptor,
  signal: AbortSignal,
): Promise<{ listed: Descriptor[]; more: boolean }> {
  const listed: Descriptor[] = [];
  for await (const referrer of source.referrers(subject, { signal })) {
    listed.push(referrer);
    // Asked for one more, a registry's list is an error.
    if (listed.length === MAX_LISTED) break;
  }
  return { listed: listed.sort(byLikelihood), more: listed.length === MAX_LISTED };
}

/** What says that it is a bundle comes first, the newest of them first. Only the order hangs on what a list says. */
function byLikelihood(a: Descriptor, b: Descriptor): number {
  const rank = (d: Descriptor): number =>
    isBundleType(d.artifactType) ? 0 : d.artifactType === undefined ? 1 : 2;
  const created = (d: Descriptor): string => d.annotations?.[CREATED_ANNOTATION] ?? "";
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (created(a) !== created(b)) return created(a) < created(b) ? 1 : -1;
  return a.digest < b.digest ? -1 : 1;
}

interface Reading {
  readonly source: ReadOnlyStorage;
  readonly subject: Descriptor;
  readonly limits: DiscoverLimits;
  readonly signal: AbortSignal;
}

async function readBundle(
  { source, subject, limits, signal }: Reading,
  referrer: Descriptor,
): Promise<FoundBundle | RefusedBundle | undefined> {
  let layer: Descriptor | undefined;
  try {
    layer = await readReferrer(source, referrer, subject, signal);
    if (layer === undefined) return undefined;
    const bytes = await fetchBytes(source, layer, { maxBytes: limits.bundleBytes, signal });
    return { bytes, digest: layer.digest, manifest: referrer };
  } catch (error) {
    signal.throwIfAborted();
    const code = refusalCode(error);
    if (code === undefined) throw error;
    const { message } = error as Error;
    const named = message.includes(referrer.digest);
    return {
      digest: layer?.digest,
      code,
      message: named ? message : `referrer ${referrer.digest}: ${message}`,
    };
  }
}

/** What is wrong with one referrer or bundle; everything else is wrong with the registry. */
const UNREADABLE: ReadonlySet<string> = new Set([
  "CTXPACK_E_NOT_FOUND",
  "CTXPACK_E_MANIFEST",
  "CTXPACK_E_TOO_LARGE",
  "CTXPACK_E_DIGEST_MISMATCH",
  "CTXPACK_E_SIZE_MISMATCH",
]);

function refusalCode(error: unknown): ProofErrorCode | undefined {
  if (!CtxPackError.isInstance(error)) return undefined;
  if (isProofError(error.code)) return error.code;
  return UNREADABLE.has(error.code) ? "CTXPACK_E_PROOF_BUNDLE" : undefined;
}

/** Runs `task` on up to `width` items at a time; the results come in the order of the items. */
async function* inOrder<T, U>(
  items: readonly T[],
  width: number,
  task: (item: T) => Promise<U>,
): AsyncGenerator<U> {
  const running: Promise<U>[] = [];
  for (const item of items) {
    const result = task(item);
    // Who stops early does not wait for the rest; a failure among it is nobody's.
    result.catch(() => {});
    running.push(result);
    if (running.length >= width) yield await (running.shift() as Promise<U>);
  }
  for (const result of running) yield await result;
}

function tooMany(
  subject: Descriptor,
  listed: number,
  more: boolean,
  limits: DiscoverLimits,
): RefusedBundle {
  const count = more ? `${listed} or more` : String(listed);
  return {
    digest: undefined,
    code: "CTXPACK_E_PROOF_BUNDLE",
    message: `${subject.digest} has ${count} referrers; only ${limits.referrers} were read`,
  };
}
