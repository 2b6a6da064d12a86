// The threats of a registry that is an attacker: bytes, sizes, redirects, realms, lists, errors.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { copyGraph } from "@ctxpack/oci";
import { staticCredentials } from "@ctxpack/oci/remote";
import { startFaultRegistry, startSink } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  describe as describeBlob,
  everythingOf,
  failure,
  faulty,
  noise,
  open,
  QUICK,
  read,
} from "./fixture.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const SECRET = "s3cret";
const alice = (host: string) =>
  staticCredentials({ [host]: { kind: "basic", username: "alice", password: SECRET } });
const blob = noise(200_000);
const d = describeBlob(blob);

async function sink(options: Parameters<typeof startSink>[0] = {}) {
  const made = await startSink(options);
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

/** A server that says what it is told to, and notes what it is asked. */
async function scripted(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: { method: string; url: string; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    asked.push({ method, url, headers });
    request.resume();
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { asked, host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` };
}

describe("T7: a redirect", () => {
  it.each(["basic", "bearer"] as const)(
    "to another port gets no credentials (%s)",
    async (auth) => {
      const cdn = await sink({ blobs: () => blob });
      const server = await startFaultRegistry({ auth, redirectBlobsTo: cdn.origin });
      onTestFinished(() => server[Symbol.asyncDispose]());
      server.putBlob("a/b", blob);
      const registry = open(server.host, {
        credentials: alice(server.host),
        headers: { "x-own": SECRET, cookie: `k=${SECRET}` },
      });
      expect(await read(registry.repository("a/b").fetch(d))).toHaveLength(blob.length);
      expect(cdn.requests).toHaveLength(1);
      for (const header of ["authorization", "cookie", "x-own", "proxy-authorization"]) {
        expect(cdn.received(header)).toEqual([]);
        if (header !== "proxy-authorization") {
          expect(server.requests.some(({ headers }) => headers[header] !== undefined)).toBe(true);
        }
      }
      expect(JSON.stringify(cdn.requests)).not.toContain(SECRET);
    },
  );

  it("back to the registry does not take up again what was left behind", async () => {
    let registryHost = "";
    const middle = await scripted((request, response) => {
      response.writeHead(307, { location: `http://${registryHost}${request.url}?back=1` }).end();
    });
    const main = await scripted((request, response) => {
      if (request.url?.includes("back=1")) response.writeHead(200).end(blob);
      else if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      } else response.writeHead(307, { location: `${middle.origin}${request.url}` }).end();
    });
    registryHost = main.host;
    const registry = open(main.host, { credentials: alice(main.host) });
    expect(await read(registry.repository("a/b").fetch(d))).toHaveLength(blob.length);
    const back = main.asked.filter(({ url }) => url.includes("back=1"));
    expect(back).toHaveLength(1);
    expect(back[0]?.headers.authorization).toBeUndefined();
    expect(middle.asked[0]?.headers.authorization).toBeUndefined();
  });

  it("whose target asks who it is gets no answer", async () => {
    const cdn = await sink({
      status: 401,
      headers: { "www-authenticate": 'Basic realm="give it to me"' },
    });
    const { server } = await faulty({ redirectBlobsTo: cdn.origin });
    server.putBlob("a/b", blob);
    let lookedUp = 0;
    const credentials = {
      async get(host: string) {
        lookedUp++;
        return alice(host).get(host);
      },
    };
    const registry = open(server.host, { credentials });
    const error = await failure(read(registry.repository("a/b").fetch(d)));
    expect(error.code).toBe("CTXPACK_E_AUTH");
    expect(cdn.received("authorization")).toEqual([]);
    expect(lookedUp).toBe(0);
  });

  it.each([
    ["ftp://x.example/", "not to a URL"],
    ["file:///etc/passwd", "not to a URL"],
    ["", "not to a URL"],
  ])("to %j is refused", async (location) => {
    const main = await scripted((_, response) =>
      response.writeHead(307, { location: location || "http://" }).end(),
    );
    const error = await failure(read(open(main.host).repository("a/b").fetch(d)));
    expect(error.code).toBe("CTXPACK_E_PROTOCOL");
  });

  it("that never ends is broken off", async () => {
    const { server, repository } = await faulty({ redirectLoop: true });
    server.putBlob("a/b", blob);
    const error = await failure(read(repository.fetch(d)));
    expect(error).toMatchObject({ code: "CTXPACK_E_PROTOCOL" });
    expect(server.requests.length + server.cdn.requests.length).toBeLessThan(15);
  });

  it("of a write to another host is refused: what is sent to one is not sent to another", async () => {
    const other = await sink({});
    const main = await scripted((_, response) =>
      response.writeHead(307, { location: `${other.origin}/upload` }).end(),
    );
    const error = await failure(
      open(main.host)
        .repository("a/b")
        .push(d, {
          size: blob.length,
          open: async function* () {
            yield blob;
          },
        }),
    );
    expect(error.code).toBe("CTXPACK_E_PROTOCOL");
    expect(other.requests).toEqual([]);
  });
});

