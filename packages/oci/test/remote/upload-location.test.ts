import type { Digest } from "@ctxpack/identity";
import { describe, expect, it, onTestFinished } from "vitest";
import { startFaultRegistry, startSink } from "../../../test-tools/src/index.ts";
import { staticCredentials } from "../../src/auth/credential.ts";
import { uploadLocation, withDigest } from "../../src/remote/upload-location.ts";
import { blobOf, uploaderTo } from "./uploading.ts";

const REGISTRY = new URL("https://reg.example");
const POST = new URL("https://reg.example/v2/a/b/blobs/uploads/");
const digest: Digest = `sha256:${"ab".repeat(32)}`;

function resolve(location: string | undefined, more: { from?: URL; allow?: boolean } = {}): string {
  const rules = { origin: REGISTRY, allowCrossHost: more.allow === true };
  return uploadLocation(location, more.from ?? POST, rules).href;
}

describe("the Location of an upload", () => {
  it.each([
    [
      "/v2/a/b/blobs/uploads/1?_state=x%2By%3D",
      "https://reg.example/v2/a/b/blobs/uploads/1?_state=x%2By%3D",
    ],
    ["1?_state=x", "https://reg.example/v2/a/b/blobs/uploads/1?_state=x"],
    ["?_state=x", "https://reg.example/v2/a/b/blobs/uploads/?_state=x"],
    ["https://reg.example/u/1", "https://reg.example/u/1"],
    ["https://reg.example:443/u/1", "https://reg.example/u/1"],
    ["https://REG.example/u/1#part", "https://reg.example/u/1"],
    ["//reg.example/u/1", "https://reg.example/u/1"],
    ["https://joe:secret@reg.example/u/1", "https://reg.example/u/1"],
  ])("%s is resolved", (location, url) => {
    expect(resolve(location)).toBe(url);
  });

  it.each([
    ["https://other.example/u/1"],
    ["https://reg.example:8443/u/1"],
    ["https://reg.example.evil/u/1"],
    ["//other.example/u/1"],
    ["https://169.254.169.254/latest?token=s3cret"],
  ])("%s is refused unless it is allowed", (location) => {
    expect(() => resolve(location)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PROTOCOL",
        message: expect.not.stringContaining("s3cret"),
        hint: expect.stringContaining("allowCrossHostUpload"),
      }),
    );
    expect(resolve(location, { allow: true })).toContain("https://");
  });

  it.each([
    [undefined],
    ["http://reg.example/u/1"],
    ["http://other.example/u/1"],
    ["ftp://reg.example/u/1"],
    ["file:///etc/passwd"],
    ["https://"],
  ])("%s is always refused", (location) => {
    for (const allow of [false, true]) {
      expect(() => resolve(location, { allow })).toThrow(
        expect.objectContaining({ code: "CTXPACK_E_PROTOCOL" }),
      );
    }
  });

  it("never leads back to plain http from another host", () => {
    const from = new URL("http://other.example/u/1");
    expect(() => resolve("/u/2", { from, allow: true })).toThrow(/without encryption/);
  });

  it("gets the digest beside what it has, which stays as it is", () => {
    const encoded = encodeURIComponent(digest);
    for (const [location, url] of [
      ["https://r/u", `https://r/u?digest=${encoded}`],
      ["https://r/u?_state=a+b%20c%2F==&x", `https://r/u?_state=a+b%20c%2F==&x&digest=${encoded}`],
    ] as const) {
      expect(withDigest(new URL(location), digest).href).toBe(url);
    }
  });
});

describe("an upload that is sent to another host", () => {
  const credentials = (host: string) =>
    staticCredentials({ [host]: { kind: "basic", username: "alice", password: "s3cret" } });

  it("does not go there, nor does anything else", async () => {
    const sink = await startSink({ status: 201 });
    const registry = await startFaultRegistry({ auth: "basic", foreignLocation: sink.origin });
    onTestFinished(async () => {
      await registry[Symbol.asyncDispose]();
      await sink[Symbol.asyncDispose]();
    });
    for (const upload of ["put", "chunks"] as const) {
      const { uploader } = uploaderTo(
        registry.host,
        { upload },
        { credentials: credentials(registry.host) },
      );
      const { descriptor, source } = blobOf(1000);
      await expect(uploader.push(descriptor, source)).rejects.toMatchObject({
        code: "CTXPACK_E_PROTOCOL",
        message: expect.stringContaining(sink.host),
      });
    }
    expect(sink.requests).toEqual([]);
  });

  it("goes there where that is allowed, without saying who asks", async () => {
    const sink = await startSink({ status: 201 });
    const registry = await startFaultRegistry({ auth: "basic", foreignLocation: sink.origin });
    onTestFinished(async () => {
      await registry[Symbol.asyncDispose]();
      await sink[Symbol.asyncDispose]();
    });
    const { uploader } = uploaderTo(
      registry.host,
      {},
      {
        credentials: credentials(registry.host),
        allowCrossHostUpload: true,
        headers: { "x-own": "own", cookie: "session=1" },
      },
    );
    const { descriptor, source } = blobOf(1000);
    await uploader.push(descriptor, source);
    expect(sink.requests.map(({ method, bytesIn }) => [method, bytesIn])).toEqual([["PUT", 1000]]);
    for (const header of ["authorization", "x-own", "cookie"]) {
      expect(sink.received(header), header).toEqual([]);
    }
    expect(sink.received("content-type")).toEqual(["application/octet-stream"]);
    expect(registry.requests.some(({ headers }) => headers["x-own"] === "own")).toBe(true);
  });
});
