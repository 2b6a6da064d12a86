import type { Digest } from "@ctxpack/identity";
import type { FetchedManifest } from "./manifests.ts";

/** Bytes kept at most. */
const LIMIT = 8 << 20;

/** Manifests by digest, verified; the oldest ones go first. */
export class ManifestCache {
  readonly #kept = new Map<Digest, FetchedManifest>();
  #bytes = 0;

  get(digest: Digest): FetchedManifest | undefined {
    return this.#kept.get(digest);
  }

  set(manifest: FetchedManifest): void {
    this.delete(manifest.descriptor.digest);
    this.#kept.set(manifest.descriptor.digest, manifest);
    this.#bytes += manifest.bytes.length;
    for (const digest of this.#kept.keys()) {
      if (this.#bytes <= LIMIT) return;
      this.delete(digest);
    }
  }

  delete(digest: Digest): void {
    const known = this.#kept.get(digest);
    if (known === undefined) return;
    this.#bytes -= known.bytes.length;
    this.#kept.delete(digest);
  }
}
