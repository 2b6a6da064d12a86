import { CtxPackError } from "@ctxpack/identity";
import type { Credential } from "./credential.ts";

/** A token is good for so long when its server does not say, and never for less, in milliseconds. */
const LEAST_MS = 60_000;

/** Sends one request for a token: no authorisation of its own, no redirects, at most 128 KiB of answer. */
export type TokenSender = (request: {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}) => Promise<{ readonly status: number; readonly body: Uint8Array }>;

/** What a token is asked for. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** The registry, for messages. */
  readonly host: string;
  /** Nobody: an anonymous token. */
  readonly credential: Credential | undefined;
  readonly send: TokenSender;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

export interface Token {
  readonly value: string;
  /** When it is good no longer, in milliseconds since 1970. */
  readonly endsAt: number;
}

/**
 * Gets a token: by GET, with Basic when there is a password; by an OAuth2 POST when there is an identity token, and
 * by GET after all where the server knows no POST (distribution, "Token Authentication", "OAuth2"). Throws
 * CTXPACK_E_AUTH when the server says no, CTXPACK_E_UNAVAILABLE or CTXPACK_E_PROTOCOL when it cannot say.
 */
export async function fetchToken(request: TokenRequest): Promise<Token> {
  const { credential, send, signal } = request;
  let answer =
    credential?.kind === "identity"
      ? await send({ ...oauthPost(request, credential.token), signal })
      : await send({ ...tokenGet(request), signal });
  if (credential?.kind === "identity" && (answer.status === 404 || answer.status === 405)) {
    answer = await send({ ...tokenGet(request), signal });
  }
  const { status, body } = answer;
  const where = `${request.realm.protocol}//${request.realm.host}${request.realm.pathname}`;
  if (status === 401 || status === 403 || status === 400) throw denied(request, where, status);
  if (status === 429 || status >= 500) {
    throw new CtxPackError(
      "CTXPACK_E_UNAVAILABLE",
      `${where}: the token server of ${request.host} answers ${status}`,
      { hint: "try again later", details: { url: where, status } },
    );
  }
  const token = status === 200 ? parseToken(body, request.now()) : undefined;
  if (token !== undefined) return token;
  throw new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `${where}: the token server of ${request.host} answers ${status} with no token`,
    { details: { url: where, status } },
  );
}

type Sent = Omit<Parameters<TokenSender>[0], "signal">;

function tokenGet({ realm, service, scopes, credential }: TokenRequest): Sent {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  const [username, password] = accountOf(credential);
  if (username === undefined) return { method: "GET", url, headers: {} };
  url.searchParams.set("account", username);
  url.searchParams.set("client_id", "ctxpack");
  return { method: "GET", url, headers: { authorization: basic(username, password) } };
}

function oauthPost({ realm, service, scopes }: TokenRequest, refreshToken: string): Sent {
  const form = new URLSearchParams({ grant_type: "refresh_token", client_id: "ctxpack" });
  if (service !== undefined) form.set("service", service);
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  form.set("refresh_token", refreshToken);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", url: new URL(realm), headers, body: form.toString() };
}

function accountOf(credential: Credential | undefined): [string | undefined, string] {
  if (credential?.kind === "basic") return [credential.username, credential.password];
  // As docker does where there is no OAuth2: the token is the password.
  if (credential?.kind === "identity") return [credential.username ?? "<token>", credential.token];
  return [undefined, ""];
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function parseToken(body: Uint8Array, nowMs: number): Token | undefined {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const text = [value["token"], value["access_token"]].find(
    (t) => typeof t === "string" && t !== "",
  );
  // It becomes a header: nothing but what a token is made of (RFC 6750 §2.1).
  if (typeof text !== "string" || !/^[A-Za-z0-9\-._~+/:]+=*$/.test(text)) return undefined;
  const seconds = value["expires_in"];
  const lifeMs = typeof seconds === "number" && seconds > 0 ? seconds * 1000 : LEAST_MS;
  const issued = Date.parse(String(value["issued_at"] ?? ""));
  // The server's clock may be another one: what is left is counted from now, unless it says that less is.
  const spentMs = Number.isNaN(issued) ? 0 : Math.min(Math.max(0, nowMs - issued), lifeMs);
  return { value: text, endsAt: nowMs + Math.max(LEAST_MS, lifeMs - spentMs) };
}

function denied(
  { host, credential, scopes }: TokenRequest,
  where: string,
  status: number,
): CtxPackError {
  const who = credential === undefined ? "an anonymous request" : "these credentials";
  const what = scopes.length === 0 ? "" : ` for ${scopes.join(" ")}`;
  return new CtxPackError(
    "CTXPACK_E_AUTH",
    `${where}: the token server of ${host} gives ${who} no token${what} (${status})`,
    { hint: `ctxpack login ${host}`, details: { url: where, status, host } },
  );
}
