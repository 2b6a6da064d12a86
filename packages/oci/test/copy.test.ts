import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CopyOptions,
  copy,
  copyGraph,
  type Descriptor,
  IMAGE_INDEX_TYPE,
  IMAGE_MANIFEST_TYPE,
  OciLayout,
  parseManifest,
  pushBytes,
  type ReadOnlyStorage,
  type Storage,
} from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { collect, encode, pushArtifact, pushIndex, readText } from "./graph.ts";
import { workplace } from "./workplace.ts";

const place = workplace();

async function newLayout(): Promise<OciLayout> {
  return OciLayout.open(join(await place(), "pantry"), { create: true });
}

/** A target that writes down what was pushed, in order, and how many pushes ran at once. */
function recording(layout: OciLayout): Storage & { pushed: string[]; most: number } {
  let running = 0;
  const recorder = {
    pushed: [] as string[],
    most: 0,
    exists: layout.exists.bind(layout),
    fetch: layout.fetch.bind(layout),
    async push(...[d, source, options]: Parameters<Storage["push"]>): Promise<void> {
      recorder.most = Math.max(recorder.most, ++running);
      await layout.push(d, source, options).finally(() => running--);
      recorder.pushed.push(d.digest);
    },
  };
  return recorder;
}

describe("copyGraph", () => {
  it("copies each digest once, parents after children", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const a = await pushArtifact(from, ["1", "2", "3"]);
    const b = await pushArtifact(from, ["3", "4"]);
    const root = await pushIndex(from, [a, b, await pushIndex(from, [a])]);
    const target = recording(to);
    const events: string[] = [];
    const summary = await copyGraph(from, target, root, {
      onBlob: (e) => events.push(`${e.action} ${e.descriptor.digest}`),
    });
    expect(target.pushed).toHaveLength(9);
    expect(new Set(target.pushed).size).toBe(9);
    expect(target.pushed.at(-1)).toBe(root.digest);
    for (const m of [a, b]) {
      const manifest = parseManifest(Buffer.concat(await collect(to.fetch(m))), m);
      const layers = "layers" in manifest ? manifest.layers : [];
      for (const layer of layers) {
        expect(target.pushed.indexOf(layer.digest)).toBeLessThan(target.pushed.indexOf(m.digest));
      }
    }
    expect(summary.copied.blobs).toBe(9);
    expect(events).toHaveLength(9);
    const again = await copyGraph(from, to, root);
    expect(again).toEqual({ copied: { blobs: 0, bytes: 0 }, existing: summary.copied });
  });

  it("completes a destination that has the manifest but not what it refers to", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const a = await pushArtifact(from, ["1", "2"]);
    await copyGraph(from, to, a);
    const manifest = parseManifest(Buffer.concat(await collect(to.fetch(a))), a);
    const lost = ("layers" in manifest ? manifest.layers[1] : undefined) as Descriptor;
    await to.delete(lost);
    const summary = await copyGraph(from, to, a);
    expect(summary.copied).toEqual({ blobs: 1, bytes: lost.size });
    expect(await readText(to.fetch(lost))).toBe("2");
  });

  it("has no more transfers in flight than asked for", async () => {
    const from = await newLayout();
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`);
    const root = await pushArtifact(from, texts);
    for (const concurrency of [1, 3]) {
      const target = recording(await newLayout());
      await copyGraph(from, target, root, { concurrency });
      expect(target.most).toBeLessThanOrEqual(concurrency);
      expect(target.pushed).toHaveLength(22);
    }
  });

  it("adds up what it sends", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const root = await pushArtifact(from, ["a".repeat(3 << 20), "b".repeat(1 << 20)]);
    let last: unknown;
    const { copied } = await copyGraph(from, to, root, { onProgress: (e) => (last = e) });
    expect(last).toMatchObject({ unit: "bytes", done: copied.bytes, total: copied.bytes });
  });

  it("leaves out what is not selected", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const root = await pushArtifact(from, ["1", "22", "333"]);
    const { copied } = await copyGraph(from, to, root, {
      select: (d, parent) => d.mediaType !== "text/plain" || (parent === root && d.size === 2),
    });
    expect(copied.blobs).toBe(3);
    expect(await to.exists(root)).toBe(true);
  });

  it("takes referrers along, and theirs", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const a = await pushArtifact(from, ["a"]);
    const p = await pushArtifact(from, ["p"], { subject: a });
    const q = await pushArtifact(from, ["q"], { subject: p });
    await copyGraph(from, to, a);
    expect(await collect(to.referrers(a))).toEqual([]);
    await copyGraph(from, to, a, { referrers: true });
    expect((await collect(to.referrers(a))).map((d) => d.digest)).toEqual([p.digest]);
    expect((await collect(to.referrers(p))).map((d) => d.digest)).toEqual([q.digest]);
    const bare: ReadOnlyStorage = { exists: from.exists.bind(from), fetch: from.fetch.bind(from) };
    await expect(copyGraph(bare, to, a, { referrers: true })).rejects.toMatchObject({
      code: "CTXPACK_E_UNSUPPORTED",
    });
  });
});

describe("a copy that fails", () => {
  it("lists a referrer whose writer died before it did", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const subject = await pushArtifact(from, ["thing"]);
    const proof = await pushArtifact(from, ["proof"], { subject });
    await copyGraph(from, to, subject, { referrers: true });
    await writeFile(join(to.dir, "index.json"), '{"schemaVersion":2,"manifests":[]}');
    const { existing } = await copyGraph(from, to, subject, { referrers: true });
    expect(existing.blobs).toBe(5);
    expect((await collect(to.referrers(subject))).map((d) => d.digest)).toEqual([proof.digest]);
  });

  it("takes along a referrer that lists its own subject", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const subject = await pushArtifact(from, ["thing"]);
    const index = await pushIndex(from, [subject], subject);
    const { copied } = await copyGraph(from, to, subject, { referrers: true });
    expect(copied.blobs).toBe(4);
    expect((await collect(to.referrers(subject))).map((d) => d.digest)).toEqual([index.digest]);
  });

  it.each([0, -1, Number.NaN])("with %d transfers in flight is refused", async (concurrency) => {
    const [from, to] = [await newLayout(), await newLayout()];
    const root = await pushArtifact(from, ["1"]);
    await expect(copyGraph(from, to, root, { concurrency })).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
    });
  });

  it("never stores a manifest whose children it could not copy", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const root = await pushArtifact(from, ["1", "2", "3"]);
    const lost = await pushBytes(from, "text/plain", encode("2"));
    await from.delete(lost);
    await expect(copyGraph(from, to, root)).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
      message: expect.stringContaining(lost.digest),
    });
    expect(await to.exists(root)).toBe(false);
  });

  /** A source that hangs on one blob and fails on another. */
  function broken(from: OciLayout, hang: Descriptor, fail: Descriptor) {
    const state = { hanging: 0, closed: 0 };
    const source: ReadOnlyStorage = {
      exists: from.exists.bind(from),
      async *fetch(d, options) {
        if (d.digest === fail.digest) {
          while (state.hanging === 0) await new Promise((resolve) => setImmediate(resolve));
          throw new Error("the cable was cut");
        }
        if (d.digest !== hang.digest) return yield* from.fetch(d, options);
        try {
          state.hanging++;
          yield encode("h");
          await new Promise((_, reject) => {
            options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
          });
        } finally {
          state.closed++;
        }
      },
    };
    return { source, state };
  }

  it("stops the others, closes them and reports the first failure", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const [hang, fail] = await Promise.all(
      ["hang", "fail"].map((t) => pushBytes(from, "text/plain", encode(t))),
    );
    const root = await pushArtifact(from, ["hang", "fail", "x", "y", "z"]);
    const { source, state } = broken(from, hang as Descriptor, fail as Descriptor);
    await expect(copyGraph(source, to, root)).rejects.toThrow("the cable was cut");
    expect(state).toEqual({ hanging: 1, closed: 1 });
    expect(await to.exists(root)).toBe(false);
  });

  it("because it was told to throws the reason, also while a source ignores the signal", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const root = await pushArtifact(from, ["x"]);
    const stop = new AbortController();
    const source: ReadOnlyStorage = {
      exists: from.exists.bind(from),
      async *fetch(d, options) {
        if (d.mediaType !== "text/plain") return yield* from.fetch(d, options);
        setImmediate(() => stop.abort(new Error("enough")));
        await new Promise(() => {});
      },
    };
    await expect(copyGraph(source, to, root, { signal: stop.signal })).rejects.toThrow("enough");
    expect(await to.exists(root)).toBe(false);
    const already: CopyOptions = { signal: AbortSignal.abort(new Error("before")) };
    await expect(copyGraph(from, to, root, already)).rejects.toThrow("before");
  });

  it("because the source lies does so before anything of it has a name", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const root = await pushArtifact(from, ["good"]);
    const liar: ReadOnlyStorage = {
      exists: from.exists.bind(from),
      async *fetch(d, options) {
        if (d.mediaType === "text/plain") yield encode("evil");
        else yield* from.fetch(d, options);
      },
    };
    await expect(copyGraph(liar, to, root)).rejects.toMatchObject({
      code: "CTXPACK_E_DIGEST_MISMATCH",
    });
    expect(await to.exists(root)).toBe(false);
  });

  it("because the graph is deeper than any real one, or names one blob with two sizes", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    let root = await pushArtifact(from, ["x"]);
    for (let i = 0; i < 18; i++) root = await pushIndex(from, [root]);
    await expect(copyGraph(from, to, root)).rejects.toMatchObject({ code: "CTXPACK_E_MANIFEST" });
    const layer = await pushBytes(from, "text/plain", encode("x"));
    const manifest = await pushBytes(
      from,
      IMAGE_MANIFEST_TYPE,
      encode({
        schemaVersion: 2,
        mediaType: IMAGE_MANIFEST_TYPE,
        config: layer,
        layers: [{ ...layer, size: 2 }],
      }),
    );
    await expect(copyGraph(from, to, manifest)).rejects.toMatchObject({
      code: "CTXPACK_E_MANIFEST",
    });
  });
});

describe("copy", () => {
  it("follows a tag once and sets it there", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const a = await pushArtifact(from, ["a"]);
    await from.tag(a, "v1");
    expect((await copy(from, "v1", to)).descriptor).toEqual(a);
    await copy(from, "v1", to, "other");
    expect(await collect(to.tags())).toEqual(["other", "v1"]);
  });

  it("by digest lists the manifest without a tag", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const a = await pushArtifact(from, ["a"]);
    const root = await pushIndex(from, [a]);
    await copy(from, root.digest, to);
    expect(await collect(to.tags())).toEqual([]);
    expect(await to.resolve(root.digest)).toMatchObject({ mediaType: IMAGE_INDEX_TYPE });
  });

  it("hands `expected` to the target", async () => {
    const [from, to] = [await newLayout(), await newLayout()];
    const [a, b] = [await pushArtifact(from, ["a"]), await pushArtifact(from, ["b"])];
    await copy(from, a.digest, to, "v1", { expected: null });
    await expect(copy(from, b.digest, to, "v1", { expected: null })).rejects.toMatchObject({
      code: "CTXPACK_E_CONFLICT",
    });
  });
});
