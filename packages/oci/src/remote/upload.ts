import { CtxPackError, type Digest, type OnProgress } from "@ctxpack/identity";
import { unlessAborted } from "../abort.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { Descriptor } from "../descriptor.ts";
import { isBlobDigest } from "../digest.ts";
import type { BlobSource } from "../source.ts";
import { verified } from "../verify.ts";
import { blobExists } from "./blob-exists.ts";
import { isNetworkError } from "./network-error.ts";
import type { RegistryProfile, UploadStrategy } from "./profile.ts";
import { hasFault, statusOf } from "./registry-error.ts";
import type { RegistryResponse } from "./response.ts";
import { backoff, isRetryableStatus, pause } from "./retry.ts";
import type { Transport } from "./transport.ts";
import { type SessionRequest, UploadSession } from "./upload-session.ts";

/** A body up to this size is sent whole again rather than in pieces. */
const SMALL = 8 << 20;
/** Smaller pieces are not tried where a registry finds them too large. */
const LEAST_CHUNK = 1 << 20;
/** Repositories that are asked for a blob before it is sent. */
const MOUNTS = 2;

export interface UploadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Repositories of the same registry that may have the blob. */
  readonly mountFrom?: readonly string[] | undefined;
}

/** What became of an upload. */
export type UploadResult = "uploaded" | "mounted";

/** Stores blobs in one repository. What it learns of the registry from one blob it knows for the next. */
export class Uploader {
  readonly #transport: Transport;
  readonly #repository: string;
  readonly #profile: RegistryProfile;
  readonly #running = new Map<Digest, Promise<UploadResult>>();
  #strategy: UploadStrategy;
  #multiPatch: boolean;
  #chunkSize: number;

  constructor(transport: Transport, repository: string, profile: RegistryProfile) {
    this.#transport = transport;
    this.#repository = repository;
    this.#profile = profile;
    this.#strategy = profile.upload;
    this.#multiPatch = profile.multiPatch;
    this.#chunkSize = profile.chunkSize;
  }

  /**
   * Stores a blob, whether or not it is there. Throws CTXPACK_E_DIGEST_MISMATCH when the source has other bytes than
   * its descriptor says, what reading it throws, and what the registry answers after as many attempts as the policy
   * allows. An upload that fails is cancelled.
   */
  async push(
    d: Descriptor,
    source: BlobSource,
    options: UploadOptions = {},
  ): Promise<UploadResult> {
    const { signal } = options;
    for (let other = this.#running.get(d.digest); other; other = this.#running.get(d.digest)) {
      try {
        return await unlessAborted(other, signal);
      } catch {
        // Its failure is its own; ours may succeed.
        signal?.throwIfAborted();
      }
    }
    const upload = this.#push(d, source, options);
    this.#running.set(d.digest, upload);
    try {
      return await upload;
    } finally {
      this.#running.delete(d.digest);
    }
  }

