import { CtxPackError } from "@ctxpack/identity";
import { unlessAborted } from "../abort.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { CredentialProvider, FoundCredential } from "./credential.ts";
import { checkRealm } from "./realm.ts";
import { cleanScopes } from "./scope.ts";
import { basic, fetchToken, type Token, type TokenSender } from "./token.ts";

export type { TokenSender } from "./token.ts";

/** A token that ends sooner is renewed before it is used, in milliseconds. */
const EARLY_MS = 30_000;

export interface AuthorizerOptions {
  /** Scheme, host and port of the registry's API. */
  readonly origin: URL;
  /** What credentials are looked up by: host[:port] as the user wrote it. */
  readonly host: string;
  readonly credentials?: CredentialProvider | undefined;
  readonly trustedRealmHosts?: readonly string[] | undefined;
  readonly send: TokenSender;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** Who asks, and for which repository. */
export interface AskOptions {
  readonly repository?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the registry asked for the last time it asked. */
interface Demand {
  readonly scheme: "basic" | "bearer";
  readonly realm?: URL;
  readonly service?: string | undefined;
}

/** A token that was asked for; `header` once it is there. */
interface Kept {
  readonly pending: Promise<Token>;
  header?: string;
}

/** What the provider was asked for; `found` once it has answered. */
interface Asked {
  readonly pending: Promise<FoundCredential | undefined>;
  found?: FoundCredential | undefined;
}

/** Knows what to say to one registry about who asks: credentials when it wants them, tokens by scope. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #now: () => number;
  readonly #tokens = new Map<string, Kept>();
  /** By repository. */
  readonly #asked = new Map<string, Asked>();
  #demand: Demand | undefined;
  #source: string | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** How the registry wants it; "none" while it has not asked. */
  get scheme(): "none" | "basic" | "bearer" {
    return this.#demand?.scheme ?? "none";
  }

  /** Where the credentials came from that were used last. */
  get credentialSource(): string | undefined {
    return this.#source;
  }

