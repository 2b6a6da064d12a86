import { CtxPackError } from "@ctxpack/identity";
import type { RegistryProfile, UploadStrategy } from "./profile.ts";
import type { ResponseHeaders } from "./response.ts";

const MiB = 1 << 20;
/** Smaller pieces are not tried: who refuses them refuses the blob. */
const LEAST_CHUNK = MiB;
/** ECR takes 4,200 parts of a blob. */
const MOST_CHUNKS = 4000;
/** More is no protocol but a trap. */
const CHUNK_TRAP = 10_000;

/** What one upload session said about the pieces it takes, in bytes. */
export interface ChunkBounds {
  readonly min: number;
  readonly max: number;
}

/** `OCI-Chunk-Min-Length` (distribution-spec), and the other end that some registries name. */
export function chunkBounds(headers: ResponseHeaders): ChunkBounds {
  const read = (name: string, absent: number): number => {
    const text = headers.get(name)?.trim() ?? "";
    return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : absent;
  };
  return {
    min: read("oci-chunk-min-length", 1),
    max: read("oci-chunk-max-length", Number.POSITIVE_INFINITY),
  };
}

/** How bodies have to be cut for one repository: what its profile says, and what uploads have shown since. */
export class UploadLimits {
  readonly #first: UploadStrategy;
  #multiPatch: boolean;
  #chunkSize: number;
  /** The smallest body that was too large. */
  #refused = Number.POSITIVE_INFINITY;

  constructor(profile: RegistryProfile) {
    this.#first = profile.upload;
    this.#multiPatch = profile.multiPatch;
    this.#chunkSize = profile.chunkSize;
  }

  /** Whether a blob may be sent in several pieces. */
  get multiPatch(): boolean {
    return this.#multiPatch;
  }

  /** What several PATCHes sent was not kept whole. */
  refuseMultiPatch(): void {
    this.#multiPatch = false;
  }

  strategy(size: number, { max }: ChunkBounds): UploadStrategy {
    if (!this.#multiPatch) return this.#first === "stream" ? "stream" : "put";
    return size >= this.#refused || size > max ? "chunks" : this.#first;
  }

  /** Bytes in one piece of a blob. Throws CTXPACK_E_PROTOCOL when there would have to be absurdly many. */
  chunkSize(size: number, { min, max }: ChunkBounds): number {
    const wanted = Math.max(this.#chunkSize, Math.ceil(size / MOST_CHUNKS));
    const most = Math.min(max, Math.max(min, Math.ceil(this.#refused / 2)));
    const chunk = Math.min(Math.max(wanted, min), most);
    if (size / chunk <= CHUNK_TRAP) return chunk;
    throw new CtxPackError(
      "CTXPACK_E_PROTOCOL",
      `the registry takes at most ${chunk} bytes at a time, too few for ${size}`,
      { hint: "raise the limit of the registry, or of the proxy before it" },
    );
  }

  /** A body of so many bytes was too large: from now on half of it. `false`: smaller ones make no sense. */
  shrink(body: number, { min }: ChunkBounds): boolean {
    const least = Math.max(LEAST_CHUNK, min);
    if (!this.#multiPatch || body <= least) return false;
    this.#refused = Math.min(this.#refused, body);
    this.#chunkSize = Math.max(least, Math.min(this.#chunkSize, Math.ceil(body / 2)));
    return true;
  }
}
