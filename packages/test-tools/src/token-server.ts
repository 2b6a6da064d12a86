import { createPrivateKey, randomUUID, sign } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { makeTokenKey } from "./certificates.ts";
import { type Listening, listen } from "./http-server.ts";

/** May be changed while it runs. */
export interface TokenServerSettings {
  /** Seconds that a token is good for; 300 if not set. */
  ttl?: number | undefined;
  /** Passwords by user; bob has `pw` if not set. */
  users?: Readonly<Record<string, string>> | undefined;
  /** `false`: POST is answered 404. */
  post?: boolean | undefined;
  /** Of several scopes the last is granted, as GitLab does. */
  lastScopeOnly?: boolean | undefined;
  /** Repositories that begin so may be pulled by anybody; `pub/` if not set. */
  publicPrefix?: string | undefined;
}

export interface TokenCall {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** The query, or the form of a POST. */
  readonly form: Readonly<Record<string, readonly string[]>>;
  readonly scopes: readonly string[];
  readonly status: number;
}

/** A token server for `auth: token` of docker-registry: JWTs with ES256 and x5c (distribution's token spec). */
export interface TokenServer extends Listening {
  /** The URL of the realm. */
  readonly realm: string;
  readonly issuer: string;
  readonly service: string;
  /** The certificate for `rootcertbundle`, PEM. */
  readonly certificate: string;
  readonly settings: TokenServerSettings;
  readonly calls: readonly TokenCall[];
}

export async function startTokenServer(given: TokenServerSettings = {}): Promise<TokenServer> {
  const settings: TokenServerSettings = { ...given };
  const issuer = "ctxpack-issuer";
  const service = "ctxpack-test";
  const pair = await makeTokenKey(issuer);
  const key = createPrivateKey(pair.key);
  const x5c = [pair.cert.replace(/-----[^-]+-----|\s/g, "")];
  const calls: TokenCall[] = [];
  const refreshTokens = new Map<string, string>();

  const server = await listen(async (request, response) => {
    const { method = "", headers } = request;
    const form =
      method === "POST"
        ? new URLSearchParams(await readText(request))
        : new URL(request.url ?? "/", "http://token").searchParams;
    let scopes = form.getAll("scope").flatMap((scope) => scope.split(" ").filter(Boolean));
    if (settings.lastScopeOnly) scopes = scopes.slice(-1);
    const answer = (status: number, body: object): void => {
      const fields = Object.fromEntries([...form.keys()].map((name) => [name, form.getAll(name)]));
      calls.push({ method, headers, form: fields, scopes, status });
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    };
    if (method === "POST" && settings.post === false) {
      answer(404, { errors: [{ code: "UNSUPPORTED", message: "no POST here" }] });
      return;
    }
    const refresh = form.get("refresh_token");
    const [name, password] =
      form.get("password") === null
        ? basicOf(headers)
        : [form.get("username"), form.get("password")];
    const users = settings.users ?? { bob: "pw" };
    const known = name != null && Object.hasOwn(users, name) && users[name] === password;
    const user = refresh === null ? (known ? name : undefined) : refreshTokens.get(refresh);
    if (user === undefined && (refresh !== null || name != null)) {
      answer(401, { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] });
      return;
    }
    const access = scopes.map((scope) => {
      const [type = "", ...rest] = scope.split(":");
      const asked = rest.pop()?.split(",") ?? [];
      const resource = rest.join(":");
      const open = resource.startsWith(settings.publicPrefix ?? "pub/");
      const actions = user !== undefined ? asked : asked.filter((a) => a === "pull" && open);
      return { type, name: resource, actions };
    });
    const now = Math.floor(Date.now() / 1000);
    const ttl = settings.ttl ?? 300;
    const times = { exp: now + ttl, nbf: now - 5, iat: now };
    const claims = { iss: issuer, sub: user ?? "", aud: form.get("service"), ...times };
    const signed = [
      { typ: "JWT", alg: "ES256", x5c },
      { ...claims, jti: randomUUID(), access },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
    const token = `${signed}.${signature.toString("base64url")}`;
    const offline = form.get("offline_token") === "true" || form.get("access_type") === "offline";
    const refreshToken = offline && user !== undefined ? `refresh-${randomUUID()}` : undefined;
    if (refreshToken !== undefined && user !== undefined) refreshTokens.set(refreshToken, user);
    answer(200, {
      token,
      access_token: token,
      expires_in: ttl,
      issued_at: new Date(now * 1000).toISOString(),
      refresh_token: refreshToken,
    });
  });
  const realm = `${server.origin}/token`;
  return { ...server, realm, issuer, service, certificate: pair.cert, settings, calls };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function basicOf(headers: IncomingHttpHeaders): readonly (string | undefined)[] {
  const encoded = /^Basic (.+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
  return /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString())?.slice(1) ?? [];
}
