/** What a registry is shown to prove who asks. */
export type Credential =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, exchanged for access tokens. */
  | { readonly kind: "identity"; readonly token: string; readonly username?: string }
  /** Sent as it is. */
  | { readonly kind: "bearer"; readonly token: string };

/** A credential and where it was found, for a person. */
export interface FoundCredential {
  readonly credential: Credential;
  readonly source: string;
}

/** Knows the credentials of registries. */
export interface CredentialProvider {
  /**
   * The credential for `host`, which is host[:port] as the user wrote it; `undefined`: ask anonymously. It is
   * shown to that host, and to the token server that the host names, and to nobody else.
   */
  get(
    host: string,
    options?: {
      readonly repository?: string | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<FoundCredential | undefined>;
}

/** Credentials by host[:port], which has to be the same to the letter: no suffix of a host is another one. */
export function staticCredentials(
  byHost: Readonly<Record<string, Credential>>,
  source = "the program's own credentials",
): CredentialProvider {
  const table = new Map(Object.entries(byHost).map(([host, c]) => [host.toLowerCase(), c]));
  return {
    async get(host, options) {
      options?.signal?.throwIfAborted();
      const credential = table.get(host.toLowerCase());
      return credential && { credential, source };
    },
  };
}

/** The first of these that knows a credential. */
export function chainCredentials(...providers: readonly CredentialProvider[]): CredentialProvider {
  return {
    async get(host, options) {
      for (const provider of providers) {
        const found = await provider.get(host, options);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
