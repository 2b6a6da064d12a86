import { createHash } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  missingProgram,
  type Relay,
  startDockerRegistry,
  startNginx,
} from "../../../test-tools/src/index.ts";
import { startRelay } from "../../../test-tools/src/relay.ts";
import { staticCredentials } from "../../src/auth/credential.ts";
import { type Blob, blobOf, MiB, uploaderTo } from "./uploading.ts";

async function registryWith(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const registry = await startDockerRegistry(options);
  onTestFinished(() => registry[Symbol.asyncDispose]());
  return registry;
}

/** Reads a blob back without us. */
async function expectStored(origin: string, { descriptor }: Blob): Promise<void> {
  const answer = await fetch(`${origin}/v2/a/b/blobs/${descriptor.digest}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  expect(bytes.length).toBe(descriptor.size);
  const hex = createHash("sha256").update(bytes).digest("hex");
  expect(`sha256:${hex}`).toBe(descriptor.digest);
}

/** A relay whose first `times` connections that carry a body are reset after so many bytes of it. */
async function breaking(port: number, after: number, times: number): Promise<Relay> {
  let left = times;
  const relay = await startRelay({ port }, ({ client, server }, count) => {
    let up = 0;
    client.on("data", (chunk: Buffer) => {
      count("up", chunk.length);
      up += chunk.length;
      if (up > after && left > 0) {
        left--;
        client.resetAndDestroy();
        server.destroy();
      } else if (!server.write(chunk)) {
        client.pause();
        server.once("drain", () => client.resume());
      }
    });
    client.on("end", () => server.end());
    server.on("data", (chunk: Buffer) => {
      count("down", chunk.length);
      client.write(chunk);
    });
    server.on("end", () => client.end());
  });
  onTestFinished(() => relay[Symbol.asyncDispose]());
  return relay;
}

describe.skipIf(missingProgram("docker-registry"))("Debian's docker-registry", () => {
  it.each([
    ["put", {}],
    ["stream", { relativeUrls: true }],
    ["chunks", { relativeUrls: true }],
  ] as const)("takes a blob by %s", async (upload, options) => {
    const registry = await registryWith(options);
    const { uploader } = uploaderTo(registry.host, { upload, chunkSize: MiB });
    for (const size of [0, 1, MiB, 3 * MiB + 7]) {
      const blob = blobOf(size);
      expect(await uploader.push(blob.descriptor, blob.source)).toBe("uploaded");
      await expectStored(registry.origin, blob);
    }
  });

  it("lets a blob be taken over from another repository", async () => {
    const registry = await registryWith();
    const { uploader } = uploaderTo(registry.host);
    const blob = blobOf(MiB);
    const { descriptor, source } = blob;
    const mountFrom = ["c/d"];
    // It is not there: the mount's answer is a session.
    expect(await uploader.push(descriptor, source, { mountFrom })).toBe("uploaded");
    const start = await fetch(
      `${registry.origin}/v2/c/d/blobs/uploads/?mount=${descriptor.digest}&from=a/b`,
      { method: "POST" },
    );
    expect(start.status).toBe(201);
    const other = blobOf(1000);
    expect(await uploader.push(other.descriptor, other.source, { mountFrom })).toBe("uploaded");
    expect(await uploader.push(descriptor, source, { mountFrom })).toBe("mounted");
  });

  it.each([
    ["put", 2],
    ["chunks", 2],
  ] as const)(
    "gets a blob whole when the connection breaks in the middle of %s",
    async (upload, times) => {
      const registry = await registryWith();
      const relay = await breaking(registry.port, 3 * MiB, times);
      // Absolute locations name the host that was asked: the relay.
      const { uploader } = uploaderTo(relay.host, { upload, chunkSize: 4 * MiB });
      const blob = blobOf(12 * MiB);
      await uploader.push(blob.descriptor, blob.source);
      await expectStored(registry.origin, blob);
      expect(relay.bytes.up).toBeGreaterThan(12 * MiB + times * 3 * MiB);
      expect(relay.bytes.up).toBeLessThan(3 * 12 * MiB);
    },
  );

  it("takes no more than three times the blob over a connection that always breaks", async () => {
    const registry = await registryWith();
    const relay = await breaking(registry.port, MiB, Number.POSITIVE_INFINITY);
    const { uploader } = uploaderTo(relay.host);
    const { descriptor, source } = blobOf(12 * MiB);
    await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      message: expect.stringContaining(descriptor.digest),
      details: { reason: expect.any(String) },
    });
    expect(relay.bytes.up).toBeLessThan(3 * 12 * MiB);
  });

  it.skipIf(missingProgram("openssl"))("takes pieces for longer than a token lives", async () => {
    const users = { bob: "pw" };
    const registry = await registryWith({ auth: { kind: "token", users, ttl: 1 } });
    const credentials = staticCredentials({
      [registry.host]: { kind: "basic", username: "bob", password: "pw" },
    });
    const { uploader } = uploaderTo(
      registry.host,
      { upload: "chunks", chunkSize: MiB },
      { credentials },
    );
    const { descriptor, bytes } = blobOf(3 * MiB);
    let reads = 0;
    const source = {
      size: bytes.length,
      async *open(offset = 0, length = bytes.length - offset) {
        // distribution takes a token for 60 s longer; that a new one is asked for is what shows here.
        if (reads++ > 0) await new Promise((resolve) => setTimeout(resolve, 1200));
        yield bytes.subarray(offset, offset + length);
      },
    };
    expect(await uploader.push(descriptor, source)).toBe("uploaded");
    expect(registry.tokenServer?.calls.length).toBeGreaterThan(1);
  });
});

describe.skipIf(missingProgram("docker-registry", "nginx"))("nginx before a registry", () => {
  it("that takes a megabyte at a time gets the blob in pieces", async () => {
    const registry = await registryWith({ relativeUrls: true });
    const nginx = await startNginx(registry.origin, { maxBody: MiB });
    onTestFinished(() => nginx[Symbol.asyncDispose]());
    const { uploader } = uploaderTo(nginx.host);
    for (const _ of [1, 2]) {
      const blob = blobOf(9 * MiB);
      await uploader.push(blob.descriptor, blob.source);
      await expectStored(registry.origin, blob);
    }
  });

  it("that takes less says that its limit is to be raised", async () => {
    const registry = await registryWith();
    const nginx = await startNginx(registry.origin, { maxBody: 1000 });
    onTestFinished(() => nginx[Symbol.asyncDispose]());
    const { uploader } = uploaderTo(nginx.host);
    const { descriptor, source } = blobOf(500_000);
    const error = await uploader.push(descriptor, source).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: "CTXPACK_E_UNSUPPORTED",
      message: expect.stringMatching(/: 413 \(a web page: a proxy/),
      hint: expect.stringContaining("raise its limit"),
    });
  });

  it("that wants us to wait is waited for", async () => {
    const registry = await registryWith();
    const nginx = await startNginx(registry.origin, { requestsPerSecond: 2 });
    onTestFinished(() => nginx[Symbol.asyncDispose]());
    const { uploader } = uploaderTo(nginx.host);
    const blobs = [blobOf(1000), blobOf(1000)];
    await Promise.all(blobs.map((blob) => uploader.push(blob.descriptor, blob.source)));
    for (const blob of blobs) await expectStored(registry.origin, blob);
  });
});
