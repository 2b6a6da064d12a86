import { CtxPackError } from "@ctxpack/identity";
import { parseReference } from "../reference.ts";
import type { OperationOptions } from "../target.ts";
import { describeUrl } from "./address.ts";
import { describeProxy } from "./network.ts";
import { profileFor } from "./profile.ts";
import { Repository } from "./repository.ts";
import type { RegistryOptions } from "./settings.ts";
import { Transport } from "./transport.ts";

/** What a registry said when it was asked for nothing. */
export interface RegistryPing {
  /** Its API. */
  readonly url: string;
  readonly authentication: "none" | "basic" | "bearer";
  /** Where the credentials came from that it took; absent when it took none. */
  readonly credentialSource?: string;
  /** Its clock. */
  readonly date?: Date;
  /** The proxy in between. */
  readonly proxy?: string;
}

/**
 * A registry: connections, credentials and what is known of it, shared by its repositories. Close it after use.
 *
 * @example
 * await using registry = new Registry("ghcr.io", { credentials: dockerConfigCredentials() });
 * const packs = registry.repository("acme/packs");
 */
export class Registry implements AsyncDisposable {
  /** host[:port] as it was given. */
  readonly host: string;
  readonly #transport: Transport;
  readonly #repositories = new Map<string, Repository>();

  /** Connects to nothing yet. Throws CTXPACK_E_REFERENCE for what is no host. */
  constructor(host: string, options: RegistryOptions = {}) {
    this.host = parseReference(`${host}/name`).registry;
    this.#transport = new Transport(this.host, options);
  }

  /** Where the credentials came from that were used last. */
  get credentialSource(): string | undefined {
    return this.#transport.credentialSource;
  }

  /** `GET /v2/` with credentials. Throws CTXPACK_E_AUTH when they are not taken. */
  async ping(options: OperationOptions = {}): Promise<RegistryPing> {
    const response = await this.#transport.send({
      method: "GET",
      url: "/v2/",
      scopes: [],
      expect: [200, 404],
      signal: options.signal,
    });
    await response.discard();
    const url = describeUrl(response.url);
    if (response.status === 404) {
      throw new CtxPackError("CTXPACK_E_PROTOCOL", `${url} is not there: no registry answers`, {
        hint: "check the host; a registry's API is at its root",
        details: { url },
      });
    }
    const { authentication, credentialSource } = this.#transport;
    const date = Date.parse(response.headers.get("date") ?? "");
    const proxy = describeProxy(this.#transport.options, response.url.protocol);
    return {
      url,
      authentication,
      ...(credentialSource !== undefined && { credentialSource }),
      ...(!Number.isNaN(date) && { date: new Date(date) }),
      ...(proxy !== undefined && { proxy }),
    };
  }

  /** One repository. Throws CTXPACK_E_REFERENCE for what cannot be the name of one. */
  repository(name: string): Repository {
    const known = this.#repositories.get(name);
    if (known !== undefined) return known;
    const { repository, tag, digest } = parseReference(`${this.host}/${name}`);
    if (tag !== undefined || digest !== undefined) {
      throw new CtxPackError("CTXPACK_E_REFERENCE", `"${name}" is more than a repository's name`);
    }
    const profile = profileFor(this.host, this.#transport.options.profile);
    const made = new Repository(this.#transport, repository, profile);
    this.#repositories.set(name, made);
    return made;
  }

  /** Closes every connection; what is in flight fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }
}
