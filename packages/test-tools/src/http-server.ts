import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** PEM texts of a server; with `clientCa` it wants client certificates. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string | undefined;
}

/** What a server was sent and what it answered. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** 0 until answered, and when it never was. */
  status: number;
  /** Bytes of the request's body that were read. */
  bytesIn: number;
  /** Bytes of the answer's body that were written. */
  bytesOut: number;
}

export interface Listening extends AsyncDisposable {
  readonly origin: string;
  readonly host: string;
  readonly port: number;
}

/** A server on a free loopback port; disposing it destroys its connections. */
export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void,
  tls?: ServerTls,
): Promise<Listening> {
  const sockets = new Set<Socket>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // A peer that goes away is part of the test, never an uncaught error.
    request.on("error", () => {});
    response.on("error", () => {});
    Promise.resolve(handle(request, response)).catch((error: unknown) => {
      if (response.destroyed || request.destroyed) return;
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end(`the test server failed: ${error}`);
    });
  };
  const server: Server =
    tls === undefined
      ? createServer(onRequest)
      : createTlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            ...(tls.clientCa !== undefined && {
              ca: tls.clientCa,
              requestCert: true,
              rejectUnauthorized: true,
            }),
          },
          onRequest,
        );
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  const started = Promise.withResolvers<void>();
  server.once("error", started.reject);
  server.listen(0, "127.0.0.1", started.resolve);
  await started.promise;
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    origin: `${tls === undefined ? "http" : "https"}://${host}`,
    host,
    port,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}