describe("T9: a token server", () => {
  it.each([
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.5/token",
    "file:///etc/passwd",
    "http://[::ffff:10.0.0.1]/token",
  ])("at %s is not asked", async (realm) => {
    const { server } = await faulty({ auth: "bearer", foreignRealm: realm });
    const registry = open(server.host, { credentials: alice(server.host) });
    const error = await failure(registry.ping());
    expect(error).toMatchObject({
      code: "CTXPACK_E_AUTH",
      hint: expect.stringContaining("trustedRealmHosts"),
    });
    expect(everythingOf(error)).not.toContain(SECRET);
  });

  it("of the same machine is asked beside a registry of that machine, once for many", async () => {
    const { server } = await faulty({ auth: "bearer" });
    server.putBlob("a/b", blob);
    const repository = open(server.host, { credentials: alice(server.host) }).repository("a/b");
    await Promise.all(Array.from({ length: 50 }, () => read(repository.fetch(d))));
    expect(server.tokenRequests).toHaveLength(1);
  });

  it("is followed nowhere: what it is shown is not shown to another", async () => {
    const other = await sink({});
    const tokens = await scripted((_, response) =>
      response.writeHead(302, { location: `${other.origin}/token` }).end(),
    );
    const { server } = await faulty({ auth: "bearer", foreignRealm: `${tokens.origin}/token` });
    const error = await failure(open(server.host, { credentials: alice(server.host) }).ping());
    expect(error.code).toBe("CTXPACK_E_PROTOCOL");
    expect(tokens.asked.length).toBeGreaterThan(0);
    expect(other.requests).toEqual([]);
  });

  it("that answers without end is not read to the end", async () => {
    const tokens = await scripted((_, response) => {
      response.writeHead(200);
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
      };
      response.on("drain", write);
      write();
    });
    const { server } = await faulty({ auth: "bearer", foreignRealm: `${tokens.origin}/token` });
    const error = await failure(open(server.host, { credentials: alice(server.host) }).ping());
    expect(error.code).toBe("CTXPACK_E_PROTOCOL");
  });
});

