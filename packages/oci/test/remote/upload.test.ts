import { CtxPackError } from "@ctxpack/identity";
import type { BlobSource } from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { blobFrom, blobOf, conversation, faulty, MiB, traffic } from "./uploading.ts";

const CHUNKS = { upload: "chunks", chunkSize: MiB } as const;
const ALICE = { kind: "basic", username: "alice", password: "s3cret" } as const;

describe("an upload", () => {
  it("is one PUT, with all that a registry needs to know beforehand", async () => {
    const { registry, uploader } = await faulty({});
    const blob = blobOf(3 * MiB);
    expect(await uploader.push(blob.descriptor, blob.source)).toBe("uploaded");
    expect(conversation(registry)).toBe("POST 202, PUT 201");
    const [post, put] = registry.requests;
    expect(post?.headers["content-length"]).toBe("0");
    expect(put?.headers).toMatchObject({
      "content-length": String(3 * MiB),
      "content-type": "application/octet-stream",
    });
    expect(put?.headers["content-range"]).toBeUndefined();
    expect(put?.url).toContain("?_state=0&digest=sha256%3A");
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
    expect(registry.sessions()).toBe(0);
  });

  it("may be empty", async () => {
    for (const upload of ["put", "stream", "chunks"] as const) {
      const { registry, uploader } = await faulty({}, { upload });
      const blob = blobOf(0);
      await uploader.push(blob.descriptor, blob.source);
      expect(conversation(registry)).toBe("POST 202, PUT 201");
    }
  });

  it("is one PATCH and an empty PUT where that is wanted", async () => {
    const { registry, uploader } = await faulty({}, { upload: "stream" });
    const blob = blobOf(3 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(conversation(registry)).toBe("POST 202, PATCH 202, PUT 201");
    expect(registry.requests[1]?.headers["content-length"]).toBe(String(3 * MiB));
    expect(registry.requests[2]?.headers["content-length"]).toBe("0");
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
  });

  it("is cut into pieces where that is wanted, the last one in the PUT", async () => {
    const { registry, uploader } = await faulty({}, CHUNKS);
    const blob = blobOf(2 * MiB + 5);
    await uploader.push(blob.descriptor, blob.source);
    expect(conversation(registry)).toBe("POST 202, PATCH 202, PATCH 202, PUT 201, HEAD 200");
    expect(registry.requests.slice(1, 4).map(({ headers }) => headers["content-range"])).toEqual([
      `0-${MiB - 1}`,
      `${MiB}-${2 * MiB - 1}`,
      `${2 * MiB}-${2 * MiB + 4}`,
    ]);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
  });

  it.each([
    ["longer ones", { chunkMin: 2 * MiB }, 2 * MiB],
    ["shorter ones", { chunkMax: 500_000 }, 500_000],
  ])("is cut into %s if the registry says so", async (_, faults, size) => {
    const { registry, uploader } = await faulty(faults, CHUNKS);
    const blob = blobOf(5 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(registry.requests[1]?.headers["content-length"]).toBe(String(size));
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
    expect(traffic(registry)).toBe(5 * MiB);
  });

  it("is not cut into pieces without number", async () => {
    const { registry, uploader } = await faulty({ chunkMax: 1 }, CHUNKS);
    const blob = blobOf(MiB);
    const error = await uploader.push(blob.descriptor, blob.source).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "CTXPACK_E_PROTOCOL" });
    expect(conversation(registry)).toBe("POST 202, DELETE 204");
  });

  it("reports what was handed to the network", async () => {
    const { uploader } = await faulty({}, CHUNKS);
    const blob = blobOf(3 * MiB);
    const done: number[] = [];
    await uploader.push(blob.descriptor, blob.source, {
      onProgress(event) {
        expect(event).toMatchObject({
          phase: "blob",
          unit: "bytes",
          total: 3 * MiB,
          name: blob.descriptor.digest,
        });
        done.push(event.done);
      },
    });
    expect(done[0]).toBe(0);
    expect(done.at(-1)).toBe(3 * MiB);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.length).toBeGreaterThan(6);
  });

  it("of the same blob twice at once happens once", async () => {
    const { registry, uploader } = await faulty({});
    const blob = blobOf(MiB);
    const pushes = Array.from({ length: 5 }, () => uploader.push(blob.descriptor, blob.source));
    expect(await Promise.all(pushes)).toEqual(Array(5).fill("uploaded"));
    expect(conversation(registry)).toBe("POST 202, PUT 201");
  });

  it("that fails lets whoever waited for it try", async () => {
    const { registry, uploader } = await faulty({});
    const blob = blobOf(MiB);
    const bad: BlobSource = {
      size: MiB,
      // biome-ignore lint/correctness/useYield: it fails before
      async *open() {
        throw new Error("unreadable");
      },
    };
    const pushes = [bad, blob.source, blob.source].map((s) => uploader.push(blob.descriptor, s));
    const [first, ...others] = await Promise.allSettled(pushes);
    expect(first).toMatchObject({ status: "rejected", reason: { message: "unreadable" } });
    expect(others.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    // One session for the one that failed, one for the others together.
    expect(registry.requests.filter(({ method }) => method === "POST")).toHaveLength(2);
  });
});

