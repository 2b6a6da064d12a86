import { CtxPackError } from "@ctxpack/identity";
import { isLoopback } from "@ctxpack/oci";

/**
 * The base URL of a service: https, or http on this machine's loopback; no user, query or fragment. It ends with `/`, so
 * that an endpoint's path can be put behind it. `what` names the service in the error.
 *
 * @throws CtxPackError `CTXPACK_E_CONFIG`.
 */
export function serviceUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  // Neither in the message: a URL may hold a password.
  if (url === null) throw refused(`the URL of ${what} is not a URL`);
  const { protocol, username, password, search, hash, host } = url;
  if (username !== "" || password !== "" || search !== "" || hash !== "") {
    throw refused(`the URL of ${what} (${host}) has a user, a query or a fragment`);
  }
  if (protocol !== "https:" && !(protocol === "http:" && isLoopback(url.hostname))) {
    throw refused(`the URL of ${what} (${protocol}//${host}) is not https`);
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function refused(message: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_CONFIG", message, {
    hint: "write it as https://host/path; http is for services on this machine",
  });
}
