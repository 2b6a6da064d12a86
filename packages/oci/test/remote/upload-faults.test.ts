import type { BlobSource } from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { blobOf, conversation, faulty, MiB, traffic } from "./uploading.ts";

const CHUNKS = { upload: "chunks", chunkSize: MiB } as const;
const ALICE = { kind: "basic", username: "alice", password: "s3cret" } as const;

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
