import { CtxPackError } from "@ctxpack/identity";
import { unlessAborted } from "../abort.ts";
import { Authorizer, type TokenSender } from "../auth/authorizer.ts";
import type { BlobSource } from "../source.ts";
import { describeUrl, isLoopback, isSameOrigin } from "./address.ts";
import { Lanes } from "./lanes.ts";
import { Network } from "./network.ts";
import { attemptsAfter, isNetworkError, isNoTls, mayPass, networkError } from "./network-error.ts";
import { apiHost } from "./profile.ts";
import { isRedirect, MAX_REDIRECTS, redirectTarget, refuse } from "./redirect.ts";
import { hasFault, type Purpose, registryError } from "./registry-error.ts";
import { RequestBody } from "./request-body.ts";
import { RegistryResponse } from "./response.ts";
import { backoff, isRetryableStatus, parseRetryAfter, pause } from "./retry.ts";
import {
  RETRY,
  type RegistryOptions,
  type RetryPolicy,
  TIMEOUTS,
  type Timeouts,
} from "./settings.ts";
import { Warnings } from "./warnings.ts";

/** Requests in flight in one direction, before the host has shown how many it bears. */
const FIRST_LANES = 8;
const MOST_LANES = 32;
/** How often a loopback host is asked whether it speaks TLS when the connection breaks. */
const PROBES = 4;
/** A token's answer is not longer. */
const TOKEN_LIMIT = 128 << 10;
/** Slower than this, a body is not waited for: the time for an answer grows with what was sent. */
const SLOWEST_BYTES_PER_MS = 64;

