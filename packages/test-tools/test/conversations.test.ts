import { describe, expect, it } from "vitest";
import { digestOf, type Faults, startFaultRegistry } from "../src/index.ts";

const text = "0123456789";
const blob = digestOf(Buffer.from(text));
const blobPath = `blobs/${blob}`;

describe("uploads in chunks", () => {
  /** Sends chunks with PATCH and ends with an empty PUT: statuses, the last Range, what is kept. */
  async function upload(faults: Faults, ...chunks: readonly string[]) {
    await using registry = await startFaultRegistry(faults);
    const begun = await fetch(`${registry.origin}/v2/r/blobs/uploads/`, { method: "POST" });
    let location = begun.headers.get("location") ?? "";
    const statuses: number[] = [];
    let range: string | null = null;
    let at = 0;
    for (const body of chunks) {
      const headers = { "Content-Range": `${at}-${at + body.length - 1}` };
      const answer = await fetch(location, { method: "PATCH", body, headers });
      await answer.body?.cancel();
      location = answer.headers.get("location") ?? location;
      range = answer.headers.get("range");
      statuses.push(answer.status);
      at += body.length;
    }
    const digest = digestOf(Buffer.from(chunks.join("")));
    statuses.push((await fetch(`${location}&digest=${digest}`, { method: "PUT" })).status);
    return { statuses, range, kept: registry.blobs("r").get(digest)?.toString() };
  }

  it("are kept, or refused as told", async () => {
    const chunks = ["0123", "45", "6789"] as const;
    const fine = { statuses: [202, 202, 202, 201], range: "0-9", kept: text };
    expect(await upload({}, ...chunks)).toEqual(fine);
    expect(await upload({ staleRange: true }, ...chunks)).toEqual({ ...fine, range: "0-3" });
    const created = { ...fine, statuses: [201, 201, 201, 201] };
    expect(await upload({ patchStatus: 201 }, ...chunks)).toEqual(created);
    expect((await upload({ keepLastChunkOnly: true }, ...chunks)).kept).toBe("6789");
    expect((await upload({ chunkMin: 4 }, ...chunks)).statuses).toEqual([202, 202, 400, 400]);
    expect((await upload({ chunkMax: 3 }, ...chunks)).statuses).toEqual([413, 416, 413, 400]);
    expect((await upload({ patch416Over: 3 }, "0123")).statuses).toEqual([416, 400]);
  });

  it("are appended blindly where order does not matter", async () => {
    await using registry = await startFaultRegistry({ strictOrder: false, singlePutMax: 3 });
    const begun = await fetch(`${registry.origin}/v2/r/blobs/uploads/`, { method: "POST" });
    const headers = { "Content-Range": "7-9" };
    const location = begun.headers.get("location") ?? "";
    const answer = await fetch(location, { method: "PATCH", body: "abc", headers });
    expect([answer.status, answer.headers.get("range")]).toEqual([202, "0-2"]);
    const end = `${answer.headers.get("location")}&digest=${blob}`;
    const refused = await fetch(end, { method: "PUT", body: "long" });
    expect([refused.status, refused.headers.get("content-type")]).toEqual([413, "text/html"]);
  });
});

describe("tokens", () => {
  it("come for the last scope only, by GET only, or as an identity", async () => {
    await using registry = await startFaultRegistry({ auth: "bearer", lastScopeOnly: true });
    registry.putBlob("a", text);
    const form = {
      grant_type: "refresh_token",
      refresh_token: registry.refreshToken("alice"),
      scope: "repository:a:pull repository:b:pull",
    };
    const post = { method: "POST", body: new URLSearchParams(form) };
    const answer = await fetch(`${registry.origin}/token`, post);
    const { access_token } = (await answer.json()) as { access_token: string };
    const headers = { authorization: `Bearer ${access_token}` };
    expect((await fetch(`${registry.origin}/v2/a/${blobPath}`, { headers })).status).toBe(401);
    expect((await fetch(`${registry.origin}/v2/b/${blobPath}`, { headers })).status).toBe(404);
    expect(registry.tokenRequests).toEqual([
      {
        method: "POST",
        service: undefined,
        scopes: ["repository:b:pull"],
        grantType: "refresh_token",
        user: "alice",
      },
    ]);
    registry.faults.tokenPost = false;
    expect((await fetch(`${registry.origin}/token`, post)).status).toBe(404);
    registry.faults.insufficientScope = { times: 1 };
    expect((await fetch(`${registry.origin}/v2/b/${blobPath}`, { headers })).status).toBe(401);
    expect((await fetch(`${registry.origin}/v2/b/${blobPath}`, { headers })).status).toBe(404);
  });
});

it("a stalled body stays open and silent, one with a login page is no index", async () => {
  await using registry = await startFaultRegistry({ stallBodyAfter: { bytes: 4, times: 1 } });
  registry.putBlob("r", text);
  const url = `${registry.origin}/v2/r/${blobPath}`;
  const stalled = await fetch(url, { signal: AbortSignal.timeout(150) });
  await expect(stalled.text()).rejects.toThrow(/timeout/i);
  expect(await (await fetch(url)).text()).toBe(text);
  registry.faults.referrersHtml = true;
  const page = await fetch(`${registry.origin}/v2/r/referrers/${blob}`);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html"]);
});

it("a CDN refuses who sends it credentials", async () => {
  await using registry = await startFaultRegistry({
    redirectBlobs: true,
    cdnRejectsAuthorization: true,
  });
  registry.putBlob("r", text);
  const url = `${registry.origin}/v2/r/${blobPath}`;
  const target = (await fetch(url, { redirect: "manual" })).headers.get("location") ?? "";
  expect((await fetch(target, { headers: { authorization: "Basic eA==" } })).status).toBe(400);
  expect((await fetch(target)).status).toBe(200);
  expect(registry.cdn.received("authorization")).toEqual(["Basic eA=="]);
});

it("a dripping body takes its time", async () => {
  await using registry = await startFaultRegistry({ drip: 50 });
  registry.putBlob("r", text);
  const before = performance.now();
  expect(await (await fetch(`${registry.origin}/v2/r/${blobPath}`)).text()).toBe(text);
  // Five pieces with a pause of 40 ms after each: it cannot be earlier.
  expect(performance.now() - before).toBeGreaterThan(150);
});
