import { randomUUID } from "node:crypto";
import type { Exchange } from "./exchange.ts";
import { spend } from "./faults.ts";

/** What a token server was asked. */
export interface TokenRequest {
  readonly method: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly grantType: string | undefined;
  /** Who asked; `undefined`: nobody that is known. */
  readonly user: string | undefined;
}

interface Grant {
  readonly user: string | undefined;
  readonly scopes: readonly string[];
  readonly expires: number;
}

/** The doors of a fault registry: Basic, or Bearer with its token server (distribution's token spec). */
export class Doors {
  readonly tokenRequests: TokenRequest[] = [];
  readonly service = "fault-registry";
  readonly #users: Readonly<Record<string, string>>;
  readonly #grants = new Map<string, Grant>();
  readonly #refreshTokens = new Map<string, string>();

  constructor(users: Readonly<Record<string, string>>) {
    this.#users = users;
  }

  /** Whether a request may pass; answers it otherwise. */
  admit(exchange: Exchange, needed: readonly string[]): boolean {
    const { auth = "none" } = exchange.faults;
    if (auth === "none") return true;
    if (auth === "basic") {
      if (this.#basicUser(exchange) !== undefined) return true;
      refuse(exchange, 'Basic realm="fault-registry"');
      return false;
    }
    const token = /^Bearer (.+)$/i.exec(exchange.header("authorization") ?? "")?.[1];
    const grant = this.#grants.get(token ?? "");
    const realm = exchange.faults.foreignRealm ?? `${exchange.url.origin}/token`;
    let challenge = `Bearer realm="${realm}",service="${this.service}"`;
    if (needed.length > 0) challenge += `,scope="${needed.join(" ")}"`;
    if (grant === undefined || grant.expires <= Date.now()) {
      refuse(exchange, challenge + (token === undefined ? "" : ',error="invalid_token"'));
      return false;
    }
    const enough = needed.every((scope) => covers(grant.scopes, scope));
    if (enough && !(needed.length > 0 && spend(exchange.faults.insufficientScope))) return true;
    refuse(exchange, `${challenge},error="insufficient_scope"`);
    return false;
  }

  /** GET (token spec) and POST (OAuth2) of `/token`. */
  async handleToken(exchange: Exchange): Promise<void> {
    const { faults, method } = exchange;
    if (method === "POST" && faults.tokenPost === false) {
      exchange.reply(404, { "Content-Type": "text/plain" }, "404 page not found\n");
      return;
    }
    const form =
      method === "POST"
        ? new URLSearchParams((await exchange.body()).toString())
        : exchange.url.searchParams;
    let scopes = form.getAll("scope").flatMap((scope) => scope.split(" ").filter(Boolean));
    if (faults.lastScopeOnly) scopes = scopes.slice(-1);
    const grantType = form.get("grant_type") ?? undefined;
    const refresh = form.get("refresh_token");
    const user =
      refresh !== null
        ? this.#refreshTokens.get(refresh)
        : (this.#known(form.get("username"), form.get("password")) ?? this.#basicUser(exchange));
    const service = form.get("service") ?? undefined;
    this.tokenRequests.push({ method, service, scopes, grantType, user });
    const tried = refresh !== null || form.has("password") || exchange.header("authorization");
    if (user === undefined && tried) {
      exchange.error(401, "UNAUTHORIZED", "authentication required");
      return;
    }
    const ttl = faults.tokenTtl ?? 300;
    const granted = user !== undefined ? scopes : faults.anonymousPull ? scopes.map(pullOnly) : [];
    const token = `token-${randomUUID()}`;
    this.#grants.set(token, { user, scopes: granted, expires: Date.now() + ttl * 1000 });
    const offline = form.get("offline_token") === "true" || form.get("access_type") === "offline";
    const issued = new Date().toISOString();
    exchange.json(200, {
      token,
      access_token: token,
      expires_in: ttl,
      issued_at: issued,
      ...(offline && user !== undefined && { refresh_token: this.refreshToken(user) }),
    });
  }

  /** A new OAuth2 refresh token ("identity token") of a user. */
  refreshToken(user: string): string {
    const token = `refresh-${randomUUID()}`;
    this.#refreshTokens.set(token, user);
    return token;
  }

  #basicUser(exchange: Exchange): string | undefined {
    const encoded = /^Basic (.+)$/i.exec(exchange.header("authorization") ?? "")?.[1];
    if (encoded === undefined) return undefined;
    const [, user, password] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? [];
    return this.#known(user, password);
  }

  #known(user: string | null | undefined, password: string | null | undefined): string | undefined {
    if (user == null || password == null || !Object.hasOwn(this.#users, user)) return undefined;
    return this.#users[user] === password ? user : undefined;
  }
}

function refuse(exchange: Exchange, challenge: string): void {
  const headers = { "WWW-Authenticate": challenge };
  exchange.error(401, "UNAUTHORIZED", "authentication required", headers);
}

function pullOnly(scope: string): string {
  return scope.replace(/:[^:]*$/, ":pull");
}

/** Whether granted scopes `type:name:action,…` hold every action of the needed one. */
function covers(granted: readonly string[], needed: string): boolean {
  const split = (scope: string): [string, string[]] => {
    const colon = scope.lastIndexOf(":");
    return [scope.slice(0, colon), scope.slice(colon + 1).split(",")];
  };
  const [resource, actions] = split(needed);
  const have = new Set<string>();
  for (const scope of granted) {
    const [of, some] = split(scope);
    if (of === resource) for (const action of some) have.add(action);
  }
  return actions.every((action) => have.has(action) || have.has("*"));
}