describe("T3–T6: a manifest", () => {
  const manifest = (more: object = {}): Buffer =>
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST,
        config: { mediaType: "application/vnd.x", digest: d.digest, size: d.size },
        layers: [],
        ...more,
      }),
    );
  const served = async (bytes: Buffer, headers: Record<string, string> = {}) => {
    const main = await scripted((_, response) =>
      response.writeHead(200, { "content-type": MANIFEST, ...headers }).end(bytes),
    );
    return open(main.host).repository("a/b");
  };

  it.each([2 ** 53, -1, 1.5, "7", null, 1e308])(
    "that lists a size of %j is refused",
    async (size) => {
      const layers = [{ mediaType: "a/b", digest: d.digest, size }];
      const error = await failure((await served(manifest({ layers }))).resolve("v1"));
      expect(error.code).toBe("CTXPACK_E_MANIFEST");
    },
  );

  it.each([
    "sha256:../../etc/passwd",
    `sha256:${"A".repeat(64)}`,
    `sha256:${"a".repeat(63)}`,
    "md5:abc",
    7,
  ])("that lists the digest %j is refused", async (digest) => {
    const layers = [{ mediaType: "a/b", digest, size: 1 }];
    const error = await failure((await served(manifest({ layers }))).resolve("v1"));
    expect(error.code).toBe("CTXPACK_E_MANIFEST");
  });

  it("with a size of 2^53-1 is believed in nothing: no memory is taken for it", async () => {
    const huge = { ...d, size: 2 ** 53 - 1 };
    const main = await scripted((_, response) => response.writeHead(200).end(blob));
    const error = await failure(read(open(main.host).repository("a/b").fetch(huge)));
    expect(error.code).toBe("CTXPACK_E_SIZE_MISMATCH");
  });

  it("that is image and index at once is refused", async () => {
    const error = await failure((await served(manifest({ manifests: [] }))).resolve("v1"));
    expect(error.code).toBe("CTXPACK_E_MANIFEST");
  });

  it("sent as another type than it says is refused", async () => {
    const type = "application/vnd.oci.image.index.v1+json";
    const error = await failure((await served(manifest(), { "content-type": type })).resolve("v1"));
    expect(error.code).toBe("CTXPACK_E_MANIFEST");
  });

  it("that is a login page is called one", async () => {
    const page = await served(Buffer.from("<html>"), {
      "content-type": "text/html; charset=utf-8",
    });
    expect(await failure(page.resolve("v1"))).toMatchObject({
      code: "CTXPACK_E_MANIFEST",
      hint: "a proxy or login page answers in place of the registry",
    });
  });

  it("of 5 MB is not read", async () => {
    const error = await failure((await served(Buffer.alloc(5 << 20, 32))).resolve("v1"));
    expect(error.code).toBe("CTXPACK_E_MANIFEST");
    const { server, repository } = await faulty({ hugeManifest: 9 << 20 });
    const put = server.putManifest("a/b", manifest(), "v1");
    expect(put).toBeTruthy();
    expect((await failure(repository.resolve("v1"))).code).toBe("CTXPACK_E_MANIFEST");
  });

  it("whose digest header is another one is refused, by tag and by digest; another algorithm says nothing", async () => {
    const other = `sha256:${"0".repeat(64)}`;
    const wrong = await served(manifest(), { "docker-content-digest": other });
    expect((await failure(wrong.resolve("v1"))).code).toBe("CTXPACK_E_DIGEST_MISMATCH");
    expect((await failure(wrong.resolve(describeBlob(manifest()).digest))).code).toBe(
      "CTXPACK_E_DIGEST_MISMATCH",
    );
    expect((await failure((await served(manifest())).resolve(other))).code).toBe(
      "CTXPACK_E_DIGEST_MISMATCH",
    );
    const sha512 = await served(manifest(), {
      "docker-content-digest": `sha512:${"0".repeat(128)}`,
    });
    expect((await failure(sha512.resolve("v1"))).code).toBe("CTXPACK_E_DIGEST_MISMATCH");
    expect((await (await served(manifest())).resolve("v1")).digest).toBe(
      describeBlob(manifest()).digest,
    );
  });

  it("is found though its HEAD says nothing of it", async () => {
    for (const faults of [{ headNoDigest: true }, { headNoLength: true }]) {
      const { server, repository } = await faulty(faults);
      server.putManifest("a/b", manifest(), "v1");
      expect(await repository.exists(describeBlob(manifest(), MANIFEST))).toBe(true);
    }
  });
});

