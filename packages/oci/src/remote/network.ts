import { isIP } from "node:net";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import type { RegistryOptions, Timeouts } from "./settings.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Connections of one registry: some to itself, with its certificates, others to where it sends us, without. */
export class Network implements AsyncDisposable {
  readonly #options: RegistryOptions;
  readonly #timeouts: Timeouts;
  readonly #connections: number;
  readonly #open = new Map<string, EnvHttpProxyAgent>();

  constructor(options: RegistryOptions, timeouts: Timeouts, connections: number) {
    this.#options = options;
    this.#timeouts = timeouts;
    this.#connections = connections;
  }

  /** What a request to `url` goes through. `own`: it is the registry itself, as configured. */
  dispatcher(url: URL, own: boolean): Dispatcher {
    const key = `${own} ${url.protocol}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const made = this.#make(url, own);
    this.#open.set(key, made);
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((agent) => agent.destroy()));
  }

  #make(url: URL, own: boolean): EnvHttpProxyAgent {
    const tls = own ? tlsOf(this.#options, url) : undefined;
    const proxy = proxyOf(this.#options, url.protocol);
    return new EnvHttpProxyAgent({
      // Both kinds through the same one: an agent serves one scheme only.
      httpProxy: proxy.uri,
      httpsProxy: proxy.uri,
      noProxy: proxy.except,
      connections: this.#connections,
      pipelining: 1,
      // One connection of HTTP/2 shares one window among all blobs; several of HTTP/1.1 do not.
      allowH2: false,
      // Each request says how long it waits.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: this.#timeouts.connectMs, ...tls },
      connectTimeout: this.#timeouts.connectMs,
      // A certificate of ours is for the registry, never for the proxy before it.
      ...(tls && { requestTls: tls }),
    });
  }
}

interface Tls {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

function tlsOf({ tls }: RegistryOptions, url: URL): Tls | undefined {
  if (tls === undefined || url.protocol !== "https:") return undefined;
  const name = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    ...(tls.ca !== undefined && { ca: [tls.ca] }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.insecure && { rejectUnauthorized: false }),
    ...(isIP(name) === 0 && { servername: name }),
  };
}

/** Where `env` or the user sends requests of a scheme; an empty URI is the direct way. */
function proxyOf(
  { proxy, env = process.env }: RegistryOptions,
  protocol: string,
): { readonly uri: string; readonly except: string } {
  if (proxy === false) return { uri: "", except: "" };
  if (proxy !== undefined) return { uri: proxy, except: "" };
  // As curl and Go read them: one for http says nothing of https.
  const name = protocol === "https:" ? "https_proxy" : "http_proxy";
  const uri = either(env, name) || either(env, "all_proxy") || "";
  // What listens on this machine is reached without a proxy, as Go does it.
  const except = `${either(env, "no_proxy") ?? ""},localhost,127.0.0.1,::1`;
  return { uri, except };
}

function either(env: Env, name: string): string | undefined {
  return env[name] ?? env[name.toUpperCase()];
}

/** What a person is told about the way to a registry; without the proxy's password. */
export function describeProxy(options: RegistryOptions, protocol: string): string | undefined {
  const { uri } = proxyOf(options, protocol);
  if (uri === "") return undefined;
  try {
    const url = new URL(uri);
    return `${url.protocol}//${url.host}`;
  } catch {
    return "a proxy whose URL cannot be read";
  }
}
