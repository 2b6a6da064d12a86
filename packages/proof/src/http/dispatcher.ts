import type { Dispatcher } from "undici";

let shared: Promise<Dispatcher> | undefined;

/** For a connection, TLS included, in milliseconds. */
const CONNECT_MS = 10_000;

/**
 * What all requests of this package go through: one pool, for the same few hosts are asked again and again; proxies as
 * HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. An idle connection keeps no process alive. Loaded by who asks a service: most
 * never do.
 */
export function dispatcher(): Promise<Dispatcher> {
  shared ??= open();
  return shared;
}

async function open(): Promise<Dispatcher> {
  const { EnvHttpProxyAgent } = await import("undici");
  const { env } = process;
  // What listens on this machine is reached without a proxy.
  const direct = env["no_proxy"] ?? env["NO_PROXY"] ?? "";
  return new EnvHttpProxyAgent({
    noProxy: `${direct},localhost,127.0.0.1,::1`,
    connect: { timeout: CONNECT_MS },
    connectTimeout: CONNECT_MS,
    pipelining: 1,
    allowH2: false,
    // Each request has a deadline for all of its tries together.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}
