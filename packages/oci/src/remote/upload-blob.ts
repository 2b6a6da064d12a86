import { CtxPackError } from "@ctxpack/identity";
import { abortable } from "../abort.ts";
import type { Descriptor } from "../descriptor.ts";
import type { OperationOptions } from "../target.ts";
import { blobExists } from "./blob-exists.ts";
import type { UploadStrategy } from "./profile.ts";
import { statusOf } from "./registry-error.ts";
import { backoff, pause } from "./retry.ts";
import { type Transport, tooLong } from "./transport.ts";
import type { UploadBody } from "./upload-body.ts";
import { isSessionLost, isTooLarge, isWrongContent, mostAttempts } from "./upload-failure.ts";
import type { UploadLimits } from "./upload-limits.ts";
import { type UploadPart, UploadSession } from "./upload-session.ts";

const MiB = 1 << 20;
/** Sessions beside the first one. */
const MOST_RESTARTS = 2;
/** A longer body that failed twice is sent in pieces. */
const CUT_FROM = 8 * MiB;
/** So much more must have got through before failures are forgotten. */
const PROGRESS = MiB;
/** A blob may show a little after it was stored (ECR). */
const LOOKS = 4;

/** What is being done: it decides what a failure means. */
type Stage = "open" | "status" | "patch" | "put";

/** Where and what one upload is. */
export interface UploadTask {
  readonly transport: Transport;
  readonly repository: string;
  readonly limits: UploadLimits;
  readonly descriptor: Descriptor;
  readonly body: UploadBody;
  readonly options: OperationOptions;
}

/**
 * One blob on its way into a repository, until it is there or it is certain that it cannot be: sent whole, in one
 * PATCH or in several; resumed where the session survives, started again where it does not. Each failure takes
 * something from a budget: attempts (the retry policy's, since the last progress), sessions, one resync,
 * one re-reading; so the traffic is bounded whatever the registry says.
 */
export class BlobUpload {
  readonly #task: UploadTask;
  #session: UploadSession | undefined;
  #stage: Stage = "open";
  /** Bytes of the body that was sent last. */
  #sent = 0;
  /** Where the furthest body that this session was sent ends: it cannot have more. */
  #sentUpTo = 0;
  #failures = 0;
  #brokenBodies = 0;
  #restarts = 0;
  #isCut = false;
  #wasReadAgain = false;
  /** Whether the session has to be asked what it has before anything is sent. */
  #isUnsure = false;
  /** A 416: what was said, and what we thought the session had. */
  #dispute: { readonly error: unknown; readonly offset: number } | undefined;
  #wasDisputed = false;
  #highest = 0;
  #isOver = false;
  /** Why it had to be tried again: what a lost session is only the echo of. */
  #reason: unknown;

  constructor(task: UploadTask, session: UploadSession | undefined) {
    this.#task = task;
    this.#session = session;
  }

