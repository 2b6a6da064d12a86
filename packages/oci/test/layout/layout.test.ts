import { readFileSync, statSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  bytesSource,
  type Descriptor,
  describeBytes,
  fileSource,
  OciLayout,
  pushBytes,
} from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { collect, encode, pushArtifact, pushIndex, readText } from "../graph.ts";
import { workplace } from "../workplace.ts";

const place = workplace();

async function newLayout(): Promise<OciLayout> {
  return OciLayout.open(join(await place(), "pantry"), { create: true });
}

function indexOf(layout: OciLayout): {
  manifests: Record<string, unknown>[];
  [k: string]: unknown;
} {
  return JSON.parse(readFileSync(join(layout.dir, "index.json"), "utf8"));
}

describe("open", () => {
  it("makes a layout that has nothing in it but what the specification asks for", async () => {
    const layout = await newLayout();
    expect((await readdir(layout.dir)).sort()).toEqual([
      ".ctxpack",
      "blobs",
      "index.json",
      "oci-layout",
    ]);
    expect(await readFile(join(layout.dir, "oci-layout"), "utf8")).toBe(
      '{"imageLayoutVersion":"1.0.0"}',
    );
    expect(indexOf(layout).manifests).toEqual([]);
    expect(await readdir(join(layout.dir, ".ctxpack"))).toEqual(["lock"]);
  });

  it("opens what is there and completes what died while it was made", async () => {
    const layout = await newLayout();
    await pushArtifact(layout, ["a"]).then((d) => layout.tag(d, "v1"));
    await rm(join(layout.dir, "oci-layout"));
    await expect(OciLayout.open(layout.dir)).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    const again = await OciLayout.open(layout.dir, { create: true });
    expect(await collect(again.tags())).toEqual(["v1"]);
  });

  it("does not make a layout of a folder that holds something else", async () => {
    const dir = await place();
    await writeFile(join(dir, "thesis.tex"), "");
    await expect(OciLayout.open(dir, { create: true })).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
    });
    expect(await readdir(dir)).toEqual(["thesis.tex"]);
  });

  it("says when there is nothing, or something damaged", async () => {
    const dir = await place();
    const codeOf = (where: string): Promise<unknown> =>
      OciLayout.open(where).then(
        (l) => l.resolve("x").catch((e) => e.code),
        (e) => e.code,
      );
    expect(await codeOf(join(dir, "nowhere"))).toBe("CTXPACK_E_PATH_NOT_FOUND");
    const layout = await newLayout();
    for (const text of ["", "{}", "[]", '{"schemaVersion":2,"manifests":{}}', '{"schemaVer']) {
      await writeFile(join(layout.dir, "index.json"), text);
      expect(await codeOf(layout.dir)).toBe("CTXPACK_E_LAYOUT");
    }
    await unlink(join(layout.dir, "index.json"));
    expect(await codeOf(layout.dir)).toBe("CTXPACK_E_LAYOUT");
    await writeFile(join(layout.dir, "oci-layout"), '{"imageLayoutVersion":"2.0.0"}');
    expect(await codeOf(layout.dir)).toBe("CTXPACK_E_LAYOUT");
  });

  it("refuses links in the place of folders and files, and does not write through them", async () => {
    for (const name of ["blobs", "blobs/sha256", ".ctxpack", "index.json", "oci-layout"]) {
      const layout = await newLayout();
      const elsewhere = join(await place(), "elsewhere");
      const path = join(layout.dir, name);
      await rm(path, { recursive: true });
      await mkdir(elsewhere);
      const target = name.includes(".json") || name === "oci-layout" ? "file" : "";
      const to = join(elsewhere, target);
      if (target) await writeFile(to, '{"schemaVersion":2,"imageLayoutVersion":"1.0.0"}');
      await symlink(to, path);
      const before = await readdir(elsewhere);
      const attempt = async (): Promise<void> => {
        const opened = await OciLayout.open(layout.dir);
        const d = await pushArtifact(opened, ["x"]);
        await opened.tag(d, "v1");
      };
      await expect(attempt()).rejects.toMatchObject({ code: "CTXPACK_E_LAYOUT" });
      // A layout opened before the link was put there does not follow it either.
      // (`oci-layout` is only read when a layout is opened.)
      const late = pushArtifact(layout, ["x"]).then((d) => layout.tag(d, "v1"));
      if (name === "oci-layout") await late;
      else await expect(late).rejects.toMatchObject({ code: "CTXPACK_E_LAYOUT" });
      expect(await readdir(elsewhere)).toEqual(before);
    }
  });

  it("reads without writing a single file when asked to", async () => {
    const layout = await newLayout();
    const d = await pushArtifact(layout, ["a"]);
    await layout.tag(d, "v1");
    await rm(join(layout.dir, ".ctxpack"), { recursive: true });
    const entries = async (): Promise<string[]> => readdir(layout.dir, { recursive: true });
    const before = await entries();
    const reader = await OciLayout.open(layout.dir, { readOnly: true, create: true });
    expect(await reader.resolve("v1")).toEqual(d);
    expect(await collect(reader.referrers(d))).toEqual([]);
    await readText(reader.fetch(d));
    for (const write of [
      reader.tag(d, "v2"),
      reader.untag("v1"),
      reader.delete(d),
      pushBytes(reader, "text/plain", encode("new")),
    ]) {
      await expect(write).rejects.toMatchObject({ code: "CTXPACK_E_UNSUPPORTED" });
    }
    expect(await entries()).toEqual(before);
  });
});

