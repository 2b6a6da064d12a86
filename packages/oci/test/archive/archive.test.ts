import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { copy, OciArchive, OciLayout } from "@ctxpack/oci";
import { extract, type Header, pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { collect, encode, pushArtifact, readText } from "../graph.ts";
import { workplace } from "../workplace.ts";

const place = workplace();

async function newLayout(): Promise<OciLayout> {
  return OciLayout.open(join(await place(), "pantry"), { create: true });
}

type Entry = Partial<Header> & { readonly name: string; readonly body?: string };

/** A tar with these members, made by a library that allows anything. */
async function tarOf(...entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { body = "", ...header } of entries) {
    if (header.type === undefined || header.type === "file") tar.entry(header, body);
    else tar.entry(header);
  }
  tar.finalize();
  return Buffer.concat(await collect(tar as AsyncIterable<Uint8Array>));
}

const layoutFile = { name: "oci-layout", body: '{"imageLayoutVersion":"1.0.0"}' };
const indexFile = { name: "index.json", body: '{"schemaVersion":2,"manifests":[]}' };

async function openBytes(bytes: Uint8Array): Promise<OciArchive> {
  const file = join(await place(), "x.tar");
  await writeFile(file, bytes);
  return OciArchive.open(file);
}

describe("an archive", () => {
  it("holds a layout: tags, blobs, referrers, also those above a megabyte", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a", "b".repeat(3_000_001)]);
    const p = await pushArtifact(layout, ["p"], { subject: a });
    await layout.tag(a, "v1");
    const file = join(await place(), "x.tar");
    await OciArchive.write(file, layout);
    const archive = await OciArchive.open(file);
    expect(await collect(archive.tags())).toEqual(["v1"]);
    expect(await archive.resolve("v1")).toEqual(a);
    expect(await archive.resolve(p.digest)).toMatchObject({ digest: p.digest });
    expect((await collect(archive.referrers(a))).map((d) => d.digest)).toEqual([p.digest]);
    const to = await newLayout();
    const { summary } = await copy(archive, "v1", to, "v1", { referrers: true });
    expect(summary.copied.blobs).toBe(6);
    expect(await collect(to.referrers(a))).toHaveLength(1);
  });

  it("is the same file for the same content, whenever and from wherever it is written", async () => {
    const [one, two] = [await newLayout(), await newLayout()];
    await one.tag(await pushArtifact(one, ["1", "2", "3"]), "v1");
    await copy(one, "v1", two);
    const dir = await place();
    await OciArchive.write(join(dir, "1"), one);
    await OciArchive.write(join(dir, "2"), two);
    await OciArchive.write(join(dir, "2"), two);
    expect(await readFile(join(dir, "1"))).toEqual(await readFile(join(dir, "2")));
    expect((await readdir(dir)).sort()).toEqual(["1", "2"]);
    const headers: Header[] = [];
    const tar = extract();
    tar.on("entry", (header, content, next) => {
      headers.push(header);
      content.resume();
      next();
    });
    await pipeline(createReadStream(join(dir, "1")), tar);
    for (const header of headers) {
      expect(header).toMatchObject({ mtime: new Date(0), uid: 0, gid: 0, uname: "", gname: "" });
      expect(header.mode).toBe(header.type === "directory" ? 0o755 : 0o644);
    }
    const names = headers.map((header) => header.name);
    expect(names).toHaveLength(9);
    expect(names).toEqual([...names].sort());
  });

  it("leaves out what index.json does not lead to, and tells how far it is", async () => {
    const layout = await newLayout();
    const kept = await pushArtifact(layout, ["kept"]);
    const orphan = await pushArtifact(layout, ["orphan"]);
    await layout.tag(kept, "v1");
    const file = join(await place(), "x.tar");
    let last: { done: number; total?: number } | undefined;
    await OciArchive.write(file, layout, { onProgress: (e) => (last = e) });
    expect(last?.done).toBe(last?.total);
    const archive = await OciArchive.open(file);
    expect(await archive.exists(kept)).toBe(true);
    expect(await archive.exists(orphan)).toBe(false);
    await expect(readText(archive.fetch(orphan))).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
  });

  it("is not written in the place of a folder", async () => {
    const dir = await place();
    await expect(OciArchive.write(dir, await newLayout())).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
      message: `archive ${dir} cannot be written: it is a folder`,
    });
  });

  it("that cannot be written whole is not written at all", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    const b = await pushArtifact(layout, ["b".repeat(2_000_000)]);
    await layout.tag(a, "a");
    await layout.tag(b, "b");
    const dir = await place();
    const stop = new AbortController();
    const aborted = OciArchive.write(join(dir, "x"), layout, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("enough")),
    });
    await expect(aborted).rejects.toThrow("enough");
    await layout.delete(JSON.parse(await readText(layout.fetch(b))).layers[0]);
    await expect(OciArchive.write(join(dir, "x"), layout)).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
    await mkdir(join(dir, "taken"));
    await layout.untag("b");
    await expect(OciArchive.write(join(dir, "taken"), layout)).rejects.toThrow();
    await expect(OciArchive.write(join(dir, "no/folder"), layout)).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    expect(await readdir(dir)).toEqual(["taken"]);
  });

  it("that was replaced after it was opened is not read on", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["a"]);
    await layout.tag(a, "v1");
    const file = join(await place(), "x.tar");
    await OciArchive.write(file, layout);
    const archive = await OciArchive.open(file);
    await layout.tag(await pushArtifact(layout, ["b"]), "v2");
    await OciArchive.write(file, layout);
    await expect(readText(archive.fetch(a))).rejects.toMatchObject({
      message: expect.stringContaining("changed while it was read"),
    });
  });

  it("with a changed byte is found out when the blob is read", async () => {
    const layout = await newLayout();
    const a = await pushArtifact(layout, ["unmistakable"]);
    await layout.tag(a, "v1");
    const file = join(await place(), "x.tar");
    await OciArchive.write(file, layout);
    const bytes = await readFile(file);
    bytes.write("X", bytes.indexOf("unmistakable"));
    const archive = await openBytes(bytes);
    const to = await newLayout();
    await expect(copy(archive, "v1", to)).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
    });
    expect(await collect(to.tags())).toEqual([]);
  });
});

