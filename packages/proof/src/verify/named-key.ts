import type { KeyObject } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import { keyIds } from "../keys/key-id.ts";

/** A public key that a caller trusts to be whose name it gives, and when. */
export interface NamedKey {
  readonly name: string;
  readonly publicKey: KeyObject;
  /** The first moment at which a signature may have been made. */
  readonly validFrom?: Date | undefined;
  /** The last one. */
  readonly validUntil?: Date | undefined;
  /** From here on the key may be in other hands; what was made before stays good if a witness says so. */
  readonly revokedAt?: Date | undefined;
}

/** Each key that is tried costs a signature. */
const KEY_LIMIT = 64;

/**
 * The keys that a bundle's hint may mean: those with this OpenSSH fingerprint, SHA-256 of the SPKI (base64 or hex) or
 * name; without such a one every key, for a hint proves nothing, neither for nor against.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_KEY` when there is none, or when there are more than 64 to try.
 */
export function keysForHint(
  keys: readonly NamedKey[],
  hint: string,
): { readonly candidates: readonly NamedKey[]; readonly matched: boolean } {
  if (keys.length === 0) {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_KEY",
      `the bundle is signed with a key (${shownHint(hint)}), and no key is known to verify it with`,
      { hint: "give the signer's public key with --key or name it in the policy" },
    );
  }
  const meant = keys.filter((key) => key.name === hint || keyIds(key.publicKey).includes(hint));
  if (meant.length > 0) return { candidates: meant, matched: true };
  if (keys.length > KEY_LIMIT) {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_KEY",
      `the bundle's key hint (${shownHint(hint)}) is of none of the ${keys.length} keys, which are too many to try`,
    );
  }
  return { candidates: keys, matched: false };
}

/** How an error shows a hint: a stranger wrote it. */
export function shownHint(hint: string): string {
  return hint === "" ? "without a hint" : JSON.stringify(hint.slice(0, 120));
}

/**
 * Whether a key may have made a signature that existed at `time`: its window and its revocation.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_KEY`.
 */
export function requireValidKey(key: NamedKey, time: Date, witnessed: boolean): void {
  const { validFrom, validUntil, revokedAt } = key;
  const when = `${time.toISOString()}${witnessed ? "" : ", as no witness says when it was made"}`;
  const refuse = (what: string): never => {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_KEY",
      `the key ${key.name} ${what} (judged at ${when})`,
      {
        hint: witnessed
          ? "sign again with a key that is valid"
          : "with a timestamp or a log entry the time of signing counts; else sign again with a valid key",
        details: { key: key.name, time: time.toISOString() },
      },
    );
  };
  if (revokedAt !== undefined && time >= revokedAt) {
    refuse(`is revoked as of ${revokedAt.toISOString()}`);
  }
  if (validFrom !== undefined && time < validFrom) {
    refuse(`is valid only from ${validFrom.toISOString()} on`);
  }
  if (validUntil !== undefined && time > validUntil) {
    refuse(`was valid only until ${validUntil.toISOString()}`);
  }
}
