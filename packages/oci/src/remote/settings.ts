import type { CredentialProvider } from "../auth/credential.ts";
import type { RegistryProfile } from "./profile.ts";

/** How long is waited for what, in milliseconds. */
export interface Timeouts {
  /** For a connection, TLS included; 10 s. */
  readonly connectMs: number;
  /** For the head of an answer after the request was sent; 60 s, for the end of an upload at least 300 s. */
  readonly headersMs: number;
  /** Without a byte in either direction, or twice as long at less than 1 kB a second, before a transfer is broken off; 30 s. */
  readonly stallMs: number;
}

/** How often a request that failed is sent again, and when. */
export interface RetryPolicy {
  /** Requests in all; 5. */
  readonly attempts: number;
  /** Before the second one, in milliseconds; doubled each time, up to `capMs`, and up to 10 % more at random; 250. */
  readonly baseMs: number;
  /** 30,000. */
  readonly capMs: number;
  /** The longest `Retry-After` that is waited for; a longer one is an error at once; 120,000. */
  readonly retryAfterCapMs: number;
}

/** What one registry needs to be talked to. Bound to that host: nothing of it reaches another one. */
export interface RegistryOptions {
  /** `true`: http. Default: https, and on a loopback host http if it speaks no TLS. */
  readonly plainHttp?: boolean | undefined;
  /** PEM texts. `insecure`: any certificate will do. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
        readonly insecure?: boolean | undefined;
      }
    | undefined;
  /** A proxy's URL, `false` for none. Default: HTTP_PROXY, HTTPS_PROXY and NO_PROXY of `env`. */
  readonly proxy?: string | false | undefined;
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly credentials?: CredentialProvider | undefined;
  /** Sent to the registry itself only. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Hosts with private addresses that may issue tokens for this registry. */
  readonly trustedRealmHosts?: readonly string[] | undefined;
  /** An upload may go on at another host, without credentials. Default: refused. */
  readonly allowCrossHostUpload?: boolean | undefined;
  readonly profile?: Partial<RegistryProfile> | undefined;
  /** Requests to the host in flight in each direction at most; 32. */
  readonly concurrency?: number | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Takes what the registry wants people to read (RFC 9111 §5.5), once each. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

export const TIMEOUTS: Timeouts = { connectMs: 10_000, headersMs: 60_000, stallMs: 30_000 };

export const RETRY: RetryPolicy = {
  attempts: 5,
  baseMs: 250,
  capMs: 30_000,
  retryAfterCapMs: 120_000,
};
