import type { VerifiedBundle, VerifiedSigner } from "../verify/verified-bundle.ts";
import { FULCIO_EXTENSIONS } from "./fulcio.ts";
import type { LoadedPolicy } from "./load.ts";
import type { IdentitySigner, KeySigner } from "./policy.ts";
import { matchWhole, type WholeMatch } from "./regular-expression.ts";
import { spokenTime } from "./time.ts";
import type { CountedSigner, Reason } from "./verdict.ts";

/** What tells one signer from another. Two trust roots that vouch for one identity vouch for one signer. */
export function signerId(signer: VerifiedSigner): string {
  if (signer.kind === "key") return signer.keyId;
  return JSON.stringify([signer.issuer, signer.identity]);
}

/** A signer as a person would say it: by name if the policy has one for it. */
export function spokenSigner(signer: VerifiedSigner, policy: LoadedPolicy): string {
  const names = [...policy.signers.keys()].filter((name) => isSigner(name, signer, policy));
  const own = signer.kind === "key" ? `the key ${signer.keyId}` : signer.identity;
  return names.length > 0 ? `${names.join(", ")} (${own})` : own;
}

/** A signer as a verdict lists it. */
export function countedSigner(name: string, signer: VerifiedSigner): CountedSigner {
  if (signer.kind === "key") return { name, keyId: signer.keyId };
  return { name, identity: signer.identity, issuer: signer.issuer };
}

/** Whether a name of the policy stands for a signer. */
export function isSigner(name: string, signer: VerifiedSigner, policy: LoadedPolicy): boolean {
  const named = policy.signers.get(name);
  if (named?.kind === "key") {
    // By the key itself: what the caller called it is not this policy's name for it.
    return signer.kind === "key" && policy.keys.get(name)?.keyId === signer.keyId;
  }
  return (
    named !== undefined &&
    signer.kind === "certificate" &&
    matchIdentity(named, signer) === "yes" &&
    identityFault(name, signer, policy) === undefined
  );
}

/** Why a certificate with the right identity is not the signer of this name all the same. */
export function identityFault(
  name: string,
  signer: VerifiedSigner,
  policy: LoadedPolicy,
): string | undefined {
  const named = policy.signers.get(name);
  if (named?.kind !== "identity" || signer.kind !== "certificate") return undefined;
  const match = matchIdentity(named, signer);
  if (match === "no") return undefined;
  if (match === "too slow") {
    return "its pattern takes too long to match; write it without a repetition inside a repetition";
  }
  if (signer.issuer !== named.issuer) return `it was issued for ${signer.issuer}`;
  if (signer.trustRoot !== policy.roots.get(named.trustRoot)?.id) {
    return `its certificate leads to another trust root than ${named.trustRoot}`;
  }
  for (const [oid, expected] of named.extensions) {
    const found = signer.extensions[oid];
    if (found === expected) continue;
    const label = Object.keys(FULCIO_EXTENSIONS).find((key) => FULCIO_EXTENSIONS[key] === oid);
    return `its ${label} is ${found ?? "not said"}, not ${expected}`;
  }
  return undefined;
}

function matchIdentity(
  { identity }: IdentitySigner,
  signer: VerifiedSigner & { readonly kind: "certificate" },
): WholeMatch {
  if ("pattern" in identity) return matchWhole(identity.pattern, signer.identity);
  return signer.identity === identity.exact ? "yes" : "no";
}

/** The earliest time that others vouch for: by then the signature was there. */
export function witnessedAt(bundle: VerifiedBundle): Date | undefined {
  const times = bundle.times.map(({ time }) => time.getTime());
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** Why a signature of this signer does not count, though the signer may sign: its key's time, or its witnesses. */
export function signatureFault(
  name: string,
  policy: LoadedPolicy,
  bundle: VerifiedBundle,
  now: Date,
): Reason | undefined {
  const named = policy.signers.get(name);
  if (named === undefined) return undefined;
  const { times, logEntries } = named;
  if (bundle.times.length < times) {
    const found = bundle.times.length === 0 ? "nobody" : String(bundle.times.length);
    const message = `is signed by ${name}, and ${found} vouches for when; ${times} ${times === 1 ? "has" : "have"} to`;
    return {
      code: "CTXPACK_E_PROOF_TIMESTAMP",
      message,
      hint: "sign with a timestamping authority, or lower times of this signer",
    };
  }
  if (bundle.logEntries < logEntries) {
    const message = `is signed by ${name} with ${bundle.logEntries} log entries; the policy asks for ${logEntries}`;
    return {
      code: "CTXPACK_E_PROOF_LOG",
      message,
      hint: "sign with a transparency log, or lower logEntries of this signer",
    };
  }
  return named.kind === "key" ? keyFault(name, named, witnessedAt(bundle), now) : undefined;
}

function keyFault(
  name: string,
  named: KeySigner,
  witnessed: Date | undefined,
  now: Date,
): Reason | undefined {
  const at = witnessed ?? now;
  // Without a time of others the signature may be as young as this moment, whatever it says itself.
  const when =
    witnessed === undefined
      ? "nobody vouches for when it was signed"
      : `it was signed at ${spokenTime(witnessed)}`;
  const fault = (what: string, hint?: string): Reason => ({
    code: "CTXPACK_E_PROOF_KEY",
    message: `is signed with the key ${name}, which ${what}; ${when}`,
    hint,
  });
  const { validFrom, validUntil, revokedAt } = named;
  if (revokedAt !== undefined && at >= revokedAt) {
    return fault(`was revoked at ${spokenTime(revokedAt)}`, "have it signed with another key");
  }
  if (validUntil !== undefined && at > validUntil) {
    return fault(`was valid until ${spokenTime(validUntil)}`, "have it signed with its successor");
  }
  if (validFrom !== undefined && at < validFrom) {
    return fault(`is valid from ${spokenTime(validFrom)}`);
  }
  return undefined;
}
