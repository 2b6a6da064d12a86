// A registry that answers a drop at a time: nobody waits for it for ever. And one that forgets whom it let in.
import type { CredentialProvider } from "@ctxpack/oci/remote";
import { listen } from "@ctxpack/test-tools";
import { expect, it, onTestFinished } from "vitest";
import { describe as describeBlob, failure, noise, open, QUICK, read } from "./fixture.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

type Handle = Parameters<typeof listen>[0];

async function serve(handle: Handle): Promise<string> {
  const server = await listen(handle);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server.host;
}

/** Sends a byte every 100 ms, for a minute. */
function drip(response: Parameters<Handle>[1]): void {
  let left = 600;
  const timer = setInterval(() => {
    response.write(" ");
    if (--left === 0) response.end();
  }, 100);
  response.once("close", () => clearInterval(timer));
}

// Far above what a busy machine keeps a byte waiting.
const RETRY = {
  timeouts: { connectMs: 2000, headersMs: 2000, stallMs: 1000 },
  retry: { ...QUICK.retry, attempts: 2 },
};

it("a manifest and a list that come a byte at a time are given up", async () => {
  const host = await serve((request, response) => {
    response.writeHead(200, { "content-type": MANIFEST });
    if (request.method === "HEAD") response.end();
    else drip(response);
  });
  const repository = open(host, RETRY).repository("a/b");
  const tags = async (): Promise<void> => {
    for await (const _ of repository.tags());
  };
  const errors = await Promise.all([repository.resolve("v"), tags()].map((work) => failure(work)));
  const slow = { code: "CTXPACK_E_UNAVAILABLE", details: { reason: "TOO_SLOW" } };
  expect(errors).toMatchObject([slow, slow]);
});

it("what comes a byte at a time after the answer is known is not waited for", async () => {
  const host = await serve((request, response) => {
    request.resume();
    const isPut = request.method === "PUT";
    response.writeHead(isPut ? 201 : 404, { "content-type": "text/plain" });
    drip(response);
  });
  const repository = open(host, RETRY).repository("a/b");
  const began = performance.now();
  expect((await failure(repository.resolve("v"))).code).toBe("CTXPACK_E_NOT_FOUND");
  await repository.delete(describeBlob(noise(10), MANIFEST));
  expect(performance.now() - began).toBeLessThan(10_000);
});

it("a 403 for a password whose time is over is answered with what the helper says now", async () => {
  const header = (password: string) => `Basic ${Buffer.from(`AWS:${password}`).toString("base64")}`;
  let good = "1";
  const blob = noise(1000);
  const host = await serve((request, response) => {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="ecr"' }).end();
    } else if (authorization === header(good)) response.writeHead(200).end(blob);
    else
      response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"token has expired"}]}');
  });
  const helper = (say: () => string): CredentialProvider => ({
    async get() {
      const credential = { kind: "basic", username: "AWS", password: say() } as const;
      return { credential, source: "a helper" };
    },
  });
  const repository = open(host, { credentials: helper(() => good) }).repository("a/b");
  const d = describeBlob(blob);
  expect(await read(repository.fetch(d))).toHaveLength(1000);
  good = "2";
  expect(await read(repository.fetch(d))).toHaveLength(1000);
  // What it says of those who may not is what the user reads.
  const denied = open(host, { credentials: helper(() => "no") }).repository("a/b");
  expect(await failure(read(denied.fetch(d)))).toMatchObject({
    code: "CTXPACK_E_AUTH",
    message: expect.stringContaining("token has expired"),
  });
});