describe("T12: a list of tags", () => {
  it("comes in pages, each tag once", async () => {
    const { server, repository } = await faulty({ pageSize: 3 });
    const tags = Array.from({ length: 10 }, (_, i) => `t${i}`);
    server.putManifest(
      "a/b",
      { schemaVersion: 2, mediaType: MANIFEST, config: d, layers: [] },
      ...tags,
    );
    const found: string[] = [];
    for await (const tag of repository.tags()) found.push(tag);
    expect(found.sort()).toEqual(tags);
  });

  it.each<[string, object, string]>([
    ["that leads in a circle", { linkLoop: true, pageSize: 1 }, "CTXPACK_E_PROTOCOL"],
    [
      "that leads to another host",
      { crossOriginLink: "http://127.0.0.1:9", pageSize: 1 },
      "CTXPACK_E_PROTOCOL",
    ],
  ])("%s is refused", async (_, faults, code) => {
    const { server, repository } = await faulty(faults);
    server.putManifest(
      "a/b",
      { schemaVersion: 2, mediaType: MANIFEST, config: d, layers: [] },
      "x",
      "y",
    );
    const error = await failure(read(repository.tags() as never));
    expect(error.code).toBe(code);
    expect(server.requests.length).toBeLessThan(5);
  });

  it("that is null is empty", async () => {
    const { server, repository } = await faulty({ nullTags: true });
    server.putBlob("a/b", blob);
    for await (const _ of repository.tags()) throw new Error("there are none");
  });
});

describe("T20, T23, T25: errors", () => {
  it.each([500, 502, 503, 504, 429, 408])(
    "%i is tried as often as the policy says, and no more",
    async (status) => {
      const main = await scripted((_, response) => response.writeHead(status).end());
      const repository = open(main.host).repository("a/b");
      for (const work of [
        () => repository.resolve("v1"),
        () => read(repository.fetch(d)),
        () => repository.exists(d),
      ]) {
        const before = main.asked.length;
        expect((await failure(work())).code).toBe("CTXPACK_E_UNAVAILABLE");
        expect(main.asked.length - before).toBe(QUICK.retry?.attempts);
      }
    },
  );

  it.each([400, 403, 404, 405, 413, 415])("%i is not tried again", async (status) => {
    const main = await scripted((_, response) => response.writeHead(status).end());
    await failure(read(open(main.host).repository("a/b").fetch(d)));
    expect(main.asked).toHaveLength(1);
  });

  it("a connection that is always cut is tried as often as the policy says", async () => {
    const main = await scripted((request) => request.socket.destroy());
    const error = await failure(open(main.host).repository("a/b").resolve("v1"));
    expect(error.code).toBe("CTXPACK_E_UNAVAILABLE");
    expect(main.asked.length).toBeLessThanOrEqual(4);
  });

  it("Retry-After is waited for, in seconds or as a date, up to a limit that is said", async () => {
    for (const kind of ["seconds", "date"]) {
      let asked = 0;
      let started = 0;
      const main = await scripted((_, response) => {
        if (asked++ > 0) return response.writeHead(200).end(blob);
        started = performance.now();
        // A date has whole seconds: up to one less.
        const wait = kind === "seconds" ? "1" : new Date(Date.now() + 1900).toUTCString();
        return response.writeHead(429, { "retry-after": wait }).end();
      });
      await read(open(main.host).repository("a/b").fetch(d));
      expect(performance.now() - started).toBeGreaterThan(800);
    }
    const main = await scripted((_, response) =>
      response.writeHead(429, { "retry-after": "3600" }).end(),
    );
    expect(await failure(read(open(main.host).repository("a/b").fetch(d)))).toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      message: expect.stringContaining("it asks to wait 3600 s"),
      details: { retryAfterMs: 3_600_000 },
    });
    expect(main.asked).toHaveLength(1);
  });

  it("a limit that one request meets is heeded by all", async () => {
    let limited = 0;
    let since = 0;
    const main = await scripted((_, response) => {
      if (limited++ === 0) {
        since = performance.now();
        response.writeHead(429, { "retry-after": "1" }).end();
      } else response.writeHead(200).end(blob);
    });
    const repository = open(main.host).repository("a/b");
    await Promise.all([read(repository.fetch(d)), new Promise((r) => setTimeout(r, 100))]);
    expect(performance.now() - since).toBeGreaterThan(900);
    limited = 0;
    const first = read(repository.fetch(d));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([first, ...Array.from({ length: 10 }, () => read(repository.fetch(d)))]);
    expect(performance.now() - since).toBeGreaterThan(900);
    // One was told to wait: none of the others had to be.
    expect(main.asked).toHaveLength(2 + 12);
  });

  it("hold no secret, no query, nothing that a terminal obeys, and little of a long body", async () => {
    const main = await scripted((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      } else if (request.url?.includes("/blobs/")) {
        response.writeHead(307, { location: `/cdn?signature=${SECRET}` }).end();
      } else {
        const message = `\u001b[2J\u202e${"x".repeat(100_000)}`;
        response.writeHead(403).end(JSON.stringify({ errors: [{ code: "DENIED", message }] }));
      }
    });
    const registry = open(main.host, { credentials: alice(main.host) });
    const basic = Buffer.from(`alice:${SECRET}`).toString("base64");
    for (const work of [
      registry.repository("a/b").resolve("v1"),
      read(registry.repository("a/b").fetch(d)),
    ]) {
      const error = await failure(work);
      expect(error.code).toBe("CTXPACK_E_AUTH");
      const said = everythingOf(error);
      for (const secret of [SECRET, basic, "signature"]) expect(said).not.toContain(secret);
      expect(said).not.toMatch(/\\u001b|\\u202e/);
      expect(error.message.length).toBeLessThan(700);
    }
  });

  it("warnings are told once each, cleaned", async () => {
    const { server } = await faulty({ warningHeader: '299 - "moving \\"soon\\"\u0009now"' });
    const told: string[] = [];
    const repository = open(server.host, { onWarning: (text) => told.push(text) }).repository(
      "a/b",
    );
    for (let i = 0; i < 3; i++) await repository.exists(d);
    expect(told).toEqual([`${server.host} says: moving "soon" now`]);
  });
});

