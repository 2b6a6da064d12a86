// The way to a registry: proxies, certificates, names.
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer as createSocketServer } from "node:net";
import { staticCredentials } from "@ctxpack/oci/remote";
import { makeCertificates, missingProgram, startFaultRegistry } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { everythingOf, failure, faulty, open } from "./fixture.ts";

/** A proxy that knows CONNECT and absolute requests, sends everything to `port`, and notes what it saw. */
async function proxy(port: number, password?: string) {
  const seen: { method: string; target: string; headers: IncomingMessage["headers"] }[] = [];
  const expected = password && `Basic ${Buffer.from(password).toString("base64")}`;
  const server = createServer((request, response) => {
    seen.push({
      method: request.method ?? "",
      target: request.url ?? "",
      headers: request.headers,
    });
    if (expected && request.headers["proxy-authorization"] !== expected) {
      response.writeHead(407).end();
      return;
    }
    const upstream = connect(port, "127.0.0.1", () => {
      const path = new URL(request.url ?? "").pathname;
      upstream.write(`${request.method} ${path} HTTP/1.0\r\nhost: x\r\n\r\n`);
      upstream.pipe(response.socket as never);
    });
  });
  server.on("connect", (request, socket) => {
    seen.push({ method: "CONNECT", target: request.url ?? "", headers: request.headers });
    if (expected && request.headers["proxy-authorization"] !== expected) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    const upstream = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const at = (server.address() as AddressInfo).port;
  return { seen, url: `http://127.0.0.1:${at}`, withUser: `http://${password}@127.0.0.1:${at}` };
}

const alice = (host: string) =>
  staticCredentials({ [host]: { kind: "basic", username: "alice", password: "s3cret" } });

describe("a proxy", () => {
  it("of the environment is used for the scheme it is for, and not for NO_PROXY or loopback", async () => {
    const { server } = await faulty({});
    const between = await proxy(server.port);
    const env = { HTTP_PROXY: between.url, NO_PROXY: "direct.invalid" };
    // A name that does not resolve: only the proxy can get there.
    const ping = await open("far.invalid", { plainHttp: true, env }).ping();
    expect(ping).toMatchObject({ proxy: between.url });
    expect(between.seen[0]?.target).toMatch(/^http:\/\/far\.invalid\/v2\//);
    const count = between.seen.length;
    expect((await failure(open("direct.invalid", { plainHttp: true, env }).ping())).code).toBe(
      "CTXPACK_E_UNAVAILABLE",
    );
    await open(server.host, { plainHttp: true, env }).ping();
    // One for http says nothing of https.
    expect((await failure(open("far.invalid", { env }).ping())).message).toContain(
      "does not resolve",
    );
    expect(between.seen).toHaveLength(count);
  });

  it("that is named is used for everything; its password is told to nobody else", async () => {
    const { server } = await faulty({ auth: "basic" });
    const between = await proxy(server.port, "user:proxy-s3cret");
    const registry = open(server.host, {
      plainHttp: true,
      proxy: between.withUser,
      credentials: alice(server.host),
      retry: { attempts: 1 },
    });
    const error = await failure(registry.ping());
    expect(between.seen.length).toBeGreaterThan(0);
    expect(everythingOf(error)).not.toContain("proxy-s3cret");
    expect(JSON.stringify(server.requests)).not.toContain("proxy-");
    const wrong = open(server.host, {
      plainHttp: true,
      proxy: between.url,
      retry: { attempts: 1 },
    });
    expect((await failure(wrong.ping())).code).toMatch(/UNAVAILABLE|AUTH|UNSUPPORTED|PROTOCOL/);
  });

  it.skipIf(missingProgram("openssl"))(
    "is a tunnel for https: it sees neither credentials nor the client certificate",
    async () => {
      const { ca, server: pair, client } = await makeCertificates();
      const server = await startFaultRegistry({ auth: "basic", tls: { ...pair, clientCa: ca } });
      onTestFinished(() => server[Symbol.asyncDispose]());
      const between = await proxy(server.port);
      const registry = open(server.host, {
        proxy: between.url,
        tls: { ca, ...client },
        credentials: alice(server.host),
      });
      // The users of the fault registry: alice and s3cret.
      await registry.ping();
      expect(between.seen.map(({ method }) => method)).toContain("CONNECT");
      expect(JSON.stringify(between.seen)).not.toMatch(/authorization"|YWxpY2U/);
      expect(
        (await failure(open(server.host, { proxy: between.url, tls: { ca } }).ping())).code,
      ).toBe("CTXPACK_E_UNAVAILABLE");
    },
  );
});

it.skipIf(missingProgram("openssl"))(
  "settings of one registry are not those of where it sends us",
  async () => {
    const { ca, server: pair, client } = await makeCertificates();
    const cdn = await startFaultRegistry({ tls: { ...pair, clientCa: ca } });
    onTestFinished(() => cdn[Symbol.asyncDispose]());
    const server = await startFaultRegistry({ redirectBlobsTo: cdn.origin, tls: pair });
    onTestFinished(() => server[Symbol.asyncDispose]());
    server.putBlob("a/b", Buffer.from("x"));
    const digest = [...server.blobs("a/b").keys()][0] as `sha256:${string}`;
    // `insecure` and the certificate are for the registry: the other host is not trusted, and shown nothing.
    const repository = open(server.host, {
      tls: { insecure: true, ...client },
      retry: { attempts: 1 },
    }).repository("a/b");
    const error = await failure(
      (async () => {
        for await (const _ of repository.fetch({ mediaType: "a/b", digest, size: 1 }));
      })(),
    );
    expect(error.message).toContain("its certificate is not trusted");
    expect(cdn.requests).toEqual([]);
  },
);

describe("an answer that is not HTTP", () => {
  /** A server that answers `first` once, and then what a registry answers. */
  async function garbled(first: string) {
    let asked = 0;
    const server = createSocketServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        asked += 1;
        socket.end(asked === 1 ? first : "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
  }

  const garbage = [
    "HTTP/1.1 200 OK\r\nx-bad: \u0001\u0002\r\n\r\n",
    "SSH-2.0-x\r\n",
    "\u0000\u0001\u0002",
  ];

  it.each(garbage)("is asked for again, and otherwise a clear error: %j", async (first) => {
    const passing = await garbled(first);
    await open(passing.host, { plainHttp: true, retry: { attempts: 2, baseMs: 1 } }).ping();
    expect(passing.asked()).toBe(2);
    const lasting = await garbled(first);
    const error = await failure(
      open(lasting.host, { plainHttp: true, retry: { attempts: 1 } }).ping(),
    );
    expect(error.code).toBe("CTXPACK_E_UNAVAILABLE");
    expect(error.message).toContain("not HTTP");
  });
});
