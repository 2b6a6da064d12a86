import { type Faults, listen } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { describe as describeBlob, failure, faulty, MiB, noise, open, read } from "./fixture.ts";

const small = noise(3 * MiB, 1);
const large = noise(40 * MiB, 2);
const blobs = [
  ["one stream", small],
  ["parallel ranges", large],
] as const;

type Server = Awaited<ReturnType<typeof faulty>>["server"];

/** `Range` headers of the requests for blobs. */
function ranges(server: Server): (string | undefined)[] {
  return server.requests
    .filter(({ method, url }) => method === "GET" && url.includes("/blobs/"))
    .map(({ headers }) => headers["range"] as string | undefined);
}

function sent(server: Server): number {
  return server.requests.reduce((sum, { bytesOut }) => sum + bytesOut, 0);
}

describe.each(blobs)("a blob in %s", (kind, bytes) => {
  const d = describeBlob(bytes);
  const start = async (faults: Faults, options = {}) => {
    const started = await faulty(faults, options);
    started.server.putBlob("a/b", bytes);
    return started;
  };

  it("arrives", async () => {
    const { server, repository } = await start({});
    expect(Buffer.compare(await read(repository.fetch(d)), bytes)).toBe(0);
    expect(ranges(server)).toHaveLength(kind === "one stream" ? 1 : 5);
    expect(sent(server)).toBe(bytes.length);
  });

  // Each is a registry that somebody has met; the bytes are right all the same.
  it.each<[string, Faults]>([
    ["ranges are ignored", { ignoreRange: true }],
    ["open ranges are refused", { openRange416: true }],
    ["no Accept-Ranges", { noAcceptRanges: true }],
    ["the connection breaks three times", { dropBodyAfter: { bytes: 700_000, times: 3 } }],
    ["it stalls twice", { stallBodyAfter: { bytes: 300_000, times: 2 } }],
    ["it redirects to a CDN", { redirectBlobs: true }],
    [
      "a CDN that refuses credentials",
      { redirectBlobs: true, cdnRejectsAuthorization: true, auth: "bearer", anonymousPull: true },
    ],
    ["a CDN whose URLs are good once", { redirectBlobs: true, cdnExpiresAfter: 1 }],
    ["errors that pass", { serverErrors: { times: 2, status: 503, on: /GET .*blobs/ } }],
    ["a limit that passes", { rateLimit: { times: 2, retryAfter: 0, on: /GET .*blobs/ } }],
  ])("arrives although %s", async (_, faults) => {
    const { repository } = await start(faults);
    expect(Buffer.compare(await read(repository.fetch(d)), bytes)).toBe(0);
  });

  it.each<[string, Faults, string]>([
    ["another byte", { corruptByteAt: 1000 }, "CTXPACK_E_DIGEST_MISMATCH"],
    ["bytes too many", { trailingBytes: 10 }, "CTXPACK_E_SIZE_MISMATCH"],
    ["bytes too few", { shortBody: 10 }, "CTXPACK_E_SIZE_MISMATCH"],
    ["a coding", { gzipEncoding: true }, "CTXPACK_E_PROTOCOL"],
    ["https to http, or a loop", { redirectLoop: true }, "CTXPACK_E_PROTOCOL"],
    [
      "a connection that always breaks",
      { dropBodyAfter: { bytes: 1000, times: Infinity } },
      "CTXPACK_E_UNAVAILABLE",
    ],
    [
      "one that always stalls",
      { stallBodyAfter: { bytes: 1000, times: Infinity } },
      "CTXPACK_E_UNAVAILABLE",
    ],
    [
      "500",
      { serverErrors: { times: Infinity, status: 500, on: /GET .*blobs/ } },
      "CTXPACK_E_UNAVAILABLE",
    ],
  ])("with %s is refused", async (_, faults, code) => {
    const { server, repository } = await start(faults);
    const error = await failure(read(repository.fetch(d)));
    expect(error.code, error.message).toBe(code);
    // Attempts do not multiply: 4 of the policy, and 4 ranges at a time at most.
    expect(ranges(server).length).toBeLessThanOrEqual(kind === "one stream" ? 11 : 44);
  });

  it("a part of it arrives, and asks for nothing else", async () => {
    const { server, repository } = await start({});
    const range = { offset: 1000, length: 500_000 };
    const part = await read(repository.fetch(d, { range }));
    expect(Buffer.compare(part, bytes.subarray(1000, 501_000))).toBe(0);
    expect(ranges(server)).toEqual(["bytes=1000-500999"]);
    expect(sent(server)).toBe(500_000);
  });

  it("goes on where it broke off", async () => {
    const { server, repository } = await start({ dropBodyAfter: { bytes: 2_000_000, times: 1 } });
    await read(repository.fetch(d));
    const asked = ranges(server);
    const resumed = asked.filter((range) => /^bytes=[1-9]\d*-/.test(range ?? ""));
    expect(resumed.length).toBeGreaterThanOrEqual(1);
    expect(sent(server)).toBeLessThan(bytes.length + 200_000);
  });

  it("an abort in the middle throws its reason, and leaves the lanes free", async () => {
    const { server, repository } = await start({ drip: 3_000_000 }, { concurrency: 2 });
    for (let i = 0; i < 4; i++) {
      const controller = new AbortController();
      const reason = new Error("enough");
      let seen = 0;
      const work = (async () => {
        for await (const chunk of repository.fetch(d, { signal: controller.signal })) {
          seen += chunk.length;
          controller.abort(reason);
        }
      })();
      await expect(work).rejects.toBe(reason);
      expect(seen).toBeGreaterThan(0);
    }
    server.faults.drip = undefined;
    expect(await read(repository.fetch(d))).toHaveLength(bytes.length);
  });

  it("who stops reading closes everything", async () => {
    const { server, repository } = await start({}, { concurrency: 2 });
    for (let i = 0; i < 6; i++) for await (const _ of repository.fetch(d)) break;
    expect(await read(repository.fetch(d))).toHaveLength(bytes.length);
    expect(server.requests.length).toBeGreaterThan(6);
  });
});