it.skipIf(process.platform !== "linux")("is refused where no folder can be made", async () => {
  // Node's recursive mkdir does not come back from this.
  await expect(OciLayout.open("/proc/ctxpack/pantry", { create: true })).rejects.toMatchObject({
    code: "CTXPACK_E_PATH_NOT_FOUND",
  });
});

describe("blobs", () => {
  it("are stored under their digest, readable by all", async () => {
    const layout = await newLayout();
    const d = await pushBytes(layout, "text/plain", encode("hello"));
    expect(await layout.exists(d)).toBe(true);
    expect(await readText(layout.fetch(d))).toBe("hello");
    expect(await readText(layout.fetch(d, { range: { offset: 1, length: 3 } }))).toBe("ell");
    expect(statSync(layout.blobPath(d)).mode & 0o777).toBe(0o644);
    await pushBytes(layout, "text/plain", new Uint8Array());
    expect(await readdir(join(layout.dir, ".ctxpack"))).toEqual(["lock"]);
  });

  it("come from files too, and tell how far they are", async () => {
    const layout = await newLayout();
    const bytes = new Uint8Array((5 << 20) + 7).fill(3);
    const file = join(await place(), "big");
    await writeFile(file, bytes);
    const d = describeBytes("application/octet-stream", bytes);
    const seen: number[] = [];
    await layout.push(d, fileSource(file, bytes.length), {
      onProgress: (e) => {
        expect(e).toMatchObject({ phase: "blob", unit: "bytes", total: bytes.length });
        seen.push(e.done);
      },
    });
    expect(seen.at(-1)).toBe(bytes.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    await layout.push(d, fileSource("/nonexistent", bytes.length));
  });

  const good = describeBytes("text/plain", encode("hello"));
  it.each<[string, Descriptor, string, string]>([
    ["other bytes", good, "hell0", "CTXPACK_E_DIGEST_MISMATCH"],
    ["another size", good, "hello!", "CTXPACK_E_SIZE_MISMATCH"],
    [
      "a digest that is a path",
      { ...good, digest: "sha256:../../../x" },
      "hello",
      "CTXPACK_E_REFERENCE",
    ],
    [
      "a manifest that is none",
      { ...describeBytes("application/vnd.oci.image.manifest.v1+json", encode("{}")) },
      "{}",
      "CTXPACK_E_MANIFEST",
    ],
  ])("with %s are refused and leave nothing", async (_, d, text, code) => {
    const layout = await newLayout();
    await expect(layout.push(d, bytesSource(encode(text)))).rejects.toMatchObject({ code });
    expect(await readdir(join(layout.dir, "blobs/sha256"))).toEqual([]);
    expect(await readdir(join(layout.dir, ".ctxpack"))).toEqual(["lock"]);
  });

  it("whose source lies about its size are refused and leave nothing", async () => {
    const layout = await newLayout();
    for (const text of ["hell", "hello!"]) {
      const source = { size: 5, open: () => bytesSource(encode(text)).open() };
      await expect(layout.push(good, source)).rejects.toMatchObject({
        code: "CTXPACK_E_SIZE_MISMATCH",
      });
    }
    expect(await readdir(join(layout.dir, "blobs/sha256"))).toEqual([]);
  });

  it("that were damaged on the disk are named when they are read", async () => {
    const layout = await newLayout();
    const d = await pushBytes(layout, "text/plain", encode("hello"));
    const path = layout.blobPath(d);
    await chmod(path, 0o644);
    await writeFile(path, "hell0");
    await expect(readText(layout.fetch(d))).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
      message: expect.stringContaining(d.digest),
    });
    await writeFile(path, "hell");
    expect(await layout.exists(d)).toBe(false);
    await expect(readText(layout.fetch(d))).rejects.toMatchObject({
      code: "CTXPACK_E_SIZE_MISMATCH",
    });
    await pushBytes(layout, "text/plain", encode("hello"));
    expect(await readText(layout.fetch(d))).toBe("hello");
  });

  it("that are links are not there to be read", async () => {
    const layout = await newLayout();
    const secret = join(await place(), "secret");
    await writeFile(secret, "hello");
    await symlink(secret, layout.blobPath(good));
    expect(await layout.exists(good)).toBe(false);
    await expect(readText(layout.fetch(good))).rejects.toMatchObject({ code: "CTXPACK_E_LAYOUT" });
  });

  it("that are not there are not found, and ranges outside refused", async () => {
    const layout = await newLayout();
    await expect(readText(layout.fetch(good))).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
    await pushBytes(layout, "text/plain", encode("hello"));
    for (const range of [
      { offset: 3, length: 3 },
      { offset: -1, length: 1 },
      { offset: 0, length: Number.NaN },
    ]) {
      await expect(readText(layout.fetch(good, { range }))).rejects.toMatchObject({
        code: "CTXPACK_E_USAGE",
      });
    }
  });

  it("stop when told to, also while their source hangs", async () => {
    const layout = await newLayout();
    const stop = new AbortController();
    const source = {
      size: 5,
      async *open(): AsyncGenerator<Uint8Array> {
        yield encode("he");
        setImmediate(() => stop.abort(new Error("enough")));
        await new Promise(() => {});
      },
    };
    const pushed = layout.push(good, source, { signal: stop.signal });
    await expect(pushed).rejects.toThrow("enough");
    expect(await readdir(join(layout.dir, "blobs/sha256"))).toEqual([]);
    expect(await readdir(join(layout.dir, ".ctxpack"))).toEqual(["lock"]);
  });

  it("that fail leave nothing while others are still on their way", async () => {
    const layout = await newLayout();
    const stop = new AbortController();
    let hanging: () => void = () => {};
    const started = new Promise<void>((resolve) => {
      hanging = resolve;
    });
    const slow = {
      size: 5,
      async *open(): AsyncGenerator<Uint8Array> {
        yield encode("he");
        hanging();
        await new Promise(() => {});
      },
    };
    const pending = layout.push(good, slow, { signal: stop.signal });
    await started;
    const other = describeBytes("text/plain", encode("other"));
    await expect(layout.push(other, bytesSource(encode("0ther")))).rejects.toThrow();
    const work = await readdir(join(layout.dir, ".ctxpack"), { withFileTypes: true });
    const scratch = work.find((entry) => entry.isDirectory())?.name as string;
    expect(await readdir(join(layout.dir, ".ctxpack", scratch))).toHaveLength(1);
    stop.abort(new Error("enough"));
    await expect(pending).rejects.toThrow("enough");
  });

  it("name the path when the disk says no", async () => {
    const layout = await newLayout();
    await rm(join(layout.dir, "blobs/sha256"), { recursive: true });
    await writeFile(join(layout.dir, "blobs/sha256"), "");
    await expect(pushBytes(layout, "text/plain", encode("hello"))).rejects.toMatchObject({
      message: expect.stringContaining(layout.dir),
    });
  });
});

