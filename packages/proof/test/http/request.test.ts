import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer, type Server } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { request } from "../../src/http/request.ts";
import { serviceUrl } from "../../src/http/service-url.ts";

const COMMON = {
  service: "Rekor",
  method: "GET",
  limit: 100,
  deadlineMs: 20_000,
  expect: [200],
} as const;

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("request", () => {
  it("does not ask again where TLS cannot be had", async () => {
    let connections = 0;
    const server = createServer().on("connection", () => connections++);
    const url = new URL(`https://127.0.0.1:${await portOf(server)}/`);
    await expect(request({ ...COMMON, url })).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      message: expect.stringMatching(
        /^Rekor \(127.0.0.1:\d+\) cannot be reached \((?:EPROTO|ERR_SSL)/,
      ),
    });
    expect(connections).toBe(1);
  });

  it("asks again when what comes is not HTTP", async () => {
    let connections = 0;
    const server = createTcpServer((socket) => {
      connections++;
      socket.on("error", () => {});
      socket.end("SSH-2.0-OpenSSH\r\n");
    });
    const url = new URL(`http://127.0.0.1:${await portOf(server)}/`);
    await expect(request({ ...COMMON, url, deadlineMs: 1000 })).rejects.toMatchObject({
      code: expect.stringMatching(/^CTXPACK_E_(?:UNAVAILABLE|TIMEOUT)$/),
    });
    expect(connections).toBeGreaterThan(1);
  });

  it("gives a port on which nobody listens three tries", async () => {
    const server = createTcpServer();
    const port = await portOf(server);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const start = performance.now();
    const url = new URL(`http://127.0.0.1:${port}/`);
    await expect(request({ ...COMMON, url })).rejects.toMatchObject({
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it("passes on what is no failure of the network", async () => {
    const headers = { "not a name": "x" };
    const url = new URL("http://127.0.0.1:9/");
    await expect(request({ ...COMMON, url, headers })).rejects.toThrow(/header/i);
  });
});

describe("serviceUrl", () => {
  it("takes https, and http on this machine", () => {
    expect(serviceUrl("https://fulcio.example/base", "Fulcio").href).toBe(
      "https://fulcio.example/base/",
    );
    expect(serviceUrl("http://localhost:80/", "Fulcio").href).toBe("http://localhost/");
  });

  it.each([
    "fulcio.example",
    "http://fulcio.example",
    "ftp://127.0.0.1",
    "https://u:secret@fulcio.example",
    "https://fulcio.example/?a=secret",
    "https://fulcio.example/#secret",
  ])("refuses %s", (text) => {
    expect(() => serviceUrl(text, "Fulcio")).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_CONFIG",
        message: expect.not.stringContaining("secret"),
      }),
    );
  });
});
