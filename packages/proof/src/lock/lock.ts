import { type CtxUri, type Digest, ORIGIN } from "@ctxpack/identity";

/** The `schema` member of every lock file. */
export const LOCK_SCHEMA = "ctxpack.lock/v1";

/** The `$id` of the lock file's JSON Schema, for the `$schema` member that editors follow. */
export const LOCK_SCHEMA_URI: string = `${ORIGIN}schemas/lock.v1.json`;

/** What a lock file is called. */
export const LOCK_FILE = "ctxpack.lock";

/** No lock file is longer, in bytes. */
export const MAX_LOCK: number = 8 << 20;

/** Which packs contracts meant when they were last accepted, and by what. Immutable. */
export interface Lock {
  /** As it was given; errors begin with it. */
  readonly file: string;
  readonly packs: ReadonlyMap<CtxUri, LockedPack>;
}

/** A pack as it was accepted. Nothing in here changes without the pack, its proofs or the policies changing. */
export interface LockedPack {
  readonly manifest: Digest;
  /** What it was accepted by. */
  readonly bundles: readonly Digest[];
  readonly signers: readonly LockedSigner[];
  /** Digests of the policy files. */
  readonly policies: readonly Digest[];
  /** When somebody else saw the newest of the signatures. */
  readonly time?: Date | undefined;
}

/** A key by its OpenSSH fingerprint, or an identity and who vouched for it. */
export type LockedSigner =
  | { readonly keyId: string }
  | { readonly identity: string; readonly issuer: string };

/** The lock with another pin. */
export function withPin(lock: Lock, uri: CtxUri, pack: LockedPack): Lock {
  return { ...lock, packs: new Map(lock.packs).set(uri, pack) };
}

/** The lock without a pin. */
export function withoutPin(lock: Lock, uri: CtxUri): Lock {
  const packs = new Map(lock.packs);
  packs.delete(uri);
  return { ...lock, packs };
}
