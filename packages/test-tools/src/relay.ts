import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** `up`: from the client to the target. */
export type Direction = "up" | "down";

/** Where a relay forwards to. */
export interface Target {
  /** 127.0.0.1 if not set; another one is a test's own, in a network namespace. */
  readonly host?: string | undefined;
  readonly port: number;
}

/** A TCP relay on a free loopback port; disposing it destroys its connections. */
export interface Relay extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Connections taken so far. */
  readonly connections: number;
  /** Bytes that came in, by direction. */
  readonly bytes: Readonly<Record<Direction, number>>;
}

/** The two ends of a connection through a relay. */
export interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * Starts a relay; `join` carries the bytes of each connection and their ends. Both sockets are half-open: the end
 * of one direction leaves the other as it is.
 */
export async function startRelay(
  target: Target,
  join: (pair: Pair, count: (direction: Direction, bytes: number) => void) => void,
): Promise<Relay> {
  const sockets = new Set<Socket>();
  const bytes = { up: 0, down: 0 };
  let connections = 0;
  const count = (direction: Direction, n: number): void => {
    bytes[direction] += n;
  };
  const track = (socket: Socket, other: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.once("close", (failed) => {
      sockets.delete(socket);
      // An orderly end is carried by `join`; a failure ends both sides at once.
      if (failed) other.destroy();
    });
  };
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    connections++;
    const server = connect({
      host: target.host ?? "127.0.0.1",
      port: target.port,
      allowHalfOpen: true,
    });
    track(client, server);
    track(server, client);
    join({ client, server }, count);
  });
  const started = Promise.withResolvers<void>();
  listener.once("error", started.reject);
  listener.listen(0, "127.0.0.1", started.resolve);
  await started.promise;
  const { port } = listener.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    port,
    bytes,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      if (!listener.listening) return;
      const closed = Promise.withResolvers<void>();
      listener.close(() => closed.resolve());
      for (const socket of sockets) socket.destroy();
      await closed.promise;
    },
  };
}
