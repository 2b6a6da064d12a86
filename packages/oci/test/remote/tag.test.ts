import { bytesSource, type Descriptor } from "@ctxpack/oci";
import { mirrored, type Repository } from "@ctxpack/oci/remote";
import {
  missingProgram,
  startDelayLink,
  startDockerRegistry,
  startFaultRegistry,
} from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { describe as describeBlob, failure, faulty, noise, open, read } from "./fixture.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const config = Buffer.from("{}");

async function push(to: Repository, note: string): Promise<Descriptor> {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: "application/vnd.example",
      config: describeBlob(config, "application/vnd.oci.empty.v1+json"),
      layers: [],
      annotations: { note },
    }),
  );
  await to.push(describeBlob(config), bytesSource(config));
  await to.push(describeBlob(bytes, MANIFEST), bytesSource(bytes));
  return describeBlob(bytes, MANIFEST);
}

/** Two writers who expect nothing under a tag, at the same moment: one stays, and the other one knows. */
async function race(one: Repository, two: Repository, round: number): Promise<void> {
  const [a, b] = [await push(one, `a${round}`), await push(two, `b${round}`)];
  const tag = `t${round}`;
  const results = await Promise.allSettled([
    one.tag(a, tag, { expected: null }),
    two.tag(b, tag, { expected: null }),
  ]);
  const { digest } = await one.resolve(tag);
  for (const [i, d] of [a, b].entries()) {
    const result = results[i] as PromiseSettledResult<void>;
    if (d.digest === digest) expect(result.status).toBe("fulfilled");
    else {
      expect(result.status).toBe("rejected");
      expect((result as PromiseRejectedResult).reason).toMatchObject({
        code: "CTXPACK_E_CONFLICT",
        details: { found: digest },
      });
    }
  }
}

describe("tag, with what it expects", () => {
  it("refuses what it does not find, and takes what is there already", async () => {
    const { repository } = await faulty();
    const [a, b] = [await push(repository, "a"), await push(repository, "b")];
    await repository.tag(a, "v", { expected: null });
    await repository.tag(a, "v", { expected: null });
    expect(await failure(repository.tag(b, "v", { expected: null }))).toMatchObject({
      code: "CTXPACK_E_CONFLICT",
      details: { tag: "v", expected: null, found: a.digest },
    });
    await repository.tag(b, "v", { expected: a.digest });
    expect((await repository.resolve("v")).digest).toBe(b.digest);
    await repository.tag(a, "v");
    expect((await repository.resolve("v")).digest).toBe(a.digest);
    const absent = { ...a, digest: `sha256:${"0".repeat(64)}` as const };
    expect((await failure(repository.tag(absent, "w"))).code).toBe("CTXPACK_E_NOT_FOUND");
  });

  it("two at once end with one, which both know", async () => {
    const { server } = await faulty();
    for (let i = 0; i < 10; i++) {
      await race(open(server.host).repository("a/b"), open(server.host).repository("a/b"), i);
    }
  });

  it.skipIf(missingProgram("docker-registry"))(
    "also at docker-registry, over links of different length",
    async () => {
      const server = await startDockerRegistry();
      onTestFinished(() => server[Symbol.asyncDispose]());
      const far = await startDelayLink({ port: server.port }, { roundTripMs: 40 });
      onTestFinished(() => far[Symbol.asyncDispose]());
      for (let i = 0; i < 8; i++) {
        await race(
          open(server.host, { timeouts: {} }).repository("a/b"),
          open(i % 2 ? far.host : server.host, { timeouts: {} }).repository("a/b"),
          i,
        );
      }
    },
  );

  it.skipIf(missingProgram("docker-registry"))(
    "also when one of them is so far away that the other has long been done",
    async () => {
      const server = await startDockerRegistry();
      onTestFinished(() => server[Symbol.asyncDispose]());
      const link = await startDelayLink({ port: server.port }, { roundTripMs: 400 });
      onTestFinished(() => link[Symbol.asyncDispose]());
      const near = open(server.host, { timeouts: {} }).repository("a/b");
      const far = open(link.host, { timeouts: {} }).repository("a/b");
      const [a, b] = [await push(near, "near"), await push(far, "far")];
      // The far one looks after half a round trip and writes one later; the near one comes in between.
      const slow = far.tag(b, "t", { expected: null });
      slow.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 300));
      const quick = near.tag(a, "t", { expected: null });
      const [first, second] = await Promise.allSettled([slow, quick]);
      expect((await near.resolve("t")).digest).toBe(b.digest);
      expect(first.status).toBe("fulfilled");
      expect(second).toMatchObject({
        status: "rejected",
        reason: { code: "CTXPACK_E_CONFLICT", details: { found: b.digest } },
      });
    },
  );

  it.each([400, 409, 412] as const)(
    "a tag that cannot be moved is said (%i)",
    async (tagsImmutable) => {
      const { repository } = await faulty({ tagsImmutable });
      const [a, b] = [await push(repository, "a"), await push(repository, "b")];
      await repository.tag(a, "v");
      const error = await failure(repository.tag(b, "v"));
      expect(error.code).toMatch(/UNSUPPORTED|PROTOCOL|CONFLICT/);
      expect((await repository.resolve("v")).digest).toBe(a.digest);
    },
  );

  it("untag takes a tag away, or says that the registry does not", async () => {
    const { server, repository } = await faulty();
    await repository.tag(await push(repository, "a"), "v");
    await repository.untag("v");
    expect((await failure(repository.untag("v"))).code).toBe("CTXPACK_E_NOT_FOUND");
    server.faults.tagDelete = false;
    await repository.tag(await push(repository, "a"), "v");
    expect((await failure(repository.untag("v"))).code).toBe("CTXPACK_E_UNSUPPORTED");
  });
});

