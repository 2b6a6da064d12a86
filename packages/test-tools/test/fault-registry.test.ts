import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  digestOf,
  type FaultRegistry,
  missingProgram,
  removeReadOnly,
  scratchFolder,
  startFaultRegistry,
  startSink,
} from "../src/index.ts";

const TYPE = "application/vnd.oci.image.manifest.v1+json";
const run = promisify(execFile);

async function push(registry: FaultRegistry, repository: string, bytes: string): Promise<Response> {
  const begun = await fetch(`${registry.origin}/v2/${repository}/blobs/uploads/`, {
    method: "POST",
  });
  expect(begun.status).toBe(202);
  const location = `${begun.headers.get("location")}&digest=${digestOf(Buffer.from(bytes))}`;
  return await fetch(location, { method: "PUT", body: bytes });
}

function manifest(layers: readonly string[], subject?: string): string {
  const describeText = (text: string) => ({
    mediaType: "text/plain",
    digest: digestOf(Buffer.from(text)),
    size: text.length,
  });
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: TYPE,
    artifactType: "test/thing",
    config: describeText("{}"),
    layers: layers.map(describeText),
    ...(subject !== undefined && { subject: { mediaType: TYPE, digest: subject, size: 1 } }),
  });
}

async function putManifest(url: string, body: string): Promise<Response> {
  return await fetch(url, { method: "PUT", body, headers: { "Content-Type": TYPE } });
}

