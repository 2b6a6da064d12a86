import type { CtxUri, Digest } from "@ctxpack/identity";
import type { Descriptor } from "@ctxpack/oci";

/** What the store knows of one pack. */
export interface PackRecord {
  readonly uri: CtxUri;
  /** The manifest this store holds for the URI; its bytes are a blob. */
  readonly manifest: Descriptor;
  /** Digest of everything the output is; two packs with one tree have the same output. */
  readonly tree: Digest;
  readonly files: number;
  /** Sum of the sizes of the files, in bytes. */
  readonly bytes: number;
  /** A label for people. */
  readonly name?: string;
  /** Some of its blobs are not here: listed, but no hit until a pull completes it. */
  readonly partial: boolean;
  readonly pinned: boolean;
  /** `seed`, or the pantry it came from. */
  readonly origin: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC, right to the hour: when it was last handed out. */
  readonly usedAt: string;
}
