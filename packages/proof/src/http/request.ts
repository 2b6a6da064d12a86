import { CtxPackError } from "@ctxpack/identity";
import { isRetryableStatus, parseRetryAfter, pause } from "@ctxpack/oci";
import { dispatcher } from "./dispatcher.ts";
import { ATTEMPTS, refusal, tooLate, tooLong, unanswered } from "./failure.ts";

/** One question to a service. */
export interface ServiceRequest {
  /** What the service is called in errors: `Fulcio`. */
  readonly service: string;
  readonly method: "GET" | "POST";
  readonly url: URL;
  /** Sent as JSON. */
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The longest answer that is taken, in bytes. */
  readonly limit: number;
  /** For all tries together, in milliseconds. */
  readonly deadlineMs: number;
  /** Statuses that are answers; any other is thrown as an error. */
  readonly expect: readonly number[];
  /** 400 is how it refuses who asks. Default: that the question was wrong. */
  readonly refusesWith400?: boolean | undefined;
  /** What no error may repeat, even if the service does. */
  readonly secrets?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

const BASE_MS = 200;
const CAP_MS = 5000;

/**
 * Asks until there is an answer: again after 408, 425, 429, 5xx and broken connections, as `Retry-After` says, else after a
 * pause that doubles, at random between half and one and a half of it. Redirects are not followed: what is asked may carry
 * an identity token.
 *
 * @throws CtxPackError `CTXPACK_E_TIMEOUT` after `deadlineMs`, `CTXPACK_E_UNAVAILABLE` when the service keeps failing,
 *   `CTXPACK_E_AUTH` for 401 and 403, `CTXPACK_E_TOO_LARGE` for 413, `CTXPACK_E_PROTOCOL` for any other status and for an
 *   answer that is too long.
 */
export async function request(asked: ServiceRequest): Promise<ServiceAnswer> {
  const end = performance.now() + asked.deadlineMs;
  const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(asked.deadlineMs)));
  const signal = asked.signal ? AbortSignal.any([asked.signal, deadline]) : deadline;
  let last: unknown;
  try {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      let waitMs: number | undefined;
      let most = ATTEMPTS;
      try {
        const answer = await exchange(asked, signal);
        if (asked.expect.includes(answer.status)) return answer;
        last = refusal(asked, answer);
        if (!isRetryableStatus(answer.status) && answer.status < 500) throw last;
        waitMs = parseRetryAfter([answer.headers["retry-after"]].flat()[0], Date.now());
      } catch (error) {
        signal.throwIfAborted();
        if (error === last || CtxPackError.isInstance(error)) throw error;
        const failure = unanswered(asked, error);
        if (failure === undefined) throw error;
        last = failure.error;
        most = failure.attempts;
      }
      if (attempt >= most) throw last;
      const ms = waitMs ?? backoff(attempt);
      if (performance.now() + ms >= end) throw last;
      await pause(ms, signal);
    }
  } catch (error) {
    asked.signal?.throwIfAborted();
    if (deadline.aborted) throw tooLate(asked, last);
    throw error;
  }
}

function backoff(attempt: number): number {
  return Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1)) * (0.5 + Math.random());
}

async function exchange(asked: ServiceRequest, signal: AbortSignal): Promise<ServiceAnswer> {
  const { url, method, body, limit } = asked;
  const network = await dispatcher();
  const data = await network.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    headers: {
      // A coding would make the limit one of something else.
      "accept-encoding": "identity",
      "user-agent": "ctxpack",
      ...(body && { "content-type": "application/json" }),
      ...asked.headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal,
  });
  // Whoever stopped reading is not told any more.
  data.body.on("error", () => {});
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of data.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLong(asked);
      chunks.push(chunk);
    }
  } finally {
    data.body.destroy();
  }
  return { status: data.statusCode, headers: data.headers, body: Buffer.concat(chunks) };
}