describe("a mount", () => {
  it("saves sending the blob", async () => {
    const { registry, uploader } = await faulty({});
    const blob = blobOf(MiB);
    registry.putBlob("other/repo", blob.bytes);
    const mountFrom = ["a/b", "other/repo"];
    expect(await uploader.push(blob.descriptor, blob.source, { mountFrom })).toBe("mounted");
    expect(conversation(registry)).toBe("POST 201");
    expect(registry.requests[0]?.url).toContain("from=other%2Frepo");
  });

  it("that is answered with a session is an upload in it", async () => {
    const { registry, uploader } = await faulty({ mount: 202 });
    const blob = blobOf(MiB);
    const mountFrom = ["other/repo", "another/repo"];
    expect(await uploader.push(blob.descriptor, blob.source, { mountFrom })).toBe("uploaded");
    expect(conversation(registry)).toBe("POST 202, PUT 201");
  });

  it.each([401, 403] as const)(
    "that is denied by %i is no end, and not asked again",
    async (mount) => {
      const { registry, uploader } = await faulty({ mount });
      const mountFrom = ["x/1", "x/2", "x/3"];
      for (const blob of [blobOf(MiB), blobOf(MiB)]) {
        expect(await uploader.push(blob.descriptor, blob.source, { mountFrom })).toBe("uploaded");
        expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
      }
      const froms = registry.requests
        .map(({ url }) => /from=x%2F(\d)/.exec(url)?.[1])
        .filter(Boolean);
      expect(froms).toEqual(["1", "2", "3"]);
    },
  );
});