describe("tags", () => {
  it("lead to manifests, move, and go", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    const b = await pushArtifact(layout, ["b"]);
    await layout.tag(a, "v1");
    await layout.tag(a, "v0");
    expect(await layout.resolve("v1")).toEqual(a);
    expect(await layout.resolve(a.digest)).toEqual(a);
    // Not listed, but there: what a manifest is found by is its digest.
    expect(await layout.resolve(b.digest)).toEqual(b);
    await layout.tag(b, "v1");
    expect(await layout.resolve("v1")).toEqual(b);
    expect(await collect(layout.tags())).toEqual(["v0", "v1"]);
    await layout.untag("v0");
    // Nothing would be removed, so it must not look as if something was.
    const listed = await layout.resolve("v1");
    await expect(layout.untag(listed.digest)).rejects.toMatchObject({
      code: "CTXPACK_E_REFERENCE",
    });
    expect(indexOf(layout).manifests).toHaveLength(1);
    await expect(layout.untag("v0")).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    await expect(layout.resolve("v0")).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
      hint: "it has v1",
    });
  });

  it("are only given to manifests that are there", async () => {
    const layout = await newLayout();
    const other = await newLayout();
    const d = await pushArtifact(other, ["a"]);
    await expect(layout.tag(d, "v1")).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    const blob = await pushBytes(layout, "text/plain", encode("x"));
    await expect(layout.tag(blob, "v1")).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
    await expect(other.tag(d, "no/tag")).rejects.toMatchObject({ code: "CTXPACK_E_REFERENCE" });
    expect(indexOf(layout).manifests).toEqual([]);
  });

  it("can be compared before they are set", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    const b = await pushArtifact(layout, ["b"]);
    await layout.tag(a, "v1", { expected: null });
    await layout.tag(a, "v1", { expected: null });
    await expect(layout.tag(b, "v1", { expected: null })).rejects.toMatchObject({
      code: "CTXPACK_E_CONFLICT",
      details: { tag: "v1", expected: null, found: a.digest },
    });
    await expect(layout.tag(b, "v1", { expected: b.digest })).rejects.toMatchObject({
      code: "CTXPACK_E_CONFLICT",
    });
    await expect(layout.tag(b, "v2", { expected: a.digest })).rejects.toMatchObject({
      details: { found: null },
    });
    await layout.tag(b, "v1", { expected: a.digest });
    expect(await layout.resolve("v1")).toEqual(b);
  });

  it("do not write when nothing changes", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    await layout.tag(a, "v1");
    const before = statSync(join(layout.dir, "index.json"));
    await layout.tag(a, "v1");
    await layout.tag(a, a.digest);
    expect(statSync(join(layout.dir, "index.json")).ino).toBe(before.ino);
  });

  it("leave alone what others wrote into index.json", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    const foreign = [
      { mediaType: "application/vnd.future", digest: "blake3:abc", size: 1, x: [1] },
      "not even an object",
      {
        ...a,
        platform: { os: "linux", architecture: "arm64", "os.features": ["x"] },
        annotations: { "org.opencontainers.image.ref.name": "docker.io/library/x:1", y: "z" },
        custom: { deep: true },
      },
    ];
    const document = { schemaVersion: 2, custom: 1, manifests: foreign, annotations: { k: "v" } };
    await writeFile(join(layout.dir, "index.json"), JSON.stringify(document));
    expect(await layout.resolve("docker.io/library/x:1")).toMatchObject({ digest: a.digest });
    await layout.tag(a, "v1");
    const after = indexOf(layout);
    expect(after.manifests.slice(0, 3)).toEqual(foreign);
    expect(after.manifests).toHaveLength(4);
    expect({ ...after, manifests: foreign }).toEqual(document);
    await layout.untag("v1");
    expect(indexOf(layout)).toEqual(document);
  });

  it("that two manifests have are ambiguous until one is set", async () => {
    const layout = await newLayout();
    const [a, b] = [await pushArtifact(layout, ["a"]), await pushArtifact(layout, ["b"])];
    const annotations = { "org.opencontainers.image.ref.name": "v1" };
    const manifests = [a, b].map((d) => ({ ...d, annotations }));
    await writeFile(
      join(layout.dir, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests }),
    );
    await expect(layout.resolve("v1")).rejects.toMatchObject({
      code: "CTXPACK_E_AMBIGUOUS",
      details: { candidates: [a.digest, b.digest] },
    });
    await layout.tag(b, "v1");
    expect(await layout.resolve("v1")).toMatchObject({ digest: b.digest });
  });
});