/** One request to a registry, or to where it sent us. */
export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/v2/…`, or an absolute URL that the registry gave. */
  readonly url: string | URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | BlobSource | undefined;
  /** Scopes it needs (distribution's token specification): `repository:acme/packs:pull`. */
  readonly scopes: readonly string[];
  readonly repository?: string | undefined;
  /** What an account needs for it, for the message. */
  readonly right?: "pull" | "push" | "delete" | undefined;
  /** Statuses that are answers; any other one is thrown as an error. */
  readonly expect: readonly number[];
  /** Sent once, whatever happens: the caller knows what to do next. Default: again, as the policy says. */
  readonly once?: boolean | undefined;
  /** Called with the bytes of the body that have been handed to the network so far. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The one way out: lanes, credentials, redirects, retries and errors of everything that is sent to a registry. */
export class Transport implements AsyncDisposable {
  /** host[:port] as its user writes it. */
  readonly host: string;
  readonly timeouts: Timeouts;
  readonly retry: RetryPolicy;
  readonly options: RegistryOptions;
  readonly #network: Network;
  readonly #reads: Lanes;
  readonly #writes: Lanes;
  readonly #warnings: Warnings;
  #origin: Promise<URL> | undefined;
  /** Until then the registry wants to be left alone. */
  #quietUntil = 0;
  #authorizer: Authorizer | undefined;

  constructor(host: string, options: RegistryOptions = {}) {
    this.host = host;
    this.options = options;
    this.timeouts = { ...TIMEOUTS, ...options.timeouts };
    this.retry = { ...RETRY, ...options.retry };
    const most = options.concurrency ?? MOST_LANES;
    this.#reads = new Lanes(FIRST_LANES, most);
    this.#writes = new Lanes(FIRST_LANES, most);
    // A body on its way up may wait for one on its way down: each direction has connections of its own.
    this.#network = new Network(options, this.timeouts, 2 * most);
    this.#warnings = new Warnings(host, options.onWarning);
  }

  /** How the registry wants to know who asks; "none" while it has not asked. */
  get authentication(): Authorizer["scheme"] {
    return this.#authorizer?.scheme ?? "none";
  }

  /** Where the credentials that were used came from. */
  get credentialSource(): string | undefined {
    return this.#authorizer?.credentialSource;
  }

  /** Scheme, host and port; a loopback host may have to be asked whether it speaks TLS. */
  async origin(signal?: AbortSignal): Promise<URL> {
    // Everybody waits for the same answer; one who is aborted stops waiting alone.
    this.#origin ??= this.#findOrigin();
    return unlessAborted(this.#origin, signal);
  }

  /**
   * Sends a request until it is answered. Throws CTXPACK_E_AUTH, _NOT_FOUND, _UNSUPPORTED, _UNAVAILABLE or
   * _PROTOCOL with `details.status` and the registry's own words for an answer that is not expected.
   */
  send(request: RegistryRequest): Promise<RegistryResponse> {
    return this.sendFor(request, async (response) => response);
  }

  /** As `send`, and takes in the answer too: one that breaks off is asked for again. */
  async sendFor<T>(
    request: RegistryRequest,
    read: (response: RegistryResponse) => Promise<T>,
  ): Promise<T> {
    const { signal } = request;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      let failure: unknown;
      let most = request.once === true ? 1 : this.retry.attempts;
      let waitMs: number | undefined;
      try {
        const response = await this.#authorized(request);
        this.#warnings.take(response.headers.all("warning"));
        if (request.expect.includes(response.status)) return await read(response);
        failure = await registryError(response, this.#purpose(request));
        const again = isRetryableStatus(response.status) || hasFault(failure, "TOOMANYREQUESTS");
        if (!again) throw failure;
        waitMs = parseRetryAfter(response.headers.get("retry-after"), Date.now());
      } catch (error) {
        signal?.throwIfAborted();
        if (error === failure) throw error;
        failure = networkError(error, this.host);
        if (!isNetworkError(failure)) throw failure;
        most = Math.min(most, attemptsAfter(error) ?? most);
      }
      if (attempt >= most) throw failure;
      if (waitMs !== undefined && waitMs > this.retry.retryAfterCapMs) {
        throw tooLong(failure as CtxPackError, waitMs);
      }
      await pause(waitMs ?? backoff(this.retry, attempt), signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
  }

  #purpose(request: RegistryRequest): Purpose {
    const { method, repository, right } = request;
    return { method, host: this.host, repository, right };
  }

  /** One request with credentials: a 401 or 403 of the registry itself is answered, twice at most. */
  async #authorized(request: RegistryRequest): Promise<RegistryResponse> {
    const origin = await this.origin(request.signal);
    const url = new URL(request.url, origin);
    const { signal, scopes, repository } = request;
    const own = isSameOrigin(url, origin);
    const who = { ...(repository !== undefined && { repository }), ...(signal && { signal }) };
    const authorizer = this.#authorizerOf(origin);
    let sent = own ? await authorizer.header(scopes, who) : undefined;
    for (let answers = 0; ; answers++) {
      const response = await this.#followed(request, url, sent);
      if (response.foreign || answers === 2) return response;
      if (response.status === 403 && sent !== undefined) {
        const renewed = await authorizer.renewed(scopes, { ...who, sent }).catch(() => undefined);
        // What it says is why it refuses.
        if (renewed === undefined) return response;
        await response.discard();
        sent = renewed;
        continue;
      }
      if (response.status !== 401) return response;
      await response.discard();
      const challenges = response.headers.all("www-authenticate");
      sent = await authorizer.answer(challenges, scopes, {
        ...who,
        ...(sent !== undefined && { sent }),
      });
    }
  }

  /** One request through its redirects. What was left behind at a change of host is not taken up again. */
  async #followed(
    request: RegistryRequest,
    first: URL,
    authorization: string | undefined,
  ): Promise<RegistryResponse> {
    const origin = await this.origin(request.signal);
    let url = first;
    let foreign = !isSameOrigin(url, origin);
    for (let hops = 0; ; hops++) {
      const response = await this.#exchange(request, url, { foreign, authorization });
      if (!isRedirect(response.status)) return response;
      await response.discard();
      if (hops === MAX_REDIRECTS) {
        throw refuse(`${describeUrl(first)} sends us on and on`, { url: describeUrl(first) });
      }
      url = redirectTarget(url, response.headers.get("location"), request.method);
      foreign ||= !isSameOrigin(url, origin);
    }
  }

  /** One request and the head of its answer. */
  async #exchange(
    request: RegistryRequest,
    url: URL,
    how: { readonly foreign: boolean; readonly authorization: string | undefined },
  ): Promise<RegistryResponse> {
    const isReading = request.method === "GET" || request.method === "HEAD";
    const lanes = isReading ? this.#reads : this.#writes;
    await this.#quiet(request.signal);
    const leave = await lanes.enter(request.signal);
    const body =
      request.body === undefined
        ? undefined
        : new RequestBody(request.body, { stallMs: this.timeouts.stallMs, onSent: request.onSent });
    const stop =
      body && request.signal
        ? AbortSignal.any([request.signal, body.stalled])
        : (body?.stalled ?? request.signal);
    try {
      const data = await this.#network.dispatcher(url, !how.foreign).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method,
        headers: this.#headers(request, how),
        // undici takes any iterable; its types know streams only.
        body: (body?.content ?? null) as Uint8Array | null,
        headersTimeout: this.#answerMs(body?.size),
        bodyTimeout: this.timeouts.stallMs,
        ...(stop && { signal: stop }),
      });
      this.#note(lanes, data.statusCode, how.foreign ? undefined : data.headers["retry-after"]);
      return new RegistryResponse(data, {
        url,
        foreign: how.foreign,
        authorization: how.authorization,
        slownessMs: 2 * this.timeouts.stallMs,
        onFailure: (error) => {
          request.signal?.throwIfAborted();
          return networkError(error, url.host);
        },
        onEnd: leave,
      });
    } catch (error) {
      leave();
      request.signal?.throwIfAborted();
      // The source of the body failed, or the network did not take it: the abort is only the echo.
      throw body?.failure ?? error;
    } finally {
      body?.end();
    }
  }

  #headers(
    request: RegistryRequest,
    how: { readonly foreign: boolean; readonly authorization: string | undefined },
  ): Record<string, string> {
    // A coding would make other bytes of what has a digest.
    const headers: Record<string, string> = {
      "accept-encoding": "identity",
      "user-agent": "ctxpack",
    };
    const size = request.body && ("size" in request.body ? request.body.size : request.body.length);
    if (size !== undefined) headers["content-length"] = String(size);
    else if (request.method === "POST" || request.method === "PUT" || request.method === "PATCH") {
      headers["content-length"] = "0";
    }
    if (how.foreign) {
      // Where we were sent gets what the request is about, and nothing of who asks.
      for (const name of ["range", "content-type", "content-range"]) {
        const value = request.headers?.[name];
        if (value !== undefined) headers[name] = value;
      }
      return headers;
    }
    Object.assign(headers, this.options.headers, request.headers);
    if (how.authorization !== undefined) headers["authorization"] = how.authorization;
    return headers;
  }

  #answerMs(size: number | undefined): number {
    const { headersMs } = this.timeouts;
    if (size === undefined) return headersMs;
    // A registry may hash and store a large blob before it says a word.
    const least = size > 1 << 20 ? Math.max(headersMs, 300_000) : headersMs;
    return Math.round(least + size / SLOWEST_BYTES_PER_MS);
  }

  #note(lanes: Lanes, status: number, retryAfter: string | string[] | undefined): void {
    if (status !== 429 && status !== 503) {
      lanes.succeeded();
      return;
    }
    this.#reads.overloaded();
    this.#writes.overloaded();
    const waitMs = parseRetryAfter([retryAfter].flat()[0], Date.now());
    if (waitMs === undefined || waitMs > this.retry.retryAfterCapMs) return;
    this.#quietUntil = Math.max(this.#quietUntil, performance.now() + waitMs);
  }

  /** What one request was told is meant for all of them: nobody asks before the time is over. */
  async #quiet(signal: AbortSignal | undefined): Promise<void> {
    // Spread out: all at once they would meet the limit again.
    for (let ms = this.#left(); ms > 0; ms = this.#left()) {
      await pause(ms * (1 + Math.random()), signal);
    }
  }

  #left(): number {
    return this.#quietUntil - performance.now();
  }

  #authorizerOf(origin: URL): Authorizer {
    this.#authorizer ??= new Authorizer({
      origin,
      host: this.host,
      credentials: this.options.credentials,
      trustedRealmHosts: this.options.trustedRealmHosts,
      send: (request) => this.#sendToken(request, origin),
    });
    return this.#authorizer;
  }

  /** A request for a token: it carries credentials, so it is followed nowhere. */
  async #sendToken(
    request: Parameters<TokenSender>[0],
    origin: URL,
  ): Promise<{ readonly status: number; readonly body: Uint8Array }> {
    const { url, method, headers, body, signal } = request;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        const data = await this.#network.dispatcher(url, isSameOrigin(url, origin)).request({
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          headers: { "accept-encoding": "identity", "user-agent": "ctxpack", ...headers },
          body: body ?? null,
          headersTimeout: this.timeouts.headersMs,
          bodyTimeout: this.timeouts.stallMs,
          ...(signal && { signal }),
        });
        const onFailure = (error: unknown): unknown => error;
        const response = new RegistryResponse(data, {
          url,
          foreign: true,
          authorization: undefined,
          slownessMs: 2 * this.timeouts.stallMs,
          onFailure,
          onEnd: () => {},
        });
        const answer = { status: response.status, body: await response.bytes(TOKEN_LIMIT) };
        if (!isRetryableStatus(answer.status) || attempt >= this.retry.attempts) return answer;
      } catch (error) {
        signal?.throwIfAborted();
        const failure = networkError(error, url.host);
        const most = Math.min(this.retry.attempts, attemptsAfter(error) ?? this.retry.attempts);
        if (failure === error || attempt >= most) throw failure;
      }
      await pause(backoff(this.retry, attempt), signal);
    }
  }

  async #findOrigin(): Promise<URL> {
    const host = apiHost(this.host);
    const { plainHttp } = this.options;
    const secure = new URL(`https://${host}`);
    const plain = new URL(`http://${host}`);
    if (plainHttp !== undefined) return plainHttp ? plain : secure;
    if (!isLoopback(secure.hostname)) return secure;
    for (let attempt = 1; ; attempt++) {
      try {
        const { body } = await this.#network.dispatcher(secure, true).request({
          origin: secure.origin,
          path: "/v2/",
          method: "HEAD",
          headersTimeout: this.timeouts.headersMs,
        });
        await body.dump();
        return secure;
      } catch (error) {
        if (isNoTls(error)) return plain;
        // Whatever else is wrong shows again, and is told, at the first request.
        if (attempt === PROBES || !mayPass(error)) return secure;
      }
    }
  }
}

export function tooLong(failure: CtxPackError, waitMs: number): CtxPackError {
  const seconds = Math.ceil(waitMs / 1000);
  return new CtxPackError(
    "CTXPACK_E_UNAVAILABLE",
    `${failure.message}; it asks to wait ${seconds} s`,
    {
      hint: `try again in ${seconds} s`,
      cause: failure,
      details: { ...failure.details, retryAfterMs: waitMs },
    },
  );
}