describe("a registry that", () => {
  it("takes no large body gets small ones, also of the next blob", async () => {
    const { registry, uploader } = await faulty({ singlePutMax: MiB, chunkMax: undefined });
    const blob = blobOf(3 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
    const refused = registry.requests.filter(({ status }) => status === 413).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThanOrEqual(3);
    const next = blobOf(3 * MiB);
    await uploader.push(next.descriptor, next.source);
    expect(registry.requests.filter(({ status }) => status === 413)).toHaveLength(refused);
    expect(registry.blobs("a/b").get(next.descriptor.digest)).toEqual(next.bytes);
  });

  it("takes no large body and no pieces says what to do", async () => {
    const { registry, uploader } = await faulty({ singlePutMax: MiB }, { multiPatch: false });
    const { descriptor, source } = blobOf(3 * MiB);
    const error = await uploader.push(descriptor, source).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: "CTXPACK_E_UNSUPPORTED",
      hint: expect.stringContaining("raise its limit"),
      details: { status: 413, digest: descriptor.digest },
    });
    expect((error as Error).message).toContain(`${registry.host}/a/b: blob ${descriptor.digest}`);
    expect((error as Error).message).not.toContain("_state");
    expect(conversation(registry)).toBe("POST 202, PUT 413, DELETE 204");
  });

  it("takes not even a megabyte says so after a few tries", async () => {
    const { registry, uploader } = await faulty({ singlePutMax: 1000, patch416Over: 1000 });
    const blob = blobOf(20 * MiB);
    const error = await uploader.push(blob.descriptor, blob.source).catch((e: unknown) => e);
    expect(error).toMatchObject({ details: { status: 416 } });
    expect(registry.requests.length).toBeLessThan(10);
    expect(traffic(registry)).toBeLessThan(60 * MiB);
    expect(registry.sessions()).toBe(0);
  });

  it.each(["stream", "chunks"] as const)(
    "finds a PATCH too large with 416 gets smaller ones (%s)",
    async (upload) => {
      const limits = { upload, chunkSize: 8 * MiB };
      const { registry, uploader } = await faulty({ patch416Over: 2 * MiB }, limits);
      const blob = blobOf(9 * MiB);
      await uploader.push(blob.descriptor, blob.source);
      expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
      // 8, 4 and at most 9 MiB were refused; nobody was asked for the status of the session.
      expect(registry.requests.filter(({ status }) => status === 416).length).toBeLessThan(5);
      expect(registry.requests.filter(({ method }) => method === "GET")).toEqual([]);
    },
  );

  it("answers a PATCH with 201 and a Range that stays behind is believed to have it all", async () => {
    const { registry, uploader } = await faulty({ patchStatus: 201, staleRange: true }, CHUNKS);
    const blob = blobOf(4 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(conversation(registry)).toBe(
      "POST 202, PATCH 201, PATCH 201, PATCH 201, PUT 201, HEAD 200",
    );
    expect(traffic(registry)).toBe(4 * MiB);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
  });

  it("keeps the last piece only gets the blob whole, and so the next", async () => {
    const { registry, uploader } = await faulty({ keepLastChunkOnly: true }, CHUNKS);
    const [one, two] = [blobOf(3 * MiB), blobOf(3 * MiB)];
    await uploader.push(one.descriptor, one.source);
    expect(registry.blobs("a/b").get(one.descriptor.digest)).toEqual(one.bytes);
    const before = registry.requests.length;
    await uploader.push(two.descriptor, two.source);
    expect(conversation(registry).split(", ").slice(before)).toEqual(["POST 202", "PUT 201"]);
    expect(traffic(registry)).toBe(9 * MiB);
  });

  it("breaks off goes on where it was", async () => {
    const { registry, uploader } = await faulty({ dropUploadAfter: { bytes: 2 * MiB, times: 1 } });
    const blob = blobOf(4 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
    expect(conversation(registry)).toBe("POST 202, PUT 0, GET 204, PUT 201, HEAD 200");
    expect(registry.requests[3]?.headers["content-range"]).toBe(`${2 * MiB}-${4 * MiB - 1}`);
  });

  it("loses the session when it breaks off gets it all again", async () => {
    const { registry, uploader } = await faulty({
      dropUploadAfter: { bytes: 2 * MiB, times: 2 },
      sessionLostOnBreak: true,
    });
    const blob = blobOf(4 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
    expect(registry.requests.filter(({ method }) => method === "POST")).toHaveLength(3);
    expect(traffic(registry)).toBeLessThan(10 * MiB);
  });

  it.each([
    ["PUT", {}],
    ["PATCH", CHUNKS],
  ])("always loses the session in a %s is given up after three", async (_, profile) => {
    const faults = {
      dropUploadAfter: { bytes: 1000, times: Infinity },
      sessionLostOnBreak: true,
    };
    const { registry, uploader } = await faulty(faults, profile);
    const { descriptor, source } = blobOf(4 * MiB);
    const error = await uploader.push(descriptor, source).catch((e: unknown) => e);
    // The broken connection is the reason, not the lost session.
    expect(error).toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      details: { digest: descriptor.digest },
    });
    expect(registry.requests.filter(({ method }) => method === "POST")).toHaveLength(3);
    expect(registry.requests.length).toBeLessThan(15);
  });

  it("breaks off every time ends after as many attempts as the policy allows", async () => {
    const { registry, uploader } = await faulty({ dropUploadAfter: { bytes: 0, times: Infinity } });
    const { descriptor, source } = blobOf(12 * MiB);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
    });
    const bodies = registry.requests.filter(({ method }) => method === "PUT" || method === "PATCH");
    expect(bodies).toHaveLength(5);
    // A long body that failed twice is sent in pieces.
    expect(bodies.map(({ method }) => method)).toEqual(["PUT", "PUT", "PATCH", "PATCH", "PATCH"]);
    expect(registry.sessions()).toBe(0);
  });

  it("breaks off gets it all again where pieces do not work", async () => {
    const { registry, uploader } = await faulty(
      { dropUploadAfter: { bytes: 2 * MiB, times: 1 } },
      { multiPatch: false },
    );
    const blob = blobOf(4 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(conversation(registry)).toBe("POST 202, PUT 0, GET 204, DELETE 204, POST 202, PUT 201");
  });

  it("breaks off more often than the policy allows is borne while it goes on", async () => {
    const faults = { dropUploadAfter: { bytes: MiB / 2, times: 9 } };
    const { registry, uploader } = await faulty(faults, CHUNKS);
    const blob = blobOf(8 * MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(registry.faults.dropUploadAfter?.times).toBe(0);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
    expect(traffic(registry)).toBeLessThan(13 * MiB);
  });

  it("gives tokens for a second gets a new one in the middle", async () => {
    const credentials = { get: async () => ({ credential: ALICE, source: "test" }) };
    const faults = { auth: "bearer", tokenTtl: 1 } as const;
    const { registry, uploader } = await faulty(faults, CHUNKS, { credentials });
    const blob = blobOf(3 * MiB);
    let wasSlow = false;
    const source: BlobSource = {
      size: 3 * MiB,
      async *open(offset, length) {
        // While it is read, the token that goes with it runs out.
        if (offset === MiB && !wasSlow) await new Promise((resolve) => setTimeout(resolve, 1100));
        if (offset === MiB) wasSlow = true;
        yield* blob.source.open(offset, length);
      },
    };
    await uploader.push(blob.descriptor, source);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
    expect(registry.tokenRequests.length).toBeGreaterThan(1);
    const tokens = registry.requests.flatMap(({ headers }) => headers.authorization ?? []);
    expect(new Set(tokens).size).toBeGreaterThan(1);
  });

  it.each([500, 503, 408])("answers %i now and then is asked again", async (status) => {
    const on = /^(?:PUT|POST|GET)/;
    const { registry, uploader } = await faulty({ serverErrors: { status, times: 3, on } });
    const blob = blobOf(MiB);
    await uploader.push(blob.descriptor, blob.source);
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
  });

  it.each([
    ["POST", 5],
    ["PUT", 5],
  ])("answers every %s with 503 is asked five times", async (method, times) => {
    const on = new RegExp(`^${method}`);
    const { registry, uploader } = await faulty({ serverErrors: { status: 503, times: 99, on } });
    const { descriptor, source } = blobOf(MiB);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      details: { status: 503 },
    });
    expect(registry.requests.filter((r) => r.method === method)).toHaveLength(times);
    expect(registry.requests.length).toBeLessThanOrEqual(2 * times + 2);
  });

  it("wants us to wait is waited for, and not for too long", async () => {
    const rateLimit = { times: 1, retryAfter: 1, on: /^PUT/ };
    const { registry, uploader } = await faulty({ rateLimit });
    const blob = blobOf(MiB);
    const started = performance.now();
    await uploader.push(blob.descriptor, blob.source);
    expect(performance.now() - started).toBeGreaterThan(900);
    // Nothing had come in: nobody needs to ask how much.
    expect(conversation(registry)).toBe("POST 202, PUT 429, PUT 201");
    registry.faults.rateLimit = { times: 1, retryAfter: 3600, on: /^PUT/ };
    const { descriptor, source } = blobOf(MiB);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      hint: "try again in 3600 s",
    });
    expect(registry.sessions()).toBe(0);
  });

  it.each([403, 405, 415, 501])("says no with %i is asked once", async (status) => {
    const { registry, uploader } = await faulty({
      serverErrors: { status, times: 99, on: /^PUT/ },
    });
    const { descriptor, source } = blobOf(MiB);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({ details: { status } });
    expect(conversation(registry)).toBe(`POST 202, PUT ${status}, DELETE 204`);
  });
});

