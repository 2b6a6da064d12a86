import { CtxPackError, type Digest } from "@ctxpack/identity";
import { repositoryScope } from "../auth/scope.ts";
import type { Descriptor } from "../descriptor.ts";
import { finishDigest, hasherOf, isBlobDigest } from "../digest.ts";
import { MANIFEST_LIMIT, parseManifest } from "../manifest.ts";
import { hasSuccessors, MANIFEST_TYPES } from "../media-type.ts";
import { describeUrl } from "./address.ts";
import { ManifestCache } from "./manifest-cache.ts";
import { hasFault } from "./registry-error.ts";
import type { RegistryResponse } from "./response.ts";
import { pause } from "./retry.ts";
import type { Transport } from "./transport.ts";

/** A manifest or image index as a registry gave it. */
export interface FetchedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/** A registry that has just taken a blob may not know it for a moment. */
const LAG_MS = [500, 1000, 2000];

/** The manifests of one repository, byte for byte (distribution-spec, "Pulling manifests", "Pushing manifests"). */
export class Manifests {
  readonly #transport: Transport;
  readonly #repository: string;
  /** What was read or written lately: a name is resolved, and then what it leads to is read. */
  readonly #cache = new ManifestCache();

  constructor(transport: Transport, repository: string) {
    this.#transport = transport;
    this.#repository = repository;
  }

  /**
   * What a tag or digest leads to. Throws CTXPACK_E_NOT_FOUND, CTXPACK_E_MANIFEST when the answer is no
   * manifest or not of the type it is sent as, CTXPACK_E_DIGEST_MISMATCH when its digest is not the one that
   * was asked for, or that the registry says it has.
   */
  async get(
    reference: string,
    { signal, fresh }: Abortable & { readonly fresh?: boolean } = {},
  ): Promise<FetchedManifest> {
    // Its bytes never change; whether it is still there may.
    const cached = isBlobDigest(reference) ? this.#cache.get(reference as Digest) : undefined;
    if (cached !== undefined && !fresh) return cached;
    const request = { ...this.#reading("GET", reference, signal), expect: [200] };
    const { descriptor, bytes } = await this.#transport.sendFor(request, async (response) => {
      const type = this.#expectType(response, reference);
      const read = await this.#read(response, reference);
      return { descriptor: this.#describe(response, reference, type, read), bytes: read };
    });
    const manifest = { descriptor, bytes };
    this.#cache.set(manifest);
    return manifest;
  }

