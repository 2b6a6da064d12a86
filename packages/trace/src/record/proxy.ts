import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { CtxPackError } from "@ctxpack/identity";
import { modelApiOf } from "./api.ts";
import { ExchangeWatch, MAX_REQUEST } from "./exchange.ts";
import type { RunRecorder } from "./recorder.ts";

/** Where a recording proxy sends what it gets. */
export interface RecordingProxyOptions {
  readonly recorder: RunRecorder;
  /** Base URL of an OpenAI-shaped API. Default `https://api.openai.com/v1`. */
  readonly openai?: string | undefined;
  /** Base URL of an Anthropic-shaped API, without `/v1`. Default `https://api.anthropic.com`. */
  readonly anthropic?: string | undefined;
  /** Aborted: the proxy is closed. */
  readonly signal?: AbortSignal | undefined;
}

/** A proxy that runs. */
export interface RecordingProxy extends AsyncDisposable {
  /** For the environment of the command that is recorded: where its clients find the APIs. */
  readonly env: Readonly<Record<"OPENAI_BASE_URL" | "ANTHROPIC_BASE_URL", string>>;
  /** Ends it, and every connection that is open; answers that were coming are recorded as far as they came. */
  close(): Promise<void>;
}

/** Where what is said is recorded, and what is being said. */
interface Recording {
  readonly recorder: RunRecorder;
  readonly open: Set<ExchangeWatch>;
}

/** Why there is no more of an answer. */
const CLIENT_GONE = "the client went away";

/** They are about one connection, or change what cannot be recorded. */
const DROPPED = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "accept-encoding",
  "expect",
]);

/**
 * Starts a proxy on 127.0.0.1 that records what a command says to models: it takes plain HTTP, sends it on, and hands
 * back what comes while it comes. Credentials are sent on and not recorded. Its paths begin with a random word, so that
 * nobody but the command finds them.
 */
export async function startRecordingProxy(options: RecordingProxyOptions): Promise<RecordingProxy> {
  options.signal?.throwIfAborted();
  const word = randomBytes(16).toString("hex");
  const routes = new Map([
    [`/${word}/openai/v1`, baseUrl(options.openai ?? "https://api.openai.com/v1")],
    [`/${word}/anthropic`, baseUrl(options.anthropic ?? "https://api.anthropic.com")],
  ]);
  const open = new Set<ExchangeWatch>();
  const server = createServer((request, response) => {
    const target = targetOf(routes, request.url ?? "/");
    if (target === undefined) {
      request.resume();
      answer(response, 404, "no such API here");
    } else forward(request, response, target, { recorder: options.recorder, open });
  });
  // A model may think for as long as its client waits.
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening", { signal: options.signal });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= closeServer(server, open);
    return closed;
  };
  options.signal?.addEventListener("abort", () => void close(), { once: true });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${word}`;
  return {
    env: { OPENAI_BASE_URL: `${origin}/openai/v1`, ANTHROPIC_BASE_URL: `${origin}/anthropic` },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function closeServer(server: Server, open: ReadonlySet<ExchangeWatch>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  // The server is closed before its connections tell that they are.
  for (const watch of open) watch.finish(CLIENT_GONE);
  await closed;
}

function baseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${text} is no http or https URL`, {
      hint: "give the base URL of the API, such as https://api.openai.com/v1",
    });
  }
  return url;
}

function targetOf(routes: ReadonlyMap<string, URL>, path: string): URL | undefined {
  for (const [prefix, base] of routes) {
    if (!path.startsWith(`${prefix}/`)) continue;
    // What follows is appended as it is: it can change neither host nor scheme.
    return (
      URL.parse(base.origin + base.pathname.replace(/\/+$/, "") + path.slice(prefix.length)) ??
      undefined
    );
  }
  return undefined;
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  target: URL,
  { recorder, open }: Recording,
): void {
  const method = request.method ?? "GET";
  const api = modelApiOf(method, target);
  const watch = api === undefined ? undefined : new ExchangeWatch(recorder, api, target);
  if (watch !== undefined) open.add(watch);
  const finish = (broken?: string) => {
    if (watch === undefined) return;
    open.delete(watch);
    watch.finish(broken);
  };
  const send = target.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = { ...passed(request.headers), host: target.host, "accept-encoding": "identity" };
  const upstream = send(target, { method, headers });
  const body = new BoundedText(MAX_REQUEST);
  request.on("data", (chunk: Uint8Array) => body.add(chunk));
  request.on("end", () => watch?.request(body.text()));
  request.pipe(upstream);
  upstream.on("response", (from) => {
    watch?.response(from.statusCode ?? 502, from.headers["content-type"] ?? "");
    response.writeHead(from.statusCode ?? 502, passed(from.headers));
    from.on("data", (chunk: Uint8Array) => watch?.push(chunk));
    from.on("end", () => finish());
    from.on("error", (error) => {
      finish(error.message);
      response.destroy();
    });
    from.pipe(response);
  });
  upstream.on("error", (error) => {
    finish(error.message);
    if (response.headersSent) response.destroy();
    else answer(response, 502, `${target.host} cannot be reached: ${error.message}`);
  });
  response.on("close", () => {
    if (response.writableFinished) return;
    finish(CLIENT_GONE);
    upstream.destroy();
  });
}

function passed(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !DROPPED.has(name)));
}

function answer(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { type: "ctxpack_proxy", message } }));
}

/** The text of a body, unless it is too large to be kept. */
class BoundedText {
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(piece: Uint8Array): void {
    this.#size += piece.length;
    if (this.#size > this.#limit) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  text(): string | undefined {
    return this.#size > this.#limit
      ? undefined
      : new TextDecoder().decode(Buffer.concat(this.#pieces));
  }
}
