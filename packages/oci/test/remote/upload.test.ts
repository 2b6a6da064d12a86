import { CtxPackError } from "@ctxpack/identity";
import type { BlobSource } from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { blobFrom, blobOf, conversation, faulty, MiB, traffic } from "./uploading.ts";

const CHUNKS = { upload: "chunks", chunkSize: MiB } as const;
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
      // It is found out before the last byte is sent: there is nothing to refuse.
      const ended = registry.requests.filter(
        ({ method, status }) => method === "PUT" && status > 0,
      );
      expect(ended).toEqual([]);
      expect(registry.blobs("a/b").size).toBe(0);
    }
  });

  it("is hashed across its parts, also when one is sent again", async () => {
    const faults = { dropUploadAfter: { bytes: 100_000, times: 1 } };
    const { registry, uploader } = await faulty(faults, CHUNKS);
    const blob = blobOf(3 * MiB + 5);
    expect(await uploader.push(blob.descriptor, blob.source)).toBe("uploaded");
    expect(registry.blobs("a/b").get(blob.descriptor.digest)).toEqual(blob.bytes);
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
