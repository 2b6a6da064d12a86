import { sendBlob } from "./fault/blobs.ts";
import { Exchange } from "./fault/exchange.ts";
import type { Faults } from "./fault/faults.ts";
import { type Listening, listen, type RecordedRequest, type ServerTls } from "./http-server.ts";

export interface SinkOptions {
  readonly tls?: ServerTls | undefined;
  /** Serves these as a CDN: a path that ends in a digest gets its bytes. */
  readonly blobs?: ((digest: string) => Buffer | undefined) | undefined;
  /** How it serves them; may be changed while it runs. */
  readonly faults?: Faults | undefined;
  /** The status of everything else; 404 if not set. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A server that is none of the registry's: what it was sent shows whether a secret leaked. */
export interface Sink extends Listening {
  readonly requests: readonly RecordedRequest[];
  /** The values of a header, of all requests that had it. */
  received(header: string): readonly string[];
}

export async function startSink(options: SinkOptions = {}): Promise<Sink> {
  const requests: RecordedRequest[] = [];
  const uses = new Map<string, number>();
  const faults = options.faults ?? {};
  const server = await listen(async (request, response) => {
    const exchange = new Exchange(request, response, "http://sink", faults, requests);
    const digest = /\/([a-z0-9]+:[0-9a-f]+)$/.exec(exchange.url.pathname)?.[1];
    const bytes = digest === undefined ? undefined : options.blobs?.(digest);
    if (digest === undefined || bytes === undefined) {
      await exchange.body();
      exchange.reply(options.status ?? 404, options.headers);
      return;
    }
    const used = (uses.get(exchange.record.url) ?? 0) + 1;
    uses.set(exchange.record.url, used);
    if (faults.cdnRejectsAuthorization && exchange.header("authorization") !== undefined) {
      const code = "<Error><Code>InvalidArgument</Code></Error>";
      exchange.reply(400, { "Content-Type": "application/xml" }, code);
    } else if (used > (faults.cdnExpiresAfter ?? Infinity)) {
      const code = "<Error><Code>AccessDenied</Code></Error>";
      exchange.reply(403, { "Content-Type": "application/xml" }, code);
    } else {
      await sendBlob(exchange, digest, bytes);
    }
  }, options.tls);
  return {
    ...server,
    requests,
    received(header) {
      return requests.flatMap(({ headers }) => headers[header.toLowerCase()] ?? []);
    },
  };
}