  async #push(d: Descriptor, source: BlobSource, options: UploadOptions): Promise<UploadResult> {
    const mounted = this.#profile.mount ? await this.#mount(d, options) : undefined;
    if (mounted === true) return "mounted";
    const job: Job = {
      d,
      source,
      options,
      session: mounted,
      restarts: 0,
      best: 0,
      failures: 0,
      checked: false,
    };
    try {
      await this.#upload(job);
    } catch (error) {
      await job.session?.cancel();
      throw error;
    }
    return "uploaded";
  }

  /** Sends the blob until the registry has it; each failure decides how it goes on. */
  async #upload(job: Job): Promise<void> {
    const { signal } = job.options;
    for (;;) {
      signal?.throwIfAborted();
      try {
        job.session ??= await this.#begin(job);
        const strategy = this.#strategyFor(job);
        if (strategy === "chunks") await this.#sendChunks(job, job.session);
        else await this.#sendWhole(job, job.session, strategy);
        if (strategy !== "put") await this.#expectWhole(job);
        job.session = undefined;
        return;
      } catch (error) {
        signal?.throwIfAborted();
        await this.#recover(job, error);
      }
    }
  }

  #strategyFor(job: Job): UploadStrategy {
    if (job.strategy !== undefined) return job.strategy;
    return job.d.size === 0 ? "put" : this.#strategy;
  }

  async #begin(job: Job): Promise<UploadSession> {
    const shared = this.#shared(job.options.signal);
    const response = await this.#transport.send({
      ...shared,
      method: "POST",
      url: `/v2/${this.#repository}/blobs/uploads/`,
      expect: [202],
    });
    return UploadSession.from(this.#transport, shared, response);
  }

  async #sendWhole(job: Job, session: UploadSession, strategy: UploadStrategy): Promise<void> {
    const { d, source } = job;
    const body = source;
    const onSent = this.#progress(job, 0);
    const headers = { "content-type": "application/octet-stream" };
    if (strategy === "put") {
      this.#expectSame(job, await session.finish(d.digest, { body, headers, onSent }));
      return;
    }
    await session.patch(0, d.size, { body, onSent });
    this.#expectSame(job, await session.finish(d.digest, {}));
  }

  async #sendChunks(job: Job, session: UploadSession): Promise<void> {
    const { d, source } = job;
    const { signal } = job.options;
    let at = (job.resume ? await session.status() : 0) ?? 0;
    if (at > d.size) throw this.#confused(d, at);
    job.resume = false;
    let stale = false;
    for (;;) {
      signal?.throwIfAborted();
      const size = Math.min(this.#chunkOf(session), d.size - at);
      const start = at;
      const body: BlobSource = {
        size,
        open: (offset = 0, length = size - offset) => source.open(start + offset, length),
      };
      const onSent = this.#progress(job, start);
      if (start + size === d.size) {
        // The last piece goes with the end: some refuse an end without a body.
        const headers = {
          "content-type": "application/octet-stream",
          "content-range": `${start}-${d.size - 1}`,
        };
        this.#expectSame(job, await session.finish(d.digest, { body, headers, onSent }));
        return;
      }
      try {
        const has = await session.patch(start, size, { body, onSent });
        at += size;
        if (has !== undefined && has > at) throw this.#confused(d, has);
        // ECR's answer stays at the first piece though it has them all.
        stale = has !== undefined && has < at;
        if (at > job.best) {
          // It goes on: what failed before is forgotten. One that falls back again and again is not going on.
          job.best = at;
          job.failures = 0;
        }
      } catch (error) {
        if (statusOf(error) !== 416 || isTooLarge(error) || !stale) throw error;
        const has = await session.status();
        if (has === undefined || has >= at) throw error;
        at = has;
        stale = false;
      }
    }
  }

  #chunkOf({ chunkMin = 0, chunkMax = Number.POSITIVE_INFINITY }: UploadSession): number {
    return Math.max(Math.min(this.#chunkSize, chunkMax), chunkMin);
  }

  /** Decides how an upload that failed goes on; throws when it does not. */
  async #recover(job: Job, error: unknown): Promise<void> {
    if (!CtxPackError.isInstance(error)) throw error;
    const { d, options } = job;
    const status = statusOf(error);
    if (error.details["lostChunks"] === true) {
      // It has kept the last piece only: never again in pieces.
      this.#multiPatch = false;
      this.#strategy = "put";
      job.strategy = "put";
      return this.#restart(job, error);
    }
    if (hasFault(error, "DIGEST_INVALID", "SIZE_INVALID") && status === 400) {
      await this.#expectSource(job);
      return this.#restart(job, error);
    }
    const isLost = status === 404 && job.session !== undefined && !hasFault(error, "NAME_UNKNOWN");
    if (isLost || hasFault(error, "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN")) {
      return this.#restart(job, error);
    }
    const tooLarge = status === 413 || (status === 416 && isTooLarge(error));
    const passing =
      isNetworkError(error) ||
      (status !== undefined && isRetryableStatus(status)) ||
      status === 416;
    if (tooLarge) {
      if (!this.#smaller(job)) throw error;
      return this.#abandon(job);
    }
    if (!passing || ++job.failures >= this.#transport.retry.attempts) throw error;
    await this.#wait(job, error);
    // Resets before an answer may be somebody's way to say that a body is too large.
    if (job.failures >= 2 && d.size > SMALL && this.#multiPatch) job.strategy = "chunks";
    const survives = this.#strategyFor(job) === "chunks" && job.session !== undefined;
    if (survives && (await job.session?.status()) !== undefined) {
      job.resume = true;
      return;
    }
    options.signal?.throwIfAborted();
    await this.#abandon(job);
  }

  /** Begins the blob anew, twice at most for reasons that may repeat themselves. */
  async #restart(job: Job, error: CtxPackError): Promise<void> {
    if (++job.restarts > 2) throw error;
    await this.#abandon(job);
  }

  async #abandon(job: Job): Promise<void> {
    const { session } = job;
    job.session = undefined;
    job.resume = false;
    await session?.cancel();
  }

  /** Takes smaller pieces from now on; false when there are none that could be tried. */
  #smaller(job: Job): boolean {
    if (!this.#multiPatch) return false;
    const isChunked = this.#strategyFor(job) === "chunks";
    const half = isChunked ? this.#chunkSize / 2 : Math.min(this.#chunkSize, job.d.size / 2);
    const next = Math.max(LEAST_CHUNK, Math.ceil(half));
    if (job.d.size <= next || (isChunked && next >= this.#chunkSize)) return false;
    this.#chunkSize = next;
    this.#strategy = "chunks";
    job.strategy = "chunks";
    return true;
  }

  async #wait(job: Job, error: CtxPackError): Promise<void> {
    const { retry } = this.#transport;
    const { retryAfterMs } = error.details;
    const waitMs = typeof retryAfterMs === "number" ? retryAfterMs : backoff(retry, job.failures);
    if (waitMs > retry.retryAfterCapMs) throw error;
    await pause(waitMs, job.options.signal);
  }

  /** After pieces, whether all of them were kept. A registry that is slow to say so is asked again. */
  async #expectWhole({ d, options }: Job): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (await blobExists(this.#transport, this.#repository, d, options.signal)) return;
      } catch (error) {
        if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_SIZE_MISMATCH")
          throw error;
        throw new CtxPackError(error.code, error.message, {
          cause: error,
          details: { ...error.details, lostChunks: true },
        });
      }
      if (attempt === 3) break;
      await pause(backoff(this.#transport.retry, attempt), options.signal);
    }
    throw new CtxPackError(
      "CTXPACK_E_PROTOCOL",
      `${this.#where}: the registry took the blob ${d.digest} in pieces, and does not have it`,
      { details: { digest: d.digest, lostChunks: true } },
    );
  }

  /** Whether the source still has the bytes it is to have; asked once, when a registry says that it has not. */
  async #expectSource(job: Job): Promise<void> {
    if (job.checked) return;
    job.checked = true;
    for await (const _ of verified(job.source.open(), job.d)) job.options.signal?.throwIfAborted();
  }

  #expectSame({ d }: Job, response: RegistryResponse): void {
    const said = response.headers.get("docker-content-digest");
    const comparable = isBlobDigest(said) && said.split(":")[0] === d.digest.split(":")[0];
    if (!comparable || said === d.digest) return;
    throw new CtxPackError(
      "CTXPACK_E_DIGEST_MISMATCH",
      `${this.#where}: the registry stored ${said}, sent was ${d.digest}`,
      { details: { expected: d.digest, found: said } },
    );
  }

  /** Takes a blob from another repository; a session where that was answered with one; nothing otherwise. */
  async #mount(d: Descriptor, options: UploadOptions): Promise<true | UploadSession | undefined> {
    const { signal, mountFrom = [] } = options;
    for (const from of mountFrom.slice(0, MOUNTS)) {
      if (from === this.#repository) continue;
      const shared = this.#shared(signal);
      try {
        const query = new URLSearchParams({ mount: d.digest, from });
        const response = await this.#transport.send({
          ...shared,
          scopes: [...shared.scopes, repositoryScope(from, "pull")],
          method: "POST",
          url: `/v2/${this.#repository}/blobs/uploads/?${query}`,
          once: true,
          expect: [201, 202],
        });
        if (response.status === 202) {
          return await UploadSession.from(this.#transport, shared, response);
        }
        await response.discard();
        return true;
      } catch (error) {
        signal?.throwIfAborted();
        // Whoever may not mount may still push.
        if (!CtxPackError.isInstance(error)) throw error;
      }
    }
    return undefined;
  }

  #shared(signal: AbortSignal | undefined): SessionRequest {
    const scopes = [repositoryScope(this.#repository, "pull", "push")];
    return { scopes, repository: this.#repository, right: "push", signal };
  }

  #progress({ d, options }: Job, before: number): (bytes: number) => void {
    return (bytes) =>
      options.onProgress?.({
        phase: "blob",
        unit: "bytes",
        done: before + bytes,
        total: d.size,
        name: d.digest,
      });
  }

  get #where(): string {
    return `${this.#transport.host}/${this.#repository}`;
  }

  #confused(d: Descriptor, has: number): CtxPackError {
    return new CtxPackError(
      "CTXPACK_E_PROTOCOL",
      `${this.#where}: the registry says that it has ${has} bytes of ${d.digest}, more than were sent`,
      { details: { digest: d.digest, found: has } },
    );
  }
}

/** One blob on its way. */
interface Job {
  readonly d: Descriptor;
  readonly source: BlobSource;
  readonly options: UploadOptions;
  session: UploadSession | undefined;
  /** How this blob is sent, when not as the others. */
  strategy?: UploadStrategy;
  /** The session has a part already. */
  resume?: boolean;
  restarts: number;
  /** In a row, without a piece that was taken. */
  failures: number;
  /** Bytes that were taken in pieces, at most. */
  best: number;
  checked: boolean;
}

/** A 416 that is about a size, not about an order: GHCR's way to say 413. */
function isTooLarge(error: unknown): boolean {
  return CtxPackError.isInstance(error) && /too large|exceeds|maximum/i.test(error.message);
}
