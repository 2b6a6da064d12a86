import type { OnProgress } from "@ctxpack/identity";
import type { Descriptor, ReadOnlyStorage } from "@ctxpack/oci";
import type { PackRecord } from "./record.ts";

/**
 * The one gate of a pull: called with the manifest's and the config's descriptors before anything
 * but the manifest is fetched. Returns to let the pack in, throws `CTXPACK_E_POLICY` to keep it out.
 */
export type Accept = (
  manifest: Descriptor,
  config: Descriptor,
  options: { signal?: AbortSignal },
) => Promise<void>;

/** Where a pack comes from and what of it is wanted. */
export interface AdmitOptions {
  readonly source: ReadOnlyStorage;
  readonly manifest: Descriptor;
  /** The manifest as fetched; checked against its descriptor. */
  readonly manifestBytes: Uint8Array;
  readonly accept: Accept;
  /** Only these files; the record is then `partial`. Paths as in the index. */
  readonly only?: ((path: string) => boolean) | undefined;
  /** The pantry's name, for the record. */
  readonly origin: string;
  /** A label for people. */
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What a pull brought. */
export interface AdmitResult {
  readonly record: PackRecord;
  /** False when the pack was already here, whole. */
  readonly created: boolean;
  readonly blobs: { readonly fetched: number; readonly existing: number };
  /** Compressed bytes. */
  readonly bytes: { readonly fetched: number; readonly existing: number };
}