describe("a source", () => {
  it("that has changed is told from a registry that is wrong", async () => {
    for (const profile of [{}, CHUNKS]) {
      const { registry, uploader } = await faulty({}, profile);
      const blob = blobOf(2 * MiB);
      const other = blobFrom(Buffer.concat([Buffer.from("x"), blob.bytes.subarray(1)]));
      const error = await uploader.push(blob.descriptor, other.source).catch((e: unknown) => e);
      expect(error).toMatchObject({
        code: "CTXPACK_E_DIGEST_MISMATCH",
        message: expect.stringContaining("changed while it was sent"),
      });
      expect(registry.requests.filter(({ method }) => method === "PUT")).toHaveLength(1);
      expect(registry.blobs("a/b").size).toBe(0);
    }
  });

  it("that fails is not tried again, and its error comes out as it is", async () => {
    for (const profile of [{}, { upload: "stream" }, CHUNKS] as const) {
      const { registry, uploader } = await faulty({}, profile);
      const { descriptor } = blobOf(2 * MiB);
      // Its code is one that a network has too.
      const failure = Object.assign(new Error("read failed"), { code: "ECONNRESET" });
      let opened = 0;
      const source: BlobSource = {
        size: 2 * MiB,
        async *open() {
          opened++;
          yield new Uint8Array(1000);
          throw failure;
        },
      };
      await expect(uploader.push(descriptor, source)).rejects.toBe(failure);
      expect(opened).toBe(1);
      expect(registry.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
      expect(registry.sessions()).toBe(0);
    }
  });

  it.each([
    ["short", 2 * MiB - 1],
    ["long", 2 * MiB + 1],
  ])("that is too %s is no other blob", async (_, size) => {
    const { registry, uploader } = await faulty({});
    const { descriptor, bytes } = blobOf(2 * MiB);
    const source: BlobSource = {
      size: 2 * MiB,
      async *open() {
        yield Buffer.concat([bytes, bytes]).subarray(0, size);
      },
    };
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_SIZE_MISMATCH",
      details: { expected: 2 * MiB, found: size },
    });
    expect(registry.blobs("a/b").size).toBe(0);
  });
});

