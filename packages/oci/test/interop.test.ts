import { execFile, spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  bytesSource,
  copy,
  type Descriptor,
  describeBytes,
  IMAGE_MANIFEST_TYPE,
  OciArchive,
  OciLayout,
  pushBytes,
} from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { collect, encode, pushArtifact, readText } from "./graph.ts";
import { workplace } from "./workplace.ts";

const place = workplace();
const run = promisify(execFile);

function missing(program: string): boolean {
  if (spawnSync(program, ["--version"]).status === 0) return false;
  console.warn(`skipped: needs ${program}`);
  return true;
}

async function newLayout(): Promise<OciLayout> {
  return OciLayout.open(join(await place(), "pantry"), { create: true });
}

async function bytesOf(layout: OciLayout, d: Descriptor): Promise<string> {
  return readText(layout.fetch(d));
}

describe.skipIf(missing("skopeo"))("skopeo", () => {
  it("copies from our layout and into it, byte for byte", async () => {
    const ours = await newLayout();
    const a = await pushArtifact(ours, ["one", "two"], { note: "kept" });
    await ours.tag(a, "v1");
    const p = await pushArtifact(ours, ["proof"], { subject: a });
    const theirs = join(await place(), "theirs");
    await run("skopeo", ["copy", `oci:${ours.dir}:v1`, `oci:${theirs}:v1`]);
    const read = await OciLayout.open(theirs, { readOnly: true });
    expect(await read.resolve("v1")).toMatchObject({ digest: a.digest, size: a.size });
    expect(await bytesOf(read, a)).toBe(await bytesOf(ours, a));
    const raw = await run("skopeo", ["inspect", "--raw", `oci:${ours.dir}:v1`]);
    expect(raw.stdout).toBe(await bytesOf(ours, a));

    // Back into our layout under another tag, beside what is there.
    await run("skopeo", ["copy", `oci:${theirs}:v1`, `oci:${ours.dir}:from-skopeo`]);
    expect(await collect(ours.tags())).toEqual(["from-skopeo", "v1"]);
    expect(await ours.resolve("from-skopeo")).toMatchObject({ digest: a.digest });
    expect((await collect(ours.referrers(a))).map((d) => d.digest)).toEqual([p.digest]);
    // And we go on writing to a layout that skopeo made.
    const more = await OciLayout.open(theirs);
    await copy(ours, "v1", more, "ours", { referrers: true });
    expect(await collect(more.referrers(a))).toHaveLength(1);
    await run("skopeo", ["inspect", "--raw", `oci:${theirs}:ours`]);
  });

  it("copies from our archive, and we from its", async () => {
    const ours = await newLayout();
    const a = await pushArtifact(ours, ["one", "2".repeat(1_500_000)]);
    await ours.tag(a, "v1");
    const dir = await place();
    await OciArchive.write(join(dir, "ours.tar"), ours);
    await run("skopeo", [
      "copy",
      `oci-archive:${join(dir, "ours.tar")}:v1`,
      `oci-archive:${join(dir, "theirs.tar")}:v2`,
    ]);
    const archive = await OciArchive.open(join(dir, "theirs.tar"));
    expect(await collect(archive.tags())).toEqual(["v2"]);
    const to = await newLayout();
    await copy(archive, "v2", to);
    expect(await bytesOf(to, a)).toBe(await bytesOf(ours, a));
  });
});

/** An image that umoci takes for one. */
async function pushImage(layout: OciLayout): Promise<Descriptor> {
  const config = await pushBytes(
    layout,
    "application/vnd.oci.image.config.v1+json",
    encode({
      created: "2026-01-01T00:00:00Z",
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [] },
      history: [{ created: "2026-01-01T00:00:00Z", created_by: "a test", empty_layer: true }],
    }),
  );
  const manifest = encode({ schemaVersion: 2, mediaType: IMAGE_MANIFEST_TYPE, config, layers: [] });
  const d = describeBytes(IMAGE_MANIFEST_TYPE, manifest);
  await layout.push(d, bytesSource(manifest));
  return d;
}

describe.skipIf(missing("umoci"))("umoci", () => {
  it("lists, describes, tags and collects in our layout, and harms nothing", async () => {
    const layout = await newLayout();
    const image = await pushImage(layout);
    await layout.tag(image, "v1");
    const p = await pushArtifact(layout, ["proof"], { subject: image });
    const orphan = await pushBytes(layout, "text/plain", encode("nobody needs me"));
    const umoci = async (...words: string[]): Promise<string> => (await run("umoci", words)).stdout;
    expect(await umoci("ls", "--layout", layout.dir)).toBe("v1\n");
    expect(await umoci("stat", "--image", `${layout.dir}:v1`)).toContain("a test");
    await umoci("tag", "--image", `${layout.dir}:v1`, "v2");
    expect(await layout.resolve("v2")).toMatchObject({ digest: image.digest });
    await umoci("gc", "--layout", layout.dir);
    expect(await layout.exists(orphan)).toBe(false);
    expect((await collect(layout.referrers(image))).map((d) => d.digest)).toEqual([p.digest]);
    expect(await bytesOf(layout, p)).toContain("subject");
    // Its garbage collector leaves our folder; the next writer finds everything in place.
    await layout.tag(image, "v3");
    expect(await umoci("ls", "--layout", layout.dir)).toBe("v1\nv2\nv3\n");
    await umoci("rm", "--image", `${layout.dir}:v3`);
    expect(await collect(layout.tags())).toEqual(["v1", "v2"]);
  });

  it("makes a layout that we write to", async () => {
    const dir = join(await place(), "theirs");
    await run("umoci", ["init", "--layout", dir]);
    await run("umoci", ["new", "--image", `${dir}:empty`]);
    const layout = await OciLayout.open(dir);
    const d = await layout.resolve("empty");
    await layout.tag(await pushArtifact(layout, ["x"]), "ours");
    expect((await run("umoci", ["ls", "--layout", dir])).stdout).toBe("empty\nours\n");
    expect(await layout.resolve("empty")).toEqual(d);
  });
});

it("an index.json without mediaType, as umoci and skopeo write it, keeps that form", async () => {
  const layout = await newLayout();
  await writeFile(join(layout.dir, "index.json"), '{"schemaVersion":2,"manifests":null}');
  await layout.tag(await pushArtifact(layout, ["x"]), "v1");
  const index = JSON.parse(await readFile(join(layout.dir, "index.json"), "utf8"));
  expect(Object.keys(index)).toEqual(["schemaVersion", "manifests"]);
});
