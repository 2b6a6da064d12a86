import { CtxPackError } from "@ctxpack/identity";
import type { Bundle } from "../bundle/bundle.ts";
import { keyId } from "../keys/key-id.ts";
import { verifySignature } from "../keys/verify-signature.ts";
import type { TrustRoot } from "../trust/trust-root.ts";
import { leafCertificate } from "./certificate.ts";
import { certificateIdentity } from "./certificate-identity.ts";
import { checkWithRoot, type RootCheck, type RootVerdict } from "./check-root.ts";
import { furthest } from "./furthest.ts";
import { requireBoundEntry } from "./log-binding.ts";
import { keysForHint, type NamedKey, requireValidKey, shownHint } from "./named-key.ts";
import type { SignedContent } from "./signed-content.ts";
import type { VerifiedSigner, VerifiedTime } from "./verified-bundle.ts";

/** Whom a verifier knows. */
export interface VerifyOptions {
  /** Keys for bundles signed with a key. They never make a bundle with a certificate count. */
  readonly keys: readonly NamedKey[];
  /** Trust roots for certificates, timestamps and log entries. They never make a bundle with a key count. */
  readonly trustRoots: readonly TrustRoot[];
  /** The current time; when there is no witness, keys are judged by it. */
  readonly now?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

type VerifyOptionsNow = VerifyOptions & { readonly now: Date };

/** Who made a signature, and who saw it. */
export interface Attribution {
  readonly signer: VerifiedSigner;
  readonly times: readonly VerifiedTime[];
  readonly logEntries: number;
}

/** How far ahead of ours the clock of a witness may be, in milliseconds. */
const AHEAD_MS = 600_000;

/** Verifies the signature of a bundle over `content`, and all that vouches for it. Throws CTXPACK_E_PROOF_…. */
export async function verifySigner(
  bundle: Bundle,
  content: SignedContent,
  options: VerifyOptions,
): Promise<Attribution> {
  const { now = new Date() } = options;
  const attribution =
    bundle.signer.kind === "key"
      ? await verifyKeySigner(bundle, content, bundle.signer.hint, { ...options, now })
      : await verifyCertificateSigner(bundle, content, bundle.signer.chain, { ...options, now });
  for (const { time, source } of attribution.times) {
    if (time.getTime() > now.getTime() + AHEAD_MS) {
      const message = `the ${source.replace("-", " ")} says ${time.toISOString()}, which is yet to come`;
      throw new CtxPackError("CTXPACK_E_PROOF_TIMESTAMP", message, {
        hint: "is the clock of this machine right?",
      });
    }
  }
  return attribution;
}

async function verifyKeySigner(
  bundle: Bundle,
  content: SignedContent,
  hint: string,
  options: VerifyOptionsNow,
): Promise<Attribution> {
  const key = signingKey(content, hintOf(bundle, hint), options.keys);
  const { publicKey, name } = key;
  const { times, logEntries } = await witnessesOfKey(bundle, content, key, options);
  // The signature existed at the earliest of these times; a later one says nothing more.
  const earliest = times.reduce<Date | undefined>(
    (least, { time }) => (least === undefined || time < least ? time : least),
    undefined,
  );
  requireValidKey(key, earliest ?? options.now, earliest !== undefined);
  return { signer: { kind: "key", keyId: keyId(publicKey), name }, times, logEntries };
}

function hintOf(bundle: Bundle, hint: string): string {
  return hint === "" && bundle.content.kind === "envelope" ? bundle.content.envelope.keyId : hint;
}

function signingKey(content: SignedContent, hint: string, keys: readonly NamedKey[]): NamedKey {
  const { candidates, matched } = keysForHint(keys, hint);
  const key = candidates.find(({ publicKey }) =>
    verifySignature(content.bytes, publicKey, content.signature),
  );
  if (key !== undefined) return key;
  if (matched) {
    const names = candidates.map(({ name }) => name).join(", ");
    throw new CtxPackError(
      "CTXPACK_E_PROOF_SIGNATURE",
      `the signature is not one of these bytes by the key ${names}`,
      { hint: "the bundle was changed after it was signed, or names a key that did not sign it" },
    );
  }
  throw new CtxPackError(
    "CTXPACK_E_PROOF_KEY",
    `the bundle is signed with a key that is not known here (${shownHint(hint)})`,
    { hint: "give the signer's public key, if you trust it" },
  );
}

/** Without a trust root nobody can judge what logs and timestamping authorities say: it does not count then. */
async function witnessesOfKey(
  bundle: Bundle,
  content: SignedContent,
  { publicKey }: NamedKey,
  { trustRoots, now, signal }: VerifyOptionsNow,
): Promise<Pick<RootVerdict, "times" | "logEntries">> {
  const witnessed = bundle.logEntries.length + bundle.timestamps.length > 0;
  if (!witnessed || trustRoots.length === 0) return { times: [], logEntries: 0 };
  const spki = publicKey.export({ type: "spki", format: "der" });
  for (const entry of bundle.logEntries) requireBoundEntry(entry, content, spki);
  return (await withAnyRoot({ bundle, content, publicKey, now }, trustRoots, signal)).verdict;
}

async function verifyCertificateSigner(
  bundle: Bundle,
  content: SignedContent,
  chain: readonly [Uint8Array, ...Uint8Array[]],
  { trustRoots, now, signal }: VerifyOptionsNow,
): Promise<Attribution> {
  const leaf = leafCertificate(chain);
  if (trustRoots.length === 0) {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_TRUST_ROOT",
      "the bundle is signed with a certificate, and there is no trust root to verify it with",
      { hint: "name a trust root, and the identity you trust, in the policy" },
    );
  }
  for (const entry of bundle.logEntries) requireBoundEntry(entry, content, leaf.raw);
  const { verdict, root } = await withAnyRoot({ bundle, content, now }, trustRoots, signal);
  const { times, logEntries, extensions } = verdict;
  const identity = certificateIdentity(extensions);
  return {
    signer: { kind: "certificate", ...identity, trustRoot: root.name },
    times,
    logEntries,
  };
}

/** The first trust root that vouches for everything in the bundle. */
async function withAnyRoot(
  check: Omit<RootCheck, "root">,
  roots: readonly TrustRoot[],
  signal: AbortSignal | undefined,
): Promise<{ readonly root: TrustRoot; readonly verdict: RootVerdict }> {
  const refusals: CtxPackError[] = [];
  for (const root of roots) {
    signal?.throwIfAborted();
    try {
      return { root, verdict: await checkWithRoot({ ...check, root }) };
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      refusals.push(error);
    }
  }
  throw furthest(refusals);
}