describe("referrers", () => {
  it("are found from the moment they are pushed", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    await layout.tag(a, "v1");
    const proof = { artifactType: "application/vnd.proof", subject: a };
    const p1 = await pushArtifact(layout, ["p1"], { ...proof, note: "first" });
    const p2 = await pushArtifact(layout, ["p2"], { subject: a });
    const onP1 = await pushArtifact(layout, ["p3"], { ...proof, subject: p1 });
    const found = await collect(layout.referrers(a));
    expect(found.map((d) => d.digest)).toEqual([p1.digest, p2.digest]);
    expect({ ...found[0] }).toEqual({
      ...p1,
      artifactType: "application/vnd.proof",
      annotations: { note: "first" },
    });
    const options = { artifactType: "application/vnd.proof" };
    expect(await collect(layout.referrers(a, options))).toHaveLength(1);
    expect((await collect(layout.referrers(p1))).map((d) => d.digest)).toEqual([onP1.digest]);
    // Pushed again, listed once.
    await pushArtifact(layout, ["p2"], { subject: a });
    expect(await collect(layout.referrers(a))).toHaveLength(2);
    expect(await collect(layout.tags())).toEqual(["v1"]);
  });

  it("stay when their tag moves or goes", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    const p = await pushArtifact(layout, ["p"], { subject: a });
    await layout.tag(p, "proof");
    expect(indexOf(layout).manifests).toHaveLength(1);
    await layout.tag(a, "proof");
    expect(await collect(layout.referrers(a))).toHaveLength(1);
    await layout.tag(p, "proof");
    await layout.untag("proof");
    expect(await collect(layout.referrers(a))).toHaveLength(1);
    expect(await collect(layout.tags())).toEqual([]);
  });

  it("are found where another tool listed them, and inside nested indexes", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    const p = await pushArtifact(layout, ["p"], { subject: a });
    const q = await pushArtifact(layout, ["q"], { subject: a });
    const nested = await pushIndex(layout, [q]);
    const lost = { ...a, digest: `sha256:${"0".repeat(64)}` };
    await writeFile(
      join(layout.dir, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [lost, a, p, nested] }),
    );
    const found = (await collect(layout.referrers(a))).map((d) => d.digest);
    expect(found).toEqual([p.digest, q.digest]);
  });
});

it("delete removes a manifest with its tags, and may be done twice", async () => {
  const layout = await newLayout();
  const a = await pushArtifact(layout, ["a"]);
  await layout.tag(a, "v1");
  await layout.tag(a, "v2");
  await layout.delete(a);
  await layout.delete(a);
  expect(indexOf(layout).manifests).toEqual([]);
  expect(await layout.exists(a)).toBe(false);
  // Also for who has read it before: what is gone gets no tag.
  await expect(layout.tag(a, "v3")).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
});
