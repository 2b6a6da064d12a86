import { CtxPackError } from "@ctxpack/identity";

/** What a failed connection or transfer means, and whether it may go better the next time. */
interface Meaning {
  readonly what: string;
  readonly hint?: string;
  /** How often it is tried in all, when not as often as the policy says. */
  readonly attempts?: number;
}

const TLS_HINT =
  'name the CA that signed it as "ca" in the registry\'s settings, or in NODE_EXTRA_CA_CERTS';

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: {
    what: "connection refused",
    hint: "check the host and port, and whether the registry runs",
    attempts: 3,
  },
  ENOTFOUND: {
    what: "the name does not resolve",
    hint: "check the spelling of the host, and the network",
    attempts: 1,
  },
  EAI_AGAIN: {
    what: "the name does not resolve now",
    hint: "check the network and its name server",
    attempts: 2,
  },
  EHOSTUNREACH: { what: "no way to the host", hint: "check the network", attempts: 2 },
  ENETUNREACH: { what: "the network is down", hint: "check the network", attempts: 2 },
  ECONNRESET: { what: "the connection was reset" },
  EPIPE: { what: "the connection was closed" },
  ETIMEDOUT: { what: "the connection timed out" },
  UND_ERR_CONNECT_TIMEOUT: {
    what: "no connection in time",
    hint: "check the network, a firewall, and HTTPS_PROXY",
    attempts: 3,
  },
  UND_ERR_HEADERS_TIMEOUT: { what: "no answer in time" },
  UND_ERR_BODY_TIMEOUT: { what: "the transfer stalled" },
  UND_ERR_SOCKET: { what: "the connection was closed" },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: { what: "the answer ended early" },
  UND_ERR_HEADERS_OVERFLOW: { what: "an answer with too many headers", attempts: 1 },
  UND_ERR_PRX_TLS: { what: "the proxy's certificate is not trusted", attempts: 1 },
  UND_ERR_PRX_CONN: { what: "the proxy does not connect", hint: "check HTTPS_PROXY" },
  UND_ERR_ABORTED: {
    what: "the proxy refused the connection",
    hint: "check HTTPS_PROXY and NO_PROXY",
    attempts: 2,
  },
  EPROTO: {
    what: "it speaks no TLS there, or none that we speak",
    hint: 'a registry without TLS needs "plainHttp": true in its settings',
    attempts: 1,
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    what: "it speaks no TLS there",
    hint: 'a registry without TLS needs "plainHttp": true in its settings',
    attempts: 1,
  },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: {
    what: "it speaks no TLS there",
    hint: 'a registry without TLS needs "plainHttp": true in its settings',
    attempts: 1,
  },
  CERT_HAS_EXPIRED: {
    what: "its certificate has expired",
    hint: "the registry's owner has to renew it; check this machine's clock too",
    attempts: 1,
  },
  CERT_NOT_YET_VALID: {
    what: "its certificate is not valid yet",
    hint: "check this machine's clock",
    attempts: 1,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: "its certificate is for another name",
    hint: "check the host; somebody may be in between",
    attempts: 1,
  },
};

const UNTRUSTED: Meaning = {
  what: "its certificate is not trusted",
  hint: TLS_HINT,
  attempts: 1,
};

const CLIENT_CERT: Meaning = {
  what: "it wants a client certificate, or does not trust the one it was given",
  hint: 'name "cert" and "key" in the registry\'s settings',
  attempts: 1,
};

const UNTRUSTED_CODES: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
]);

/** The code of a network error, also when it was wrapped or several addresses were tried. */
export function networkCode(error: unknown): string | undefined {
  let at: unknown = error;
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth++) {
    const { code, errors, cause, name } = at as Record<
      "code" | "errors" | "cause" | "name",
      unknown
    >;
    if (typeof code === "string") return code;
    // undici looks its parser's code up in a table that has none of them.
    if (name === "HTTPParserError") return "HPE_INVALID";
    at = Array.isArray(errors) ? errors[0] : cause;
  }
  return undefined;
}

/** Whether a host that was asked for TLS does not speak it. */
export function isNoTls(error: unknown): boolean {
  const code = networkCode(error) ?? "";
  if (/^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)/.test(code))
    return true;
  const text = error instanceof Error ? error.message : "";
  return code === "EPROTO" && /wrong version|packet length|http request/i.test(text);
}

/** Whether a connection that failed like this may come about the next time. */
export function mayPass(error: unknown): boolean {
  return /^(?:ECONNRESET|EPIPE|ETIMEDOUT|UND_ERR_SOCKET|HPE_)/.test(networkCode(error) ?? "");
}

/** How often a request is sent in all when it fails like this; `undefined`: as often as the policy says. */
export function attemptsAfter(error: unknown): number | undefined {
  return meaningOf(networkCode(error)).attempts;
}

/**
 * The error of a request that got no answer. What is no network error (a CtxPackError, a bug) comes back
 * as it is. `where` names the host, never a query.
 */
export function networkError(error: unknown, where: string): unknown {
  if (CtxPackError.isInstance(error)) return error;
  const code = networkCode(error);
  if (code === undefined) return error;
  const { what, hint } = meaningOf(code);
  return new CtxPackError("CTXPACK_E_UNAVAILABLE", `${where}: ${what} (${code})`, {
    hint: hint ?? "try again; if it stays so, the registry's status page or owner knows more",
    cause: error,
    details: { where, reason: code },
  });
}

/** Whether no answer, or only a part of one, was the reason: the registry itself has not said no. */
export function isNetworkError(error: unknown): boolean {
  if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_UNAVAILABLE") return false;
  return typeof error.details["reason"] === "string";
}

function meaningOf(code: string | undefined): Meaning {
  if (code === undefined) return { what: "the request failed" };
  if (UNTRUSTED_CODES.has(code)) return UNTRUSTED;
  if (/^ERR_SSL_.*ALERT.*(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code)) return CLIENT_CERT;
  if (code.startsWith("HPE_")) return { what: "an answer that is not HTTP" };
  return MEANINGS[code] ?? { what: "the request failed" };
}