  /** What a tag or digest leads to, without its bytes; `undefined` for nothing. */
  async find(reference: string, { signal }: Abortable = {}): Promise<Descriptor | undefined> {
    const response = await this.#transport.send({
      ...this.#reading("HEAD", reference, signal),
      expect: [200, 404],
    });
    await response.discard();
    if (response.status === 404) return undefined;
    const digest = response.headers.get("docker-content-digest");
    const size = response.headers.contentLength;
    const mediaType = response.headers.contentType;
    const says = mediaType !== undefined && size !== undefined && isBlobDigest(digest);
    if (says && hasSuccessors(mediaType)) return { mediaType, digest: digest as Digest, size };
    // Some leave out what a HEAD is asked for.
    return (await this.get(reference, { signal })).descriptor;
  }

  /** Stores a manifest under a tag or its digest. Gives back the `OCI-Subject` the registry answers with. */
  async put(
    manifest: FetchedManifest,
    reference: string,
    { signal }: Abortable = {},
  ): Promise<string | undefined> {
    const { descriptor, bytes } = manifest;
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await this.#transport.send({
          method: "PUT",
          url: this.#path(reference),
          headers: { "content-type": descriptor.mediaType },
          body: bytes,
          scopes: [repositoryScope(this.#repository, "pull", "push")],
          repository: this.#repository,
          right: "push",
          expect: [200, 201, 202, 204],
          signal,
        });
        await response.discard();
        this.#expectSame(response, descriptor);
        this.#cache.set(manifest);
        return response.headers.get("oci-subject");
      } catch (error) {
        const lags = hasFault(error, "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN");
        const waitMs = LAG_MS[attempt];
        if (!lags || waitMs === undefined) throw error;
        await pause(Math.min(waitMs, this.#transport.retry.capMs), signal);
      }
    }
  }

  /** Removes a tag, or a manifest with all its tags. What is not there is fine. */
  async delete(reference: string, { signal }: Abortable = {}): Promise<void> {
    const response = await this.#transport.send({
      method: "DELETE",
      url: this.#path(reference),
      scopes: [repositoryScope(this.#repository, "delete", "pull")],
      repository: this.#repository,
      right: "delete",
      expect: [200, 202, 204, 404],
      signal,
    });
    await response.discard();
    if (isBlobDigest(reference)) this.#cache.delete(reference as Digest);
  }

  #path(reference: string): string {
    return `/v2/${this.#repository}/manifests/${reference}`;
  }

  #reading(method: "GET" | "HEAD", reference: string, signal: AbortSignal | undefined) {
    return {
      method,
      url: this.#path(reference),
      headers: { accept: MANIFEST_TYPES.join(", ") },
      scopes: [repositoryScope(this.#repository, "pull")],
      repository: this.#repository,
      right: "pull",
      signal,
    } as const;
  }

  #where(reference: string): string {
    return `${this.#transport.host}/${this.#repository}${isBlobDigest(reference) ? "@" : ":"}${reference}`;
  }

  /** A login page is an answer too, but not one to be parsed. */
  #expectType(response: RegistryResponse, reference: string): string {
    const type = response.headers.contentType;
    if (type !== undefined && hasSuccessors(type)) return type;
    response.close();
    const found = type ?? "no type";
    throw new CtxPackError(
      "CTXPACK_E_MANIFEST",
      `${this.#where(reference)} is ${found}, not a manifest`,
      {
        hint: type?.includes("html")
          ? "a proxy or login page answers in place of the registry"
          : "it is something that OCI tools of today do not read",
        details: { url: describeUrl(response.url), found },
      },
    );
  }

  async #read(response: RegistryResponse, reference: string): Promise<Uint8Array> {
    const { contentLength } = response.headers;
    if (contentLength !== undefined && contentLength > MANIFEST_LIMIT) {
      response.close();
      throw this.#tooLarge(reference, contentLength);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.chunks()) {
      size += chunk.length;
      if (size > MANIFEST_LIMIT) throw this.#tooLarge(reference, size);
      chunks.push(chunk);
    }
    return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
  }

  #describe(
    response: RegistryResponse,
    reference: string,
    type: string,
    bytes: Uint8Array,
  ): Descriptor {
    const said = response.headers.get("docker-content-digest");
    const wanted = isBlobDigest(reference) ? (reference as Digest) : undefined;
    const like = wanted ?? (isBlobDigest(said) ? (said as Digest) : SHA256);
    const digest = digestLike(like, bytes);
    for (const expected of [wanted, said]) {
      // A header in another algorithm says nothing about this one.
      if (!isBlobDigest(expected) || !sameAlgorithm(expected, digest)) continue;
      if (expected !== digest) throw this.#wrongDigest(reference, expected, digest);
    }
    const descriptor = { mediaType: type, digest, size: bytes.length };
    // Its own type has to be the one it is sent as: two readers must not see two things (CVE-2021-41190).
    parseManifest(bytes, descriptor);
    return descriptor;
  }

  #expectSame(response: RegistryResponse, { digest }: Descriptor): void {
    const said = response.headers.get("docker-content-digest");
    if (!isBlobDigest(said) || !sameAlgorithm(said, digest) || said === digest) return;
    throw this.#wrongDigest(digest, digest, said);
  }

  #wrongDigest(reference: string, expected: string, found: string): CtxPackError {
    return new CtxPackError(
      "CTXPACK_E_DIGEST_MISMATCH",
      `${this.#where(reference)}: the manifest has the digest ${found}, expected ${expected}`,
      { details: { expected, found } },
    );
  }

  #tooLarge(reference: string, found: number): CtxPackError {
    return new CtxPackError(
      "CTXPACK_E_MANIFEST",
      `${this.#where(reference)}: the manifest has ${found} bytes or more, at most ${MANIFEST_LIMIT} are read`,
      { details: { expected: MANIFEST_LIMIT, found } },
    );
  }
}

const SHA256 = `sha256:${"0".repeat(64)}` as Digest;

function digestLike(like: Digest, bytes: Uint8Array): Digest {
  return finishDigest(hasherOf(like).update(bytes), like);
}

function sameAlgorithm(a: string, b: string): boolean {
  return a.slice(0, a.indexOf(":")) === b.slice(0, b.indexOf(":"));
}