it("a registry that gives ranges and then none loses nothing", async () => {
  let asked = 0;
  const server = await listen((request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (first === undefined || ++asked > 1) {
      response.writeHead(200).end(large);
    } else {
      response.writeHead(206, { "content-range": `bytes ${first}-${last}/${large.length}` });
      response.end(large.subarray(Number(first), Number(last) + 1));
    }
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const d = describeBlob(large);
  const bytes = await read(open(server.host).repository("a/b").fetch(d));
  expect(Buffer.compare(bytes, large)).toBe(0);
});

it("a range that is another one than was asked for is refused, and says what to set", async () => {
  const { server, repository } = await faulty({ rangeOffByOne: true });
  server.putBlob("a/b", large);
  const error = await failure(read(repository.fetch(describeBlob(large))));
  expect(error).toMatchObject({
    code: "CTXPACK_E_PROTOCOL",
    hint: expect.stringContaining('"ranges": false'),
  });
  const calm = open(server.host, { profile: { ranges: false } }).repository("a/b");
  expect(await read(calm.fetch(describeBlob(large)))).toHaveLength(large.length);
});

it("a slow reader is not sent more than is held for it", async () => {
  const { server, repository } = await faulty();
  const huge = noise(120 * MiB, 3);
  server.putBlob("a/b", huge);
  const reader = repository.fetch(describeBlob(huge))[Symbol.asyncIterator]();
  await reader.next();
  await new Promise((resolve) => setTimeout(resolve, 700));
  // Four ranges of 8 MiB, and what lies in the sockets.
  expect(sent(server)).toBeLessThan(48 * MiB);
  await reader.return?.(undefined);
});

it("eight large blobs at once stay within one budget, and all arrive", async () => {
  const { server, repository } = await faulty();
  server.putBlob("a/b", large);
  const all = await Promise.all(
    Array.from({ length: 8 }, () => read(repository.fetch(describeBlob(large)))),
  );
  for (const one of all) expect(Buffer.compare(one, large)).toBe(0);
});

it.each([0, 1])("a blob of %i bytes", async (size) => {
  const { server, repository } = await faulty();
  const bytes = noise(size);
  server.putBlob("a/b", bytes);
  expect(await read(repository.fetch(describeBlob(bytes)))).toHaveLength(size);
});

it("exists asks a storage that refuses a HEAD for one byte", async () => {
  const { server, repository } = await faulty();
  server.putBlob("a/b", small);
  expect(await repository.exists(describeBlob(small))).toBe(true);
  expect(await repository.exists(describeBlob(noise(5, 9)))).toBe(false);
  await expect(repository.exists({ ...describeBlob(small), size: 7 })).rejects.toMatchObject({
    code: "CTXPACK_E_SIZE_MISMATCH",
  });
});