  /**
   * The `Authorization` to send unasked; `undefined` while the registry has not asked. Throws what
   * `answer` throws.
   */
  async header(scopes: readonly string[], options: AskOptions = {}): Promise<string | undefined> {
    const demand = this.#demand;
    if (demand === undefined) return undefined;
    return await this.#withCredential(options, async (found) => {
      if (demand.scheme === "basic") {
        return found?.credential.kind === "basic" ? basicOf(found) : undefined;
      }
      // It has asked somebody with a token of their own, and these credentials need a token server: it says which.
      if (demand.realm === undefined && found?.credential.kind !== "bearer") return undefined;
      return this.#bearer(demand, cleanScopes(scopes), found, options);
    });
  }

  /**
   * The `Authorization` to send after a 403, which some registries say to credentials whose time is over; `undefined`
   * when there is none but `sent`, which was refused. Throws what `answer` throws.
   */
  async renewed(
    scopes: readonly string[],
    options: AskOptions & { readonly sent: string },
  ): Promise<string | undefined> {
    const header = await this.header(scopes, options);
    // Somebody else was refused before, and has asked already.
    if (header !== options.sent) return header;
    const again = await this.#askAgain(await this.#credential(options), options);
    if (again === undefined) return undefined;
    this.#forget(options.sent);
    return await this.header(scopes, options);
  }

  /**
   * The `Authorization` to send after a 401. `sent` is what was refused. Throws CTXPACK_E_AUTH when there is nothing
   * more to try; what it says names the host and where credentials came from, and never what they are.
   */
  async answer(
    challenges: readonly string[],
    scopes: readonly string[],
    options: AskOptions & { readonly sent?: string | undefined } = {},
  ): Promise<string> {
    const parsed = parseChallenges(challenges);
    const bearer = parsed.find(({ scheme }) => scheme === "bearer");
    const challenge = bearer ?? parsed.find(({ scheme }) => scheme === "basic");
    if (challenge === undefined) throw this.#noWay(parsed);
    return await this.#withCredential(options, async (found) => {
      const header =
        challenge === bearer
          ? await this.#answerBearer(challenge, scopes, found, options)
          : this.#answerBasic(found);
      if (header === options.sent) throw this.#refused(found);
      return header;
    });
  }

  /** Does it with the credentials that are known; refused, with those that the provider knows now, if they are others. */
  async #withCredential<T>(
    options: AskOptions,
    use: (found: FoundCredential | undefined) => Promise<T>,
  ): Promise<T> {
    const found = await this.#credential(options);
    try {
      return await use(found);
    } catch (error) {
      if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_AUTH") throw error;
      const again = await this.#askAgain(found, options);
      if (again === undefined) throw error;
      return await use(again);
    }
  }

  #answerBasic(found: FoundCredential | undefined): string {
    this.#demand = { scheme: "basic" };
    if (found?.credential.kind === "basic") return basicOf(found);
    throw this.#refused(found);
  }

  async #answerBearer(
    challenge: Challenge,
    scopes: readonly string[],
    found: FoundCredential | undefined,
    options: AskOptions & { readonly sent?: string | undefined },
  ): Promise<string> {
    const { parameters } = challenge;
    if (found?.credential.kind === "bearer") {
      // It was made elsewhere: no token server is asked, wherever it may be.
      if (this.#demand?.realm === undefined) this.#demand = { scheme: "bearer" };
      return `Bearer ${found.credential.token}`;
    }
    const { origin, trustedRealmHosts } = this.#options;
    const realm = checkRealm(parameters.get("realm"), origin, trustedRealmHosts);
    const demand: Demand = { scheme: "bearer", realm, service: parameters.get("service") };
    this.#demand = demand;
    const asked = (parameters.get("scope") ?? "").split(" ");
    this.#forget(options.sent);
    const wanted = cleanScopes([...scopes, ...asked]);
    const header = await this.#bearer(demand, wanted, found, options);
    const isRefused = header === options.sent || parameters.get("error") === "insufficient_scope";
    const needed = cleanScopes(asked);
    // Some token servers heed the last of several scopes only: the one that is missing is asked for alone.
    if (!isRefused || needed.length === 0 || needed.join() === wanted.join()) return header;
    return this.#bearer(demand, needed, found, options);
  }

  async #bearer(
    demand: Demand,
    scopes: readonly string[],
    found: FoundCredential | undefined,
    options: AskOptions,
  ): Promise<string> {
    if (found?.credential.kind === "bearer") return `Bearer ${found.credential.token}`;
    const { realm, service } = demand;
    if (realm === undefined) throw this.#refused(found);
    const { host, send } = this.#options;
    const key = JSON.stringify([realm.href, service, scopes, found?.source, keyOf(found)]);
    const { signal } = options;
    for (;;) {
      // Everybody who needs the same token waits for the same answer; one who is aborted stops waiting alone.
      const kept =
        this.#tokens.get(key) ??
        this.#keep(
          key,
          fetchToken({
            realm,
            service,
            scopes,
            host,
            credential: found?.credential,
            send,
            now: this.#now,
          }),
        );
      const token = await unlessAborted(kept.pending, signal);
      if (token.endsAt - this.#now() > EARLY_MS) return headerOf(token);
      if (this.#tokens.get(key) === kept) this.#tokens.delete(key);
    }
  }

  #keep(key: string, pending: Promise<Token>): Kept {
    const kept: Kept = { pending };
    this.#tokens.set(key, kept);
    pending.then(
      (token) => {
        kept.header = headerOf(token);
      },
      () => {
        // The next one asks again.
        if (this.#tokens.get(key) === kept) this.#tokens.delete(key);
      },
    );
    return kept;
  }

  /**
   * A token that was refused is not used again; a newer one that somebody got meanwhile is. One that is still on its
   * way cannot have been refused, and is not waited for.
   */
  #forget(sent: string | undefined): void {
    if (sent === undefined) return;
    for (const [key, { header }] of this.#tokens) {
      if (header === sent) this.#tokens.delete(key);
    }
  }

  async #credential(options: AskOptions): Promise<FoundCredential | undefined> {
    const { credentials, host } = this.#options;
    if (credentials === undefined) return undefined;
    const key = options.repository ?? "";
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      const one: Asked = { pending: credentials.get(host, { repository: options.repository }) };
      this.#asked.set(key, one);
      one.pending.then(
        (found) => {
          one.found = found;
        },
        () => {
          // The next one asks again.
          if (this.#asked.get(key) === one) this.#asked.delete(key);
        },
      );
      asked = one;
    }
    const found = await unlessAborted(asked.pending, options.signal);
    if (found !== undefined) this.#source = found.source;
    return found;
  }

  /**
   * What the provider says once more of credentials that were refused: a helper's password may be good for an hour, and a
   * person may have logged in again meanwhile. `undefined` when it says the same.
   */
  async #askAgain(
    refused: FoundCredential | undefined,
    options: AskOptions,
  ): Promise<FoundCredential | undefined> {
    const key = options.repository ?? "";
    // The first who is refused asks; the others get the same answer.
    if (this.#asked.get(key)?.found === refused) this.#asked.delete(key);
    const again = await this.#credential(options);
    return keyOf(again) === keyOf(refused) ? undefined : again;
  }

  #refused(found: FoundCredential | undefined): CtxPackError {
    const { host } = this.#options;
    const why =
      found === undefined
        ? "it wants to know who asks, and there are no credentials for it"
        : `it does not take the credentials from ${found.source}`;
    return new CtxPackError("CTXPACK_E_AUTH", `${host}: ${why}`, {
      hint: `ctxpack login ${host}`,
      details: { host, status: 401, ...(found && { source: found.source }) },
    });
  }

  #noWay(parsed: readonly Challenge[]): CtxPackError {
    const { host } = this.#options;
    const schemes = parsed.map(({ scheme }) => scheme.slice(0, 40)).join(", ");
    return new CtxPackError(
      "CTXPACK_E_AUTH",
      `${host} refuses, and ${schemes === "" ? "does not say what it wants" : `wants ${schemes}`}`,
      {
        hint: "ctxpack knows Basic and Bearer; a proxy in between may want something else",
        details: { host, status: 401 },
      },
    );
  }
}

function headerOf({ value }: Token): string {
  return `Bearer ${value}`;
}

function basicOf({ credential }: FoundCredential): string {
  if (credential.kind !== "basic") throw new RangeError("not a password");
  return basic(credential.username, credential.password);
}

/** Tells credentials apart that came from the same place; kept in memory only. */
function keyOf(found: FoundCredential | undefined): string {
  return found === undefined ? "" : JSON.stringify(found.credential);
}