  /** Throws the last failure, as it is; the session is given up then. */
  async run(): Promise<void> {
    try {
      while (!(await this.#attempt()));
    } catch (error) {
      await this.#session?.cancel();
      throw error;
    }
  }

  /** One way through; `false`: once more. */
  async #attempt(): Promise<boolean> {
    let pieces: number;
    try {
      pieces = await this.#send();
    } catch (error) {
      await this.#recover(error);
      return false;
    }
    this.#session = undefined;
    if (pieces < 2 || (await this.#isWhole())) return true;
    // Artifactory, and perhaps others, keep the last piece only.
    this.#task.limits.refuseMultiPatch();
    const { digest } = this.#task.descriptor;
    await this.#restart(
      new CtxPackError(
        "CTXPACK_E_PROTOCOL",
        `the registry took ${digest} in ${pieces} pieces, but does not have it whole`,
        { hint: "tell its owner; uploads in pieces do not work there" },
      ),
    );
    return false;
  }

  /** Sends what the session does not have; the number of requests that brought it bytes. */
  async #send(): Promise<number> {
    const { transport, repository, descriptor, limits, options } = this.#task;
    const { size } = descriptor;
    if (this.#session === undefined) {
      this.#stage = "open";
      this.#session = await UploadSession.open(transport, repository, options.signal);
      // What it took to get in says nothing of the blob.
      if (this.#restarts === 0) this.#failures = 0;
    }
    const session = this.#session;
    if (this.#isUnsure && !(await this.#ask(session))) return this.#send();
    this.#report(session.offset);
    const strategy = this.#strategy(session);
    if (strategy === "stream" && size > 0) await this.#patch(session, size, false);
    if (strategy === "chunks") {
      const known = limits.chunkSize(size, session.bounds);
      // To be cut means in two at least.
      const most = this.#isCut ? Math.max(session.bounds.min, Math.ceil(size / 2)) : size;
      const chunk = Math.min(known, most);
      while (size - session.offset > chunk) await this.#patch(session, chunk, true);
    }
    const rest = size - session.offset;
    this.#stage = "put";
    await session.finish(descriptor, this.#part(session, rest, session.offset > 0));
    this.#report(size);
    return session.pieces + (rest > 0 ? 1 : 0);
  }

  #strategy(session: UploadSession): UploadStrategy {
    const { limits, descriptor } = this.#task;
    // What is there in part goes on in parts.
    if (session.offset > 0 || (this.#isCut && limits.multiPatch)) return "chunks";
    return limits.strategy(descriptor.size, session.bounds);
  }

  async #patch(session: UploadSession, size: number, ranged: boolean): Promise<void> {
    this.#stage = "patch";
    await session.patch(this.#part(session, size, ranged));
    this.#dispute = undefined;
    this.#noteProgress(session.offset);
  }

  #part(session: UploadSession, size: number, ranged: boolean): UploadPart {
    const { body, options } = this.#task;
    const { offset } = session;
    this.#sent = size;
    this.#sentUpTo = Math.max(this.#sentUpTo, offset + size);
    return {
      body: body.part(offset, size),
      onSent: (bytes) => this.#report(offset + bytes),
      signal: options.signal,
      ranged,
    };
  }

  /** Asks the session what it has. `false`: it does not say, and a new one is needed. */
  async #ask(session: UploadSession): Promise<boolean> {
    this.#stage = "status";
    const { options, limits, descriptor } = this.#task;
    const has = await session.status(this.#sentUpTo, options.signal);
    this.#isUnsure = false;
    const dispute = this.#dispute;
    this.#dispute = undefined;
    if (dispute !== undefined && has === dispute.offset) {
      // We agree on where it stands: it is the body that it did not like.
      this.#stage = "patch";
      this.#cut(dispute.error, session);
    } else if (dispute !== undefined || !session.isBehind) {
      if (has === undefined || (has > 0 && has < descriptor.size && !limits.multiPatch)) {
        await this.#restart(dispute?.error ?? this.#reason);
        return false;
      }
      session.offset = has;
      session.isBehind = false;
      if (has > 0) session.pieces = Math.max(session.pieces, 1);
      this.#noteProgress(has);
    }
    return true;
  }

  /** Makes ready for another attempt, or throws what ends the upload. */
  async #recover(error: unknown): Promise<void> {
    const { body, options } = this.#task;
    options.signal?.throwIfAborted();
    if (body.failure !== undefined) throw body.failure.error;
    if (this.#isOver || !CtxPackError.isInstance(error)) throw error;
    const sending = this.#stage === "patch" || this.#stage === "put";
    const session = this.#session;
    if (session !== undefined && sending) {
      if (isTooLarge(error)) return this.#cut(error, session);
      if (statusOf(error) === 416) return this.#doubt(error, session);
      if (isWrongContent(error)) return this.#readAgain(error, session);
    }
    const most = mostAttempts(error, this.#task.transport.retry);
    if (most !== undefined) return this.#wait(error, most, sending);
    if (session !== undefined && (isSessionLost(error) || this.#cannotBeAsked(error))) {
      return this.#restart(error, { lost: true });
    }
    throw error;
  }

  /** Not every registry answers what a session has. */
  #cannotBeAsked(error: unknown): boolean {
    const status = statusOf(error) ?? 0;
    return this.#stage === "status" && status >= 400 && ![401, 403].includes(status);
  }

  /** The body was too large: smaller ones from now on, in the same session. */
  #cut(error: unknown, session: UploadSession): void {
    if (!this.#task.limits.shrink(this.#sent, session.bounds)) throw this.#end(error);
    this.#isCut = true;
  }

  /** A 416: a body that is too large, or another idea of where the upload stands. */
  #doubt(error: unknown, session: UploadSession): void {
    // Nobody can be wrong about the beginning.
    if (session.offset === 0) {
      this.#cut(error, session);
      return;
    }
    if (this.#wasDisputed) throw error;
    this.#wasDisputed = true;
    this.#dispute = { error, offset: session.offset };
    this.#isUnsure = true;
  }

  /** Other bytes arrived than were announced: because the source has changed, or on their way. */
  async #readAgain(error: CtxPackError, session: UploadSession): Promise<void> {
    const { descriptor, body, options, limits } = this.#task;
    if (this.#wasReadAgain) throw error;
    this.#wasReadAgain = true;
    const bytes = body.part(0, descriptor.size).open();
    for await (const _ of abortable(bytes, options.signal));
    if (session.pieces > 0) limits.refuseMultiPatch();
    await this.#restart(error);
  }

  /** It may go better later. */
  async #wait(error: CtxPackError, most: number, sending: boolean): Promise<void> {
    const { transport, descriptor, options } = this.#task;
    this.#reason = error;
    if (++this.#failures >= most) throw error;
    // Who was sent away at the door has brought nothing in.
    if (sending && statusOf(error) !== 429) {
      this.#isUnsure = true;
      if (++this.#brokenBodies >= 2 && descriptor.size > CUT_FROM) this.#isCut = true;
    }
    const { retry } = transport;
    const asked = error.details["retryAfterMs"];
    const waitMs = typeof asked === "number" ? asked : undefined;
    if (waitMs !== undefined && waitMs > retry.retryAfterCapMs) throw tooLong(error, waitMs);
    const own = backoff(retry, this.#failures);
    // All that were sent away together would come back together.
    await pause(waitMs === undefined ? own : waitMs + own * Math.random(), options.signal);
  }

  async #restart(error: unknown, how: { readonly lost?: boolean } = {}): Promise<void> {
    if (++this.#restarts > MOST_RESTARTS) throw this.#end(this.#reason ?? error);
    const session = this.#session;
    this.#session = undefined;
    this.#sentUpTo = 0;
    this.#isUnsure = false;
    this.#dispute = undefined;
    if (how.lost !== true) await session?.cancel();
  }

  /** Nothing is tried after this error. */
  #end(error: unknown): unknown {
    this.#isOver = true;
    return error;
  }

  /** Whether the registry has the blob as long as it is. It may need a moment to show it. */
  async #isWhole(): Promise<boolean> {
    const { transport, repository, descriptor, options } = this.#task;
    for (let look = 1; ; look++) {
      try {
        if (await blobExists(transport, repository, descriptor, options.signal)) return true;
      } catch (error) {
        const isOther = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_SIZE_MISMATCH";
        if (isOther) return false;
        throw error;
      }
      if (look === LOOKS) return false;
      await pause(backoff(transport.retry, look), options.signal);
    }
  }

  #noteProgress(offset: number): void {
    if (offset < this.#highest + PROGRESS) return;
    this.#highest = offset;
    this.#failures = 0;
  }

  #report(done: number): void {
    const { descriptor, options } = this.#task;
    const { digest, size } = descriptor;
    options.onProgress?.({ phase: "blob", unit: "bytes", done, total: size, name: digest });
  }
}