describe("other people's archives", () => {
  it("may have folders, `./` in front, long pax names and strangers in them", async () => {
    const archive = await openBytes(
      await tarOf(
        { name: "./", type: "directory" },
        { name: "blobs/", type: "directory" },
        { ...layoutFile, name: "./oci-layout" },
        { name: `${"long/".repeat(60)}name`, body: "x" },
        { name: "manifest.json", body: "[]" },
        { ...indexFile, pax: { comment: "hello" } },
      ),
    );
    expect(await collect(archive.tags())).toEqual([]);
  });

  const evil = (name: string): Entry => ({ name, body: "evil" });
  it.each<[string, readonly Entry[], string]>([
    ["a name that leaves", [evil("../x")], "no clean relative name"],
    ["a name that leaves later", [evil("blobs/../../x")], "no clean relative name"],
    ["an absolute name", [evil("/etc/passwd")], "no clean relative name"],
    ["a name with a backslash", [evil("blobs\\x")], "no clean relative name"],
    ["an empty part", [evil("blobs//x")], "no clean relative name"],
    ["a pax name that leaves", [evil(`${"a/".repeat(80)}../x`)], "no clean relative name"],
    ["a symbolic link", [{ name: "blobs", type: "symlink", linkname: "/etc" }], "neither a file"],
    ["a hard link", [{ name: "x", type: "link", linkname: "oci-layout" }], "neither a file"],
    ["a device", [{ name: "x", type: "character-device" }], "neither a file"],
    ["a FIFO", [{ name: "x", type: "fifo" }], "neither a file"],
    ["a name twice", [evil("index.json")], "is there twice"],
    ["a name twice, spelled otherwise", [evil("./index.json")], "is there twice"],
    ["a folder in the place of a file", [{ name: "index.json", type: "directory" }], "twice"],
    ["a sparse file", [{ ...evil("x"), pax: { "GNU.sparse.major": "1" } }], "sparse"],
    ["a pax size beyond the end", [{ ...evil("x"), pax: { size: "99999999" } }], "does not end"],
    ["a pax size in hex", [{ ...evil("x"), pax: { size: "0x4" } }], "does not end"],
    ["a pax size that is no number", [{ ...evil("x"), pax: { size: "-5" } }], "does not end"],
  ])("with %s are refused", async (_, entries, message) => {
    const bytes = await tarOf(layoutFile, indexFile, ...entries);
    await expect(openBytes(bytes)).rejects.toMatchObject({
      code: "CTXPACK_E_LAYOUT",
      message: expect.stringContaining(message),
    });
  });

  it.each(["path", "size"])("whose global header sets a %s are refused", async (key) => {
    const bytes = await tarOf(layoutFile, indexFile, { ...evil("x"), pax: { [key]: "4" } });
    const at = bytes.indexOf("PaxHeader");
    const header = bytes.subarray(at, at + 512);
    expect(header.toString("latin1", 156, 157)).toBe("x");
    header.write("g", 156);
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    await expect(openBytes(bytes)).rejects.toMatchObject({
      code: "CTXPACK_E_LAYOUT",
      message: expect.stringContaining("a global pax header names or sizes members"),
    });
  });

  it("that are folders or FIFOs are refused, not waited for", async () => {
    const dir = await place();
    await expect(OciArchive.open(dir)).rejects.toMatchObject({
      message: `archive ${dir} is not a regular file`,
      hint: `write oci:${dir} for a folder`,
    });
    const fifo = join(dir, "fifo");
    if (process.platform === "win32") return;
    execFileSync("mkfifo", [fifo]);
    await expect(OciArchive.open(fifo)).rejects.toThrow("is not a regular file");
  });

  it("that are cut, garbled, compressed or no layout are refused", async () => {
    const whole = await tarOf(layoutFile, indexFile, { name: "blobs/x", body: "x".repeat(600) });
    const refused = async (bytes: Uint8Array): Promise<string> =>
      openBytes(bytes).then(
        () => "opened",
        (error) => `${error.code} ${error.message.replace(/^.*?: /, "")}`,
      );
    for (const length of [0, 100, 512, 1024, 2048, 2600, 3072]) {
      expect(await refused(whole.subarray(0, length))).toMatch(/^CTXPACK_E_LAYOUT .*end/);
    }
    expect(await refused(encode("x".repeat(2048)))).toMatch("there is no tar header");
    const garbled = Buffer.from(whole);
    garbled.write("y", 1);
    expect(await refused(garbled)).toMatch("there is no tar header");
    expect(await refused(Buffer.concat([Buffer.from("1f8b0800", "hex"), whole]))).toMatch(
      "CTXPACK_E_UNSUPPORTED",
    );
    expect(await refused(await tarOf(layoutFile))).toMatch("has no usable index.json");
    expect(await refused(await tarOf(indexFile))).toMatch("has no usable oci-layout");
  });
});