describe("an abort", () => {
  it.each([
    ["put", {}],
    ["chunks", CHUNKS],
  ])("in the middle of %s ends the session", async (_, profile) => {
    const { registry, uploader } = await faulty({}, profile);
    const { descriptor, bytes } = blobOf(4 * MiB);
    const controller = new AbortController();
    const reason = new Error("enough");
    const source: BlobSource = {
      size: 4 * MiB,
      async *open(offset = 0, length = 4 * MiB - offset) {
        yield bytes.subarray(offset, offset + Math.min(length, 500_000));
        if (offset >= 2 * MiB || length > 2 * MiB) controller.abort(reason);
        yield bytes.subarray(offset + 500_000, offset + length);
      },
    };
    const { signal } = controller;
    await expect(uploader.push(descriptor, source, { signal })).rejects.toBe(reason);
    expect(registry.requests.some(({ method }) => method === "DELETE")).toBe(true);
    expect(registry.sessions()).toBe(0);
    // Nothing is left that keeps the next one from going through.
    const blob = blobOf(MiB);
    await uploader.push(blob.descriptor, blob.source);
  });

  it("of one who waits leaves the other alone", async () => {
    const { registry, uploader } = await faulty({});
    const blob = blobOf(4 * MiB);
    const first = uploader.push(blob.descriptor, blob.source);
    const signal = AbortSignal.abort(new CtxPackError("CTXPACK_E_TIMEOUT", "too late"));
    await expect(uploader.push(blob.descriptor, blob.source, { signal })).rejects.toBe(
      signal.reason,
    );
    expect(await first).toBe("uploaded");
    expect(conversation(registry)).toBe("POST 202, PUT 201");
  });
});
