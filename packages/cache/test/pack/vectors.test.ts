import { readFileSync } from "node:fs";
import { buildManifest, IndexReader } from "@ctxpack/cache/pack";
import { describe, expect, it } from "vitest";
import { type Item, noise, packItems, sha, unpackItems } from "./memory.ts";

interface Vector {
  name: string;
  profile?: "fine";
  entries: {
    path: string;
    link?: string;
    dir?: true;
    exec?: boolean;
    key?: string;
    content?: { text?: string; repeat?: string; random?: string; size?: number };
  }[];
  expect: { tree: string; tarSize: number; tar: string; index: string; manifest: string };
}

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/packs.json", import.meta.url), "utf8"),
) as Vector[];

// Expectations come from vectors/make.py, which shares no code with this package.
describe("golden packs", () => {
  it.each(vectors)("$name", (vector) => {
    const items = vector.entries.map(itemOf);
    const { summary, raws, listing } = packItems(items, vector.profile);
    const tar = Buffer.concat(raws);
    expect(tar.length).toBe(vector.expect.tarSize);
    expect(listing.tarSize).toBe(vector.expect.tarSize);
    expect(sha(tar)).toBe(vector.expect.tar);
    const index = Buffer.from(summary.indexBytes());
    expect(index.toString()).toBe(vector.expect.index);
    expect(summary.tree).toBe(vector.expect.tree);
    const blob = (bytes: Uint8Array) => ({ digest: sha(bytes), size: bytes.length });
    const manifest = buildManifest({
      kind: "contract",
      config: { digest: `sha256:${"0".repeat(64)}`, size: 2 },
      index: blob(index),
      segments: raws.map(blob),
      tree: summary.tree,
      files: summary.files,
      bytes: summary.bytes,
    });
    expect(sha(manifest)).toBe(vector.expect.manifest);
    const back = unpackItems(IndexReader.open(index), raws);
    expect(back.map((i) => i.path).sort()).toEqual(items.map((i) => i.path).sort());
  });
});

function itemOf({ path, link, dir, content, exec, key }: Vector["entries"][number]): Item {
  if (link !== undefined) return { path, link };
  if (dir) return { path, dir };
  return {
    path,
    content: contentOf(content ?? {}),
    ...(exec && { exec }),
    ...(key !== undefined && { key }),
  };
}

function contentOf(spec: NonNullable<Vector["entries"][number]["content"]>): Buffer {
  if (spec.random !== undefined) return noise(spec.random, spec.size ?? 0);
  if (spec.repeat !== undefined) return Buffer.alloc(spec.size ?? 0, spec.repeat);
  return Buffer.from(spec.text ?? "");
}
