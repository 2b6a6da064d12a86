import type { CtxUri, Digest } from "@ctxpack/identity";
import type { ProofErrorCode } from "../verify/failure.ts";

/** The pack that is judged, as far as it is known before anything of it is parsed but its manifest. */
export interface JudgedPack {
  readonly manifest: Digest;
  readonly uri: CtxUri;
  /** Where it comes from: `host/repository`, `oci:` or `oci-archive:` and an absolute path. */
  readonly pantry?: string | undefined;
  /** The tag it was asked for by, when that is not the one of its URI. */
  readonly name?: string | undefined;
  /** The tools of its contract, once that has been read; before, the provenance says which. */
  readonly tools?: readonly string[] | undefined;
}

/** Why something does not count. */
export interface Reason {
  readonly code: ProofErrorCode;
  /** A sentence for a person. */
  readonly message: string;
  readonly hint?: string | undefined;
  /** What it is about; absent when it is the pack as a whole. */
  readonly bundle?: Digest | undefined;
}

/** A signer who counted. */
export type CountedSigner =
  | { readonly name: string; readonly keyId: string }
  | { readonly name: string; readonly identity: string; readonly issuer: string };

/** What one policy says. */
export interface PolicyVerdict {
  readonly file: string;
  readonly digest: Digest;
  readonly accepted: boolean;
  /** Index of the rule that decided; absent when none is about the pack. */
  readonly rule?: number | undefined;
  /** What counted, sorted. */
  readonly bundles: readonly Digest[];
  readonly signers: readonly CountedSigner[];
  /** The latest time that others vouch for among what counted. */
  readonly time?: Date | undefined;
  /** Why it is refused, the weightiest first; what else did not count. */
  readonly reasons: readonly Reason[];
}

/** A pack among what another one was made from. */
export interface JudgedDependency {
  readonly uri: CtxUri;
  /** Of the manifest; absent when the proof does not say which it was. */
  readonly digest?: Digest | undefined;
}

/** What was accepted, to be remembered against rollback. */
export interface SeenPack {
  readonly key: SeenKey;
  readonly time: Date;
  readonly manifest: Digest;
}

/** What a memory of times is kept by. */
export interface SeenKey {
  /** The absolute path of the policy's file: an edit does not make it forget. */
  readonly policy: string;
  readonly pantry: string;
  /** The pack's URI, or the name it was asked for by. */
  readonly subject: string;
}

/** Whether a pack may be used, and why. */
export interface Verdict {
  /** Every policy accepts it, and the lock file has nothing against it. */
  readonly accepted: boolean;
  readonly pack: JudgedPack;
  /** What counted in any of the policies, sorted; the proofs by which it was accepted. */
  readonly bundles: readonly Digest[];
  readonly policies: readonly PolicyVerdict[];
  /** Why not, in one reason: that of the proof that came furthest. Absent when accepted. */
  readonly failure?: Reason | undefined;
  /** Packs that a policy wants judged too, and about which nothing was said. */
  readonly unjudged: readonly JudgedDependency[];
  /** To be remembered when the pack is taken. */
  readonly seen: readonly SeenPack[];
}
