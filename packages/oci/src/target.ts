import type { Digest, OnProgress } from "@ctxpack/identity";
import type { Descriptor } from "./descriptor.ts";
import type { Settling } from "./settling.ts";
import type { BlobSource } from "./source.ts";

/** What every operation on a target takes. An aborted one throws `signal.reason`. */
export interface OperationOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface WriteOptions extends OperationOptions {
  /**
   * Where a write cannot exclude that somebody else overwrites it, it is looked at again after half a second or more:
   * the operation waits for that unless it may hand it over here.
   */
  readonly settling?: Settling | undefined;
}

/** A slice of a blob, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface FetchOptions extends OperationOptions {
  /** Only these bytes. A slice cannot be verified against the digest: the caller has to. */
  readonly range?: ByteRange | undefined;
  /** A chunk is done with when the next one is asked for: a source may use its memory again. */
  readonly reuse?: boolean | undefined;
}

/** Somewhere content can be read by descriptor. */
export interface ReadOnlyStorage {
  /** Whether a blob with this digest and size is there. Says nothing about what it refers to. */
  exists(d: Descriptor, options?: OperationOptions): Promise<boolean>;
  /**
   * The bytes of a blob. A whole read is verified: its last step throws CTXPACK_E_DIGEST_MISMATCH or
   * CTXPACK_E_SIZE_MISMATCH, so bytes are only to be believed once the iteration has ended.
   * Throws CTXPACK_E_NOT_FOUND when the blob is not there.
   */
  fetch(d: Descriptor, options?: FetchOptions): AsyncIterable<Uint8Array>;
}

/** Somewhere content can be written by descriptor. */
export interface Storage extends ReadOnlyStorage {
  /**
   * Stores a blob and returns once it is whole and has the right digest; one that exists is not
   * read again. Nothing of a failed push stays.
   */
  push(d: Descriptor, source: BlobSource, options?: WriteOptions): Promise<void>;
}

/** Somewhere names lead to descriptors. */
export interface Resolver {
  /** The descriptor a tag or digest leads to. Throws CTXPACK_E_NOT_FOUND. */
  resolve(reference: string, options?: OperationOptions): Promise<Descriptor>;
}

export interface TagOptions extends OperationOptions {
  /**
   * What the tag must point at now: a digest, or `null` for nothing. A tag that already points at
   * the descriptor is always fine. Otherwise throws CTXPACK_E_CONFLICT with `details.found`.
   * A layout compares and swaps under its lock; a target that cannot (a registry) looks, writes
   * and looks again.
   */
  readonly expected?: Digest | null | undefined;
}

/** Somewhere a descriptor can be given a name. */
export interface Tagger {
  /** Points `reference` at a manifest that is there already. Throws CTXPACK_E_NOT_FOUND if it is not. */
  tag(d: Descriptor, reference: string, options?: TagOptions): Promise<void>;
}

export interface Untagger {
  /** Removes a name; the content stays. Throws CTXPACK_E_NOT_FOUND. */
  untag(reference: string, options?: OperationOptions): Promise<void>;
}

export interface TagLister {
  tags(options?: OperationOptions): AsyncIterable<string>;
}

export interface ReferrerOptions extends OperationOptions {
  /** Only referrers of this type (media type of the config for those that have none). */
  readonly artifactType?: string | undefined;
}

export interface ReferrerLister {
  /** The manifests whose `subject` is this one, with their artifact type and annotations. */
  referrers(subject: Descriptor, options?: ReferrerOptions): AsyncIterable<Descriptor>;
}

export interface Deleter {
  /** Removes one blob or manifest and every name it has. Removing what is not there is fine. */
  delete(d: Descriptor, options?: OperationOptions): Promise<void>;
}

/** Somewhere in a registry: who copies to another repository there need not send what it has. */
export interface Located {
  readonly location: { readonly host: string; readonly repository: string };
}

export type ReadOnlyTarget = ReadOnlyStorage & Resolver;
export type Target = Storage & Resolver & Tagger;
