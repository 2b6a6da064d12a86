import { CtxPackError } from "@ctxpack/identity";
import {
  type Descriptor,
  describeBytes,
  EMPTY_DESCRIPTOR,
  IMAGE_MANIFEST_TYPE,
  pushBytes,
  type ReferrerLister,
  type Resolver,
  type Storage,
  type WriteOptions,
} from "@ctxpack/oci";
import { BUNDLE_MEDIA_TYPE } from "../bundle/bundle.ts";
import { parseBundle } from "../bundle/parse.ts";
import { parseStatement } from "../statement/parse.ts";
import { STATEMENT_MEDIA_TYPE } from "../statement/statement.ts";
import { isBundleType } from "./bundle-type.ts";
import { referrerManifest } from "./manifest.ts";
import { readReferrer } from "./read.ts";

/** Referrers that are looked through for the same bundle: more of them, and it is attached again. */
const MAX_LOOKED_AT = 256;

/**
 * Attaches a bundle to a manifest as an OCI referrer, without a tag. One that is attached already is not attached
 * again: its referrer is given back. Whether the signature is right is not looked at.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_BUNDLE` and `CTXPACK_E_PROOF_STATEMENT` for what is no signed statement in a
 *   bundle of v0.3, `CTXPACK_E_PROOF_SUBJECT` when it is not about the manifest, `CTXPACK_E_NOT_FOUND` when the
 *   manifest is not there, and what the target throws.
 */
export async function attachBundle(
  target: Storage & Resolver & ReferrerLister,
  subject: Descriptor,
  bundleBytes: Uint8Array,
  options: Pick<WriteOptions, "signal" | "settling"> = {},
): Promise<Descriptor> {
  const { settling } = options;
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const predicateType = predicateTypeOf(bundleBytes, subject);
  const about = await target.resolve(subject.digest, { signal });
  const bundle = describeBytes(BUNDLE_MEDIA_TYPE, bundleBytes);
  const present = await findAttached(target, about, bundle, signal);
  if (present !== undefined) return present;
  await pushBytes(target, EMPTY_DESCRIPTOR.mediaType, new TextEncoder().encode("{}"), { signal });
  await pushBytes(target, bundle.mediaType, bundleBytes, { signal });
  const created = new Date();
  const manifest = referrerManifest({ subject: about, bundle, predicateType, created });
  return pushBytes(target, IMAGE_MANIFEST_TYPE, manifest, { signal, settling });
}

/** What the bundle states about the subject. */
function predicateTypeOf(bytes: Uint8Array, subject: Descriptor): string {
  const { content, version } = parseBundle(bytes);
  if (version !== "0.3" || content.kind !== "envelope") {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_BUNDLE",
      `a bundle of version ${version} with a ${content.kind}; only a signed statement in version 0.3 is attached`,
    );
  }
  const { payload, payloadType } = content.envelope;
  if (payloadType !== STATEMENT_MEDIA_TYPE) {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_STATEMENT",
      `the bundle signs ${JSON.stringify(payloadType.slice(0, 120))}, not ${STATEMENT_MEDIA_TYPE}`,
    );
  }
  const statement = parseStatement(payload);
  const hex = subject.digest.slice("sha256:".length);
  if (statement.subject.some(({ digest }) => digest["sha256"] === hex)) {
    return statement.predicateType;
  }
  throw new CtxPackError("CTXPACK_E_PROOF_SUBJECT", `the bundle is not about ${subject.digest}`, {
    hint: "attach it to what it is about",
    details: { expected: subject.digest, found: statement.subject.map(({ digest }) => digest) },
  });
}

async function findAttached(
  target: Storage & ReferrerLister,
  subject: Descriptor,
  bundle: Descriptor,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  let looked = 0;
  for await (const referrer of target.referrers(subject, { signal })) {
    if (referrer.artifactType !== undefined && !isBundleType(referrer.artifactType)) continue;
    if (++looked > MAX_LOOKED_AT) return undefined;
    const found = await readIfPossible(target, referrer, subject, signal);
    if (found?.digest === bundle.digest) return referrer;
  }
  return undefined;
}

/** Somebody else's damaged referrer is no reason not to attach ours. */
async function readIfPossible(
  target: Storage,
  referrer: Descriptor,
  subject: Descriptor,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  try {
    return await readReferrer(target, referrer, subject, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (CtxPackError.isInstance(error) && !/AUTH|UNAVAILABLE|TIMEOUT/.test(error.code)) {
      return undefined;
    }
    throw error;
  }
}
