import { CtxPackError, type OnProgress } from "@ctxpack/identity";
import { unlessAborted } from "../abort.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { Descriptor } from "../descriptor.ts";
import type { BlobSource } from "../source.ts";
import type { RegistryProfile } from "./profile.ts";
import { statusOf } from "./registry-error.ts";
import type { Transport } from "./transport.ts";
import { BlobUpload } from "./upload-blob.ts";
import { UploadBody } from "./upload-body.ts";
import { uploadError } from "./upload-failure.ts";
import { UploadLimits } from "./upload-limits.ts";
import { expectDigest, pushing, UploadSession } from "./upload-session.ts";

export interface UploadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes handed to the network in the current attempt: what is done may go back. */
  readonly onProgress?: OnProgress | undefined;
  /** Repositories of the same registry that may have the blob. */
  readonly mountFrom?: readonly string[] | undefined;
}

/** How a blob got there: sent, or taken over from another repository. */
export type UploadResult = "uploaded" | "mounted";

/** More would cost more than they save. */
const MOST_MOUNTS = 2;

/** Stores blobs in one repository, and remembers what it takes. */
export class Uploader {
  readonly #transport: Transport;
  readonly #repository: string;
  readonly #profile: RegistryProfile;
  readonly #limits: UploadLimits;
  readonly #running = new Map<string, Promise<UploadResult>>();
  /** Repositories that nothing may be taken over from. */
  readonly #closed = new Set<string>();

  constructor(transport: Transport, repository: string, profile: RegistryProfile) {
    this.#transport = transport;
    this.#repository = repository;
    this.#profile = profile;
    this.#limits = new UploadLimits(profile);
  }

  /**
   * Stores a blob that is not there yet; a second push of it waits for the first. Throws CTXPACK_E_AUTH,
   * _UNAVAILABLE, _UNSUPPORTED, _NOT_FOUND and _PROTOCOL with `details.digest`, CTXPACK_E_DIGEST_MISMATCH when the
   * source changed or another blob was stored, and what the source throws.
   */
  async push(
    d: Descriptor,
    source: BlobSource,
    options: UploadOptions = {},
  ): Promise<UploadResult> {
    const { signal } = options;
    signal?.throwIfAborted();
    for (let running = this.#running.get(d.digest); running !== undefined; ) {
      try {
        return await unlessAborted(running, signal);
      } catch {
        // Why the other one failed is its own matter: it may be its source, or its user.
        signal?.throwIfAborted();
      }
      running = this.#running.get(d.digest);
    }
    const push = this.#push(d, source, options);
    this.#running.set(d.digest, push);
    try {
      return await push;
    } finally {
      this.#running.delete(d.digest);
    }
  }

  async #push(d: Descriptor, source: BlobSource, options: UploadOptions): Promise<UploadResult> {
    const body = new UploadBody(d, source);
    try {
      const begun = await this.#mount(d, options);
      if (begun === "mounted") return begun;
      const task = {
        transport: this.#transport,
        repository: this.#repository,
        limits: this.#limits,
        descriptor: d,
        body,
        options,
      };
      await new BlobUpload(task, begun).run();
      return "uploaded";
    } catch (error) {
      options.signal?.throwIfAborted();
      if (body.failure !== undefined) throw body.failure.error;
      throw uploadError(error, `${this.#transport.host}/${this.#repository}`, d.digest);
    }
  }

  /** Has the registry take over the blob. A session is what it opened instead; nothing: it would not. */
  async #mount(
    d: Descriptor,
    { mountFrom = [], signal }: UploadOptions,
  ): Promise<"mounted" | UploadSession | undefined> {
    if (!this.#profile.mount) return undefined;
    const candidates = [...new Set(mountFrom)]
      .filter((from) => from !== this.#repository && !this.#closed.has(from))
      .slice(0, MOST_MOUNTS);
    for (const from of candidates) {
      try {
        return await this.#mountFrom(from, d, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (!CtxPackError.isInstance(error)) throw error;
        // Whatever was wrong with it shows again when the blob is sent, or is none of our business.
        if (error.code === "CTXPACK_E_AUTH" || statusOf(error) === 405) this.#closed.add(from);
      }
    }
    return undefined;
  }

  async #mountFrom(
    from: string,
    d: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<"mounted" | UploadSession> {
    const shared = pushing(this.#repository, signal);
    const query = `mount=${encodeURIComponent(d.digest)}&from=${encodeURIComponent(from)}`;
    const response = await this.#transport.send({
      ...shared,
      method: "POST",
      url: `/v2/${this.#repository}/blobs/uploads/?${query}`,
      scopes: [...shared.scopes, repositoryScope(from, "pull")],
      expect: [201, 202],
    });
    if (response.status === 202) {
      return UploadSession.of(this.#transport, this.#repository, response);
    }
    await response.discard();
    expectDigest(response, d);
    return "mounted";
  }
}
