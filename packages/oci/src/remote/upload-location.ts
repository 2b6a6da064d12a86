import { CtxPackError, type Digest } from "@ctxpack/identity";
import { describeUrl, isSameOrigin } from "./address.ts";
import { refuse } from "./redirect.ts";

/**
 * Where an upload goes on, as a `Location` says: resolved against the request it answers, its query kept as it is.
 * Throws CTXPACK_E_PROTOCOL for what is no URL, for https to http, and for another host unless
 * `allowCrossHost` (GHSA-jxpm-75mh-9fp7: what is uploaded is not for whoever the answer names).
 */
export function uploadLocation(
  location: string | undefined,
  from: URL,
  rules: { readonly origin: URL; readonly allowCrossHost: boolean },
): URL {
  const where = describeUrl(from);
  const url = location === undefined ? null : URL.parse(location, from.href);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    const what = location === undefined ? "does not say" : "names no URL";
    throw refuse(`${where} ${what} where the upload goes on`, { url: where });
  }
  const isSecure = from.protocol === "https:" || rules.origin.protocol === "https:";
  if (isSecure && url.protocol === "http:") {
    throw refuse(`${where} sends the upload on to http://${url.host}, without encryption`, {
      url: where,
      location: describeUrl(url),
    });
  }
  if (!rules.allowCrossHost && !isSameOrigin(url, rules.origin)) {
    throw new CtxPackError(
      "CTXPACK_E_PROTOCOL",
      `${where} sends the upload on to another host, ${url.protocol}//${url.host}`,
      {
        hint: 'if that is right, set "allowCrossHostUpload" in the registry\'s settings',
        details: { url: where, location: describeUrl(url) },
      },
    );
  }
  url.hash = "";
  // A name or password in it would be sent to whoever it names.
  url.username = "";
  url.password = "";
  return url;
}

/** The URL that ends an upload. The query is added to, never written anew: registries sign it. */
export function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  const query = url.search === "" ? "?" : `${url.search}&`;
  url.search = `${query}digest=${encodeURIComponent(digest)}`;
  return url;
}