describe("a fault registry without faults", () => {
  it("takes a push, gives it back in full and in ranges, and forgets it", async () => {
    await using registry = await startFaultRegistry();
    const base = `${registry.origin}/v2/team/app`;
    expect((await fetch(`${registry.origin}/v2/`)).status).toBe(200);
    expect((await push(registry, "team/app", "hello world")).status).toBe(201);
    const early = await putManifest(`${base}/manifests/v1`, manifest(["hello world"]));
    expect(early.status).toBe(400);
    expect(await early.text()).toContain("MANIFEST_BLOB_UNKNOWN");
    await push(registry, "team/app", "{}");
    const put = await putManifest(`${base}/manifests/v1`, manifest(["hello world"]));
    expect(put.status).toBe(201);
    const digest = digestOf(Buffer.from(manifest(["hello world"])));
    expect(put.headers.get("docker-content-digest")).toBe(digest);
    const got = await fetch(`${base}/manifests/v1`);
    expect(got.headers.get("content-type")).toBe(TYPE);
    expect(await got.text()).toBe(manifest(["hello world"]));
    const blob = `${base}/blobs/${digestOf(Buffer.from("hello world"))}`;
    const head = await fetch(blob, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe("11");
    const part = await fetch(blob, { headers: { Range: "bytes=6-8" } });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([
      206,
      "bytes 6-8/11",
      "wor",
    ]);
    const beyond = await fetch(blob, { headers: { Range: "bytes=11-12" } });
    expect(beyond.status).toBe(416);
    expect((await fetch(`${base}/manifests/v1`, { method: "DELETE" })).status).toBe(202);
    expect((await fetch(`${base}/manifests/v1`)).status).toBe(404);
    expect((await fetch(`${base}/manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
    expect((await fetch(blob, { method: "DELETE" })).status).toBe(202);
    expect((await fetch(blob)).status).toBe(404);
  });

  it("takes chunks in order only, tells where it is, and cancels", async () => {
    await using registry = await startFaultRegistry();
    const url = `${registry.origin}/v2/a/blobs/uploads/`;
    let location = (await fetch(url, { method: "POST" })).headers.get("location") ?? "";
    const patch = async (range: string, body: string): Promise<Response> => {
      const headers = { "Content-Range": range };
      const answer = await fetch(location, { method: "PATCH", body, headers });
      location = answer.headers.get("location") ?? location;
      return answer;
    };
    expect((await patch("0-2", "abc")).headers.get("range")).toBe("0-2");
    expect((await patch("5-6", "fg")).status).toBe(416);
    expect((await patch("3-4", "de")).status).toBe(202);
    const status = await fetch(location);
    expect([status.status, status.headers.get("range")]).toEqual([204, "0-4"]);
    const end = `${location}&digest=${digestOf(Buffer.from("abcdef"))}`;
    const headers = { "Content-Range": "5-5" };
    expect((await fetch(end, { method: "PUT", body: "f", headers })).status).toBe(201);
    expect(
      registry
        .blobs("a")
        .get(digestOf(Buffer.from("abcdef")))
        ?.toString(),
    ).toBe("abcdef");
    const other = (await fetch(url, { method: "POST" })).headers.get("location") ?? "";
    expect((await fetch(other, { method: "DELETE" })).status).toBe(204);
    expect((await fetch(other)).status).toBe(404);
    expect(registry.sessions()).toBe(0);
    const wrong = (await fetch(url, { method: "POST" })).headers.get("location") ?? "";
    const lie = `${wrong}&digest=${digestOf(Buffer.from("x"))}`;
    expect((await fetch(lie, { method: "PUT", body: "y" })).status).toBe(400);
  });

  it("mounts, lists tags in pages and finds referrers", async () => {
    await using registry = await startFaultRegistry({ pageSize: 2 });
    const blob = registry.putBlob("from", "{}");
    const mounted = `${registry.origin}/v2/to/blobs/uploads/?mount=${blob}&from=from`;
    expect((await fetch(mounted, { method: "POST" })).status).toBe(201);
    const subject = registry.putManifest("to", Buffer.from(manifest([])), "c", "a", "b");
    let next: string | undefined = "/v2/to/tags/list";
    const tags: string[] = [];
    for (let pages = 0; next !== undefined && pages < 5; pages++) {
      const answer: Response = await fetch(registry.origin + next);
      tags.push(...((await answer.json()) as { tags: string[] }).tags);
      next = /^<(.*)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
    }
    expect(tags).toEqual(["a", "b", "c"]);
    const put = await putManifest(`${registry.origin}/v2/to/manifests/d`, manifest([], subject));
    expect(put.headers.get("oci-subject")).toBe(subject);
    const referrers = `${registry.origin}/v2/to/referrers/${subject}`;
    const found = await fetch(`${referrers}?artifactType=test/thing`);
    expect(found.headers.get("oci-filters-applied")).toBe("artifactType");
    expect(await found.json()).toMatchObject({ manifests: [{ artifactType: "test/thing" }] });
    const none = await fetch(`${referrers}?artifactType=other`);
    expect(await none.json()).toMatchObject({ manifests: [] });
  });

  it.skipIf(missingProgram("skopeo"))("serves skopeo", async () => {
    await using registry = await startFaultRegistry({ auth: "bearer" });
    const folder = scratchFolder();
    try {
      const config = registry.putBlob("made/here", "{}");
      registry.putBlob("made/here", "hello");
      const own = registry.putManifest("made/here", Buffer.from(manifest(["hello"])), "v1");
      const dir = `oci:${folder.path}/layout:v1`;
      const creds = ["--src-creds", "alice:s3cret", "--src-tls-verify=false"];
      await run("skopeo", ["copy", ...creds, `docker://${registry.host}/made/here:v1`, dir]);
      const to = ["--dest-creds", "alice:s3cret", "--dest-tls-verify=false"];
      await run("skopeo", ["copy", ...to, dir, `docker://${registry.host}/pushed:v2`]);
      expect(registry.tags("pushed").get("v2")).toBe(own);
      expect(registry.blobs("pushed").has(config)).toBe(true);
    } finally {
      removeReadOnly(folder.path);
    }
  });
});

describe("a fault", () => {
  async function faulty(faults: Parameters<typeof startFaultRegistry>[0]) {
    const registry = await startFaultRegistry(faults);
    const digest = registry.putBlob("r", "0123456789");
    return { registry, url: `${registry.origin}/v2/r/blobs/${digest}` };
  }

  it("of a body happens as often as was said", async () => {
    const { registry, url } = await faulty({ dropBodyAfter: { bytes: 4, times: 1 } });
    await using _ = registry;
    await expect(fetch(url).then((answer) => answer.text())).rejects.toThrow();
    expect(await (await fetch(url)).text()).toBe("0123456789");
    registry.faults.corruptByteAt = 3;
    expect(await (await fetch(url)).text()).toBe("0122456789");
    registry.faults.corruptByteAt = undefined;
    registry.faults.rangeOffByOne = true;
    const part = await fetch(url, { headers: { Range: "bytes=1-2" } });
    expect(part.headers.get("content-range")).toBe("bytes 1-3/10");
    registry.faults.serverErrors = { times: 1, status: 503, on: /^HEAD/ };
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(503);
    expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
  });

  it("of an upload ends the connection, and the session keeps what came", async () => {
    await using registry = await startFaultRegistry({ dropUploadAfter: { bytes: 3, times: 1 } });
    const begun = await fetch(`${registry.origin}/v2/a/blobs/uploads/`, { method: "POST" });
    const location = begun.headers.get("location") ?? "";
    await expect(fetch(location, { method: "PATCH", body: "abcdef" })).rejects.toThrow();
    expect((await fetch(location)).headers.get("range")).toBe("0-2");
    registry.faults.sessionLostOnBreak = true;
    expect((await fetch(location)).status).toBe(404);
  });

  it("of a CDN: signed URLs expire, and a foreign origin sees what it is sent", async () => {
    const { registry, url } = await faulty({ redirectBlobs: true, cdnExpiresAfter: 1 });
    await using _ = registry;
    const first = await fetch(url, { redirect: "manual" });
    const signed = first.headers.get("location") ?? "";
    expect(new URL(signed).host).toBe(registry.cdn.host);
    expect(await (await fetch(signed)).text()).toBe("0123456789");
    expect((await fetch(signed)).status).toBe(403);
    await using sink = await startSink();
    registry.faults.redirectBlobsTo = sink.origin;
    await fetch(url, { headers: { "X-Secret": "leaks" } });
    expect(sink.received("x-secret")).toEqual(["leaks"]);
  });

  it("of a token: it must be asked for, is for one scope and expires", async () => {
    const { registry, url } = await faulty({ auth: "bearer" });
    await using _ = registry;
    const refused = await fetch(url);
    expect(refused.headers.get("www-authenticate")).toBe(
      `Bearer realm="${registry.origin}/token",service="fault-registry",scope="repository:r:pull"`,
    );
    const authorization = `Basic ${btoa("alice:s3cret")}`;
    const ask = async (scope: string): Promise<string> => {
      const headers = { authorization };
      const answer = await fetch(`${registry.origin}/token?scope=${scope}`, { headers });
      return `Bearer ${((await answer.json()) as { token: string }).token}`;
    };
    const good = await ask("repository:r:pull");
    expect((await fetch(url, { headers: { authorization: good } })).status).toBe(200);
    const other = await fetch(url, { headers: { authorization: await ask("repository:s:pull") } });
    expect(other.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
    registry.faults.tokenTtl = 0;
    const old = await fetch(url, { headers: { authorization: await ask("repository:r:pull") } });
    expect(old.headers.get("www-authenticate")).toContain('error="invalid_token"');
    const wrong = { authorization: `Basic ${btoa("alice:no")}` };
    expect((await fetch(`${registry.origin}/token`, { headers: wrong })).status).toBe(401);
  });
});
