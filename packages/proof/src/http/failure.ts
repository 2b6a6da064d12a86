import { CtxPackError, type CtxPackErrorCode } from "@ctxpack/identity";
import { networkCode, printable } from "@ctxpack/oci";
import type { ServiceAnswer, ServiceRequest } from "./request.ts";

/** How often something is asked in all. */
export const ATTEMPTS = 6;

/** How much of a service's own words is told. */
const WORDS = 300;

/** The error for an answer with a status that nobody expects. */
export function refusal(asked: ServiceRequest, { status, body }: ServiceAnswer): CtxPackError {
  const words = wordsOf(asked, body);
  const said = words === "" ? "" : `: ${words}`;
  const { code, hint } = meaningOf(status === 400 && asked.refusesWith400 ? 401 : status);
  return new CtxPackError(code, `${nameOf(asked)} answers ${status}${said}`, {
    hint,
    details: { service: asked.service, host: asked.url.host, status },
  });
}

function meaningOf(status: number): { readonly code: CtxPackErrorCode; readonly hint: string } {
  if (status === 401 || status === 403) {
    const hint = "get a new identity token: it may have expired, or be for another audience";
    return { code: "CTXPACK_E_AUTH", hint };
  }
  if (status === 413) {
    const hint = "the statement is too large for the log: move lists of files out of its predicate";
    return { code: "CTXPACK_E_TOO_LARGE", hint };
  }
  if (status === 408 || status === 429 || status >= 500) {
    const hint = "the service is overloaded or down: try again later";
    return { code: "CTXPACK_E_UNAVAILABLE", hint };
  }
  return { code: "CTXPACK_E_PROTOCOL", hint: "check the service's URL" };
}

/** The error for a request that was not answered, and how often it is tried in all; `undefined`: it is none of the network. */
export function unanswered(
  asked: ServiceRequest,
  error: unknown,
): { readonly error: CtxPackError; readonly attempts: number } | undefined {
  const reason = networkCode(error);
  if (reason === undefined || OURS.test(reason)) return undefined;
  const failure = new CtxPackError(
    "CTXPACK_E_UNAVAILABLE",
    `${nameOf(asked)} cannot be reached (${reason})`,
    {
      hint: "check the network, the service's URL, and HTTPS_PROXY",
      // Without its cause: a parser's error has what was received with it, and that may be what we sent.
      details: { service: asked.service, host: asked.url.host, reason },
    },
  );
  return {
    error: failure,
    attempts: LASTING.test(reason) ? 1 : ABSENT.test(reason) ? 3 : ATTEMPTS,
  };
}

/** The request could not be sent as it was: a mistake here, not in the network. */
const OURS = /^(?:UND_ERR_(?:INVALID|NOT_SUPPORTED|REQ_)|ERR_(?!TLS|SSL))/;

/** A name that does not exist, or a certificate that is not trusted, stays so. */
const LASTING = /^(?:ENOTFOUND|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO)/;

/** Nobody is there, somebody else is, or the way there is broken: rarely for a moment only. */
const ABSENT =
  /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|HPE_.*|UND_ERR_(?:CONNECT_TIMEOUT|ABORTED|PRX_.*))$/;

export function tooLate(asked: ServiceRequest, last: unknown): CtxPackError {
  const seconds = Math.ceil(asked.deadlineMs / 1000);
  return new CtxPackError(
    "CTXPACK_E_TIMEOUT",
    `${nameOf(asked)} did not answer within ${seconds} s`,
    {
      hint: "try again; the service may be slow or down",
      cause: last,
      details: { service: asked.service, host: asked.url.host, deadlineMs: asked.deadlineMs },
    },
  );
}

export function tooLong(asked: ServiceRequest): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `${nameOf(asked)} answers with more than ${asked.limit} bytes`,
    { details: { service: asked.service, host: asked.url.host, limit: asked.limit } },
  );
}

/** An answer that has the wrong form. */
export function malformed(
  asked: Pick<ServiceRequest, "service" | "url">,
  what: string,
): CtxPackError {
  return new CtxPackError("CTXPACK_E_PROTOCOL", `${nameOf(asked)} ${what}`, {
    details: { service: asked.service, host: asked.url.host },
  });
}

function nameOf({ service, url }: Pick<ServiceRequest, "service" | "url">): string {
  return `${service} (${url.host})`;
}

/** What the service said, on one line, without what it must not repeat. */
function wordsOf({ secrets = [] }: ServiceRequest, body: Buffer): string {
  const clean = body
    .toString("utf8")
    .replace(/[\w-]{8,}/g, (run) => (secrets.some((one) => isPart(run, one)) ? "[token]" : run));
  return printable(clean, WORDS).trim();
}

/** Also a piece of it counts: a service may cut what it quotes, or run it together with other words. */
function isPart(run: string, secret: string): boolean {
  const pieces = secret.split(".").filter((piece) => piece.length >= 8);
  return secret.includes(run) || pieces.some((piece) => run.includes(piece.slice(0, 12)));
}