it("T10, T22: two registries on one machine never see each other's credentials", async () => {
  const one = await faulty({ auth: "basic" });
  const two = await faulty({ auth: "basic" });
  one.server.putBlob("a/b", blob);
  const credentials = alice(one.server.host);
  await read(open(one.server.host, { credentials }).repository("a/b").fetch(d));
  const error = await failure(open(two.server.host, { credentials }).ping());
  expect(error.code).toBe("CTXPACK_E_AUTH");
  expect(two.server.requests.every(({ headers }) => headers["authorization"] === undefined)).toBe(
    true,
  );
});

it("T11: what a descriptor says about other places is not followed", async () => {
  const elsewhere = await sink({ blobs: () => blob });
  const { server, repository } = await faulty();
  const layer = { ...d, urls: [`${elsewhere.origin}/blob`] };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: d, layers: [layer] };
  server.putManifest("a/b", manifest, "v1");
  expect((await failure(read(repository.fetch(layer)))).code).toBe("CTXPACK_E_NOT_FOUND");
  expect(elsewhere.requests).toEqual([]);
});

it("T28: a tag that moves during a pull changes nothing: it is looked at once", async () => {
  const { server, repository } = await faulty();
  server.putBlob("a/b", blob);
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: d, layers: [d] };
  server.putManifest("a/b", manifest, "v1");
  const root = await repository.resolve("v1");
  server.putManifest("a/b", { ...manifest, layers: [] }, "v1");
  const target = await faulty();
  await copyGraph(repository, target.repository, root);
  expect((await target.repository.resolve(root.digest)).digest).toBe(root.digest);
  const asked = server.requests.filter(({ url }) => url.endsWith("/manifests/v1"));
  expect(asked).toHaveLength(1);
});