it.skipIf(missingProgram("docker-registry"))(
  "docker-registry takes no tag away, which is said, and deletes manifests",
  async () => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const repository = open(server.host).repository("a/b");
    const d = await push(repository, "a");
    await repository.tag(d, "v");
    expect((await failure(repository.untag("v"))).code).toBe("CTXPACK_E_UNSUPPORTED");
    expect((await repository.resolve("v")).digest).toBe(d.digest);
    expect((await failure(repository.untag("w"))).code).toBe("CTXPACK_E_NOT_FOUND");
    await repository.delete(d);
    await repository.delete(d);
    expect((await failure(repository.resolve("v"))).code).toBe("CTXPACK_E_NOT_FOUND");
  },
);

describe("mirrors", () => {
  const blob = noise(3_000_000);
  const d = describeBlob(blob);
  const start = async (faults = {}) => {
    const server = await startFaultRegistry(faults);
    onTestFinished(() => server[Symbol.asyncDispose]());
    server.putBlob("a/b", blob);
    return { server, repository: open(server.host).repository("a/b") };
  };

  it("are asked first for what has a digest, in their order; a tag is asked at the registry", async () => {
    const [main, first, second] = [await start(), await start(), await start()];
    const root = await push(main.repository, "x");
    await main.repository.tag(root, "v");
    const asked = main.server.requests.length;
    const all = mirrored(main.repository, [first.repository, second.repository]);
    expect(await read(all.fetch(d))).toHaveLength(blob.length);
    expect(main.server.requests).toHaveLength(asked);
    expect(second.server.requests).toHaveLength(0);
    expect((await all.resolve("v")).digest).toBe(root.digest);
    // No mirror has it: the registry does.
    expect((await all.resolve(root.digest)).digest).toBe(root.digest);
  });

  it.each([
    [
      "lacks it",
      async (m: Awaited<ReturnType<typeof start>>) => {
        m.server.faults.serverErrors = { times: Infinity, status: 404, on: /GET .*blobs/ };
      },
    ],
    ["is down", async (m: Awaited<ReturnType<typeof start>>) => m.server[Symbol.asyncDispose]()],
    [
      "breaks off for good",
      async (m: Awaited<ReturnType<typeof start>>) => {
        m.server.faults.dropBodyAfter = { bytes: 500_000, times: Infinity };
      },
    ],
  ])("one that %s is passed over, and the next one goes on", async (_, spoil) => {
    const [main, mirror] = [await start(), await start()];
    await spoil(mirror);
    const all = mirrored(main.repository, [mirror.repository]);
    expect(Buffer.compare(await read(all.fetch(d)), blob)).toBe(0);
  });

  // What is fetched as a range that is the whole is not verified by who gives it, but by who asked.
  it.each([undefined, { offset: 0, length: d.size }])(
    "one that sends other bytes is found out, named, and not asked again (%o)",
    async (range) => {
      const [main, mirror] = [await start(), await start({ corruptByteAt: 5 })];
      const told: string[] = [];
      const all = mirrored(main.repository, [mirror.repository], {
        onWarning: (text) => told.push(text),
      });
      const wrong = await failure(read(all.fetch(d, { range })));
      expect(wrong.code).toBe("CTXPACK_E_DIGEST_MISMATCH");
      expect(told.join()).toContain(mirror.server.host);
      expect(Buffer.compare(await read(all.fetch(d, { range })), blob)).toBe(0);
    },
  );

  it("one that gave a wrong end of a blob is not asked for the whole", async () => {
    const [main, mirror] = [await start(), await start({ corruptByteAt: 2_000_000 })];
    const all = mirrored(main.repository, [mirror.repository]);
    // Somebody goes on with what they kept, finds it wrong, and begins anew.
    const end = await read(all.fetch(d, { range: { offset: 1_000_000, length: 2_000_000 } }));
    expect(Buffer.compare(end, blob.subarray(1_000_000))).not.toBe(0);
    expect(Buffer.compare(await read(all.fetch(d)), blob)).toBe(0);
  });

  it("one that sends too much or too little is passed over", async () => {
    for (const faults of [{ trailingBytes: 9 }, { shortBody: 9 }, { gzipEncoding: true }]) {
      const [main, mirror] = [await start(), await start(faults)];
      const all = mirrored(main.repository, [mirror.repository]);
      expect(Buffer.compare(await read(all.fetch(d)), blob)).toBe(0);
    }
  });

  it("answer for tags with a warning while the registry is down", async () => {
    const [main, mirror] = [await start(), await start()];
    const root = await push(mirror.repository, "x");
    await mirror.repository.tag(root, "v");
    await main.server[Symbol.asyncDispose]();
    const told: string[] = [];
    const all = mirrored(main.repository, [mirror.repository], {
      onWarning: (text) => told.push(text),
    });
    expect((await all.resolve("v")).digest).toBe(root.digest);
    expect(told.join()).toContain("cannot be reached");
    const silent = mirrored(main.repository, [mirror.repository], { tags: false });
    expect((await failure(silent.resolve("v"))).code).toBe("CTXPACK_E_UNAVAILABLE");
    expect((await silent.resolve(root.digest)).digest).toBe(root.digest);
  });
});
