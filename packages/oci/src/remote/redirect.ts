import { CtxPackError } from "@ctxpack/identity";
import { describeUrl, isSameOrigin } from "./address.ts";

/** More is a loop. */
export const MAX_REDIRECTS = 10;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/**
 * Where an answer sends a request on to. Throws CTXPACK_E_PROTOCOL for a URL that is none, for https to http,
 * and for a request with a body to another origin: what was meant for one host is not sent to another.
 */
export function redirectTarget(from: URL, location: string | undefined, method: string): URL {
  const url = location === undefined ? null : URL.parse(location, from.href);
  const where = describeUrl(from);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw refuse(`${where} sends us on, but not to a URL`, { url: where });
  }
  if (from.protocol === "https:" && url.protocol === "http:") {
    throw refuse(`${where} sends us on to ${url.protocol}//${url.host}, without encryption`, {
      url: where,
      location: describeUrl(url),
    });
  }
  const isReading = method === "GET" || method === "HEAD";
  if (!isReading && !isSameOrigin(from, url)) {
    throw refuse(`${where} sends a ${method} on to another host, ${url.host}`, {
      url: where,
      location: describeUrl(url),
    });
  }
  // A name or password in it would be sent to whoever it names.
  url.username = "";
  url.password = "";
  return url;
}

export function refuse(message: string, details: Readonly<Record<string, unknown>>): CtxPackError {
  return new CtxPackError("CTXPACK_E_PROTOCOL", message, {
    hint: "the registry is set up wrongly, or somebody is in between: tell its owner",
    details,
  });
}
