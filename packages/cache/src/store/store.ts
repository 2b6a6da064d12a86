import type { CtxUri, Digest, DirHash, FileDigests } from "@ctxpack/identity";
import type { Descriptor, Storage } from "@ctxpack/oci";
import type { IndexReader } from "../pack/index.ts";
import type { AdmitOptions, AdmitResult } from "./admit.ts";
import type { ExtractOptions } from "./extract.ts";
import type { PackRecord } from "./record.ts";
import type { SeedOptions, SeedResult } from "./seed.ts";
import type { TreeOptions } from "./trees.ts";

/** How a store is opened. */
export interface StoreOptions {
  /** Never write: a store on read-only media, or of somebody else. */
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal;
}

/** The local store: packs, their blobs and their materialised trees, safe with many processes. */
export declare class Store implements AsyncDisposable {
  static open(dir: string, options?: StoreOptions): Promise<Store>;
  readonly dir: string;
  /** Every blob by digest, as an OCI storage. */
  readonly blobs: Storage;
  /** Digests of files that did not change since they were hashed. */
  readonly digests: FileDigests & { save(): Promise<void> };
  /** Keeps the lines of a `dirHash1` as a blob, whose sha256 is the dirHash1. */
  keepListing(listing: { readonly digest: DirHash; readonly lines: Uint8Array }): Promise<void>;
  list(options?: { signal?: AbortSignal }): AsyncIterable<PackRecord>;
  get(uri: CtxUri): Promise<PackRecord | undefined>;
  /** The one URI in the store that begins with `prefix` (6–64 hex digits). */
  find(prefix: string): Promise<CtxUri>;
  seed(dir: string, contract: Uint8Array, options?: SeedOptions): Promise<SeedResult>;
  manifest(uri: CtxUri): Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }>;
  index(uri: CtxUri, options?: { signal?: AbortSignal }): Promise<IndexReader>;
  admit(uri: CtxUri, options: AdmitOptions): Promise<AdmitResult>;
  tree(uri: CtxUri, options?: TreeOptions): Promise<string>;
  extract(uri: CtxUri, to: string, options?: ExtractOptions): Promise<void>;
  read(uri: CtxUri, path: string, options?: { signal?: AbortSignal }): AsyncIterable<Uint8Array>;
  remove(uri: CtxUri, options?: { signal?: AbortSignal }): Promise<void>;
  pin(uri: CtxUri): Promise<void>;
  unpin(uri: CtxUri): Promise<void>;
  /** The blob that holds the segment with these uncompressed bytes, if the store knows one. */
  frameOf(raw: Digest): Promise<Digest | undefined>;
  [Symbol.asyncDispose](): Promise<void>;
}
