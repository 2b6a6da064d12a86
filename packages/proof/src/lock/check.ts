import type { CtxUri, Digest } from "@ctxpack/identity";
import type { CountedSigner, Reason, Verdict } from "../policy/verdict.ts";
import type { Lock, LockedPack, LockedSigner } from "./lock.ts";

/** What was found about a pack, to be held against its pin. */
export interface Found {
  readonly manifest: Digest;
  /** What counted. */
  readonly bundles: readonly Digest[];
  readonly signers: readonly LockedSigner[];
  readonly policies: readonly Digest[];
}

/** How a pack differs from its pin; `undefined` when it does not, and for a pack that has none. */
export function checkPin(lock: Lock, uri: CtxUri, found: Found): Reason | undefined {
  const pin = lock.packs.get(uri);
  if (pin === undefined) return undefined;
  const difference = differenceOf(pin, found);
  if (difference === undefined) return undefined;
  return {
    code: "CTXPACK_E_PROOF_PIN",
    message: `the pack of ${uri} is not what ${lock.file} pins: ${difference}`,
    hint: `if the change is wanted, take the pin of ${uri} out of ${lock.file} and pin it again`,
  };
}

/** The pin of a pack that was accepted. */
export function pinOf({ pack, bundles, policies }: Verdict): LockedPack {
  const times = policies.flatMap(({ time }) => time?.getTime() ?? []);
  return {
    manifest: pack.manifest,
    bundles,
    signers: policies.flatMap(({ signers }) => signers.map(locked)),
    policies: policies.map(({ digest }) => digest),
    ...(times.length > 0 && { time: new Date(Math.max(...times)) }),
  };
}

function differenceOf(pin: LockedPack, found: Found): string | undefined {
  if (pin.manifest !== found.manifest) {
    return `its manifest is ${found.manifest}, not ${pin.manifest}`;
  }
  const policies = new Set(found.policies);
  // Policies add up: one more, of whoever pulls, is no harm.
  const lost = pin.policies.find((digest) => !policies.has(digest));
  if (lost !== undefined)
    return "it was accepted by other policies, or by an earlier version of them";
  const bundles = new Set(found.bundles);
  // More proofs than were pinned are no harm; one less may be the one that mattered.
  const missing = pin.bundles.find((digest) => !bundles.has(digest));
  if (missing !== undefined) return `the proof ${missing} is gone, or does not count any more`;
  const signers = new Set(found.signers.map(spelled));
  const absent = pin.signers.find((signer) => !signers.has(spelled(signer)));
  return (
    absent && `${"keyId" in absent ? `the key ${absent.keyId}` : absent.identity} does not sign it`
  );
}

function locked(signer: CountedSigner): LockedSigner {
  return "keyId" in signer
    ? { keyId: signer.keyId }
    : { identity: signer.identity, issuer: signer.issuer };
}

function spelled(signer: LockedSigner): string {
  return "keyId" in signer ? signer.keyId : JSON.stringify([signer.issuer, signer.identity]);
}
