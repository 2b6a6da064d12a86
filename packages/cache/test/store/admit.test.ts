import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPackError, sha256 } from "@ctxpack/identity";
import type { Descriptor, ReadOnlyStorage } from "@ctxpack/oci";
import { beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/index.ts";
import { buildManifest, compressFrame, parsePackManifest } from "../../src/pack/index.ts";
import {
  contractOf,
  folder,
  from,
  look,
  noise,
  openFiles,
  openStore,
  sample,
  sampleSeen,
  text,
  uriFor,
  workplace,
} from "./fixture.ts";

let dir: string;
let here: Store;
let there: Store;
beforeEach(async () => {
  dir = workplace();
  here = await openStore(join(dir, "here"));
  there = await openStore(join(dir, "there"));
});

/** A storage that notes what is fetched and may answer something else. */
function watch(
  source: ReadOnlyStorage,
  answer: (d: Descriptor) => Uint8Array | undefined = () => undefined,
): { storage: ReadOnlyStorage; fetched: string[] } {
  const fetched: string[] = [];
  const storage: ReadOnlyStorage = {
    exists: (d, o) => source.exists(d, o),
    async *fetch(d, o) {
      fetched.push(d.digest);
      const bytes = answer(d);
      if (bytes !== undefined) yield bytes;
      else yield* source.fetch(d, o);
    },
  };
  return { storage, fetched };
}

describe("admit", () => {
  it("makes no folder where none is wanted, and takes in the same", async () => {
    const content = { a: noise(300_000), b: "b", c: noise(700_000, 2) };
    await there.seed(folder(join(dir, "out"), content), contractOf("t"));
    const options = await from(there, uriFor("t"), { folder: false });
    const part = await here.admit(uriFor("t"), { ...options, only: (path) => path === "b" });
    expect(part).toMatchObject({ record: { partial: true }, blobs: { fetched: 2 } });
    const whole = await here.admit(uriFor("t"), options);
    expect(whole.record.partial).toBe(false);
    const trees = join(here.dir, "trees");
    expect(existsSync(trees) ? readdirSync(trees) : []).toEqual([]);
    expect(await text(here.read(uriFor("t"), "b"))).toBe("b");
    expect((await here.check({ deep: true })).damages).toEqual([]);
  });

  it("keeps what let a pack in, and asks about the contract before anything else comes", async () => {
    await there.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const uri = uriFor("t");
    const options = await from(there, uri);
    const { storage, fetched } = watch(options.source);
    const proof = new TextEncoder().encode("{}");
    const policies = [sha256(new TextEncoder().encode("policy"))];
    const bundles = [sha256(proof)];
    const yes = { policies, bundles, proofs: [proof] };
    const contract = (): void => {
      throw new CtxPackError("CTXPACK_E_PROOF_CONTRACT", "made by another tool");
    };
    const refused = here.admit(uri, {
      ...options,
      source: storage,
      accept: async () => ({ ...yes, contract }),
    });
    await expect(refused).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_CONTRACT" });
    expect(fetched).toHaveLength(1);
    expect(await here.get(uri)).toBeUndefined();
    await here.admit(uri, { ...options, accept: async () => yes });
    const { digest: manifest } = options.manifest;
    expect((await here.proofs(uri))?.acceptances).toMatchObject([{ policies, bundles, manifest }]);
    // Asked again with the pack here already: the contract is looked at all the same.
    const lying = here.admit(uri, { ...options, accept: async () => ({ ...yes, contract }) });
    await expect(lying).rejects.toMatchObject({ code: "CTXPACK_E_PROOF_CONTRACT" });
    const others = [sha256(new TextEncoder().encode("another"))];
    await here.admit(uri, { ...options, accept: async () => ({ ...yes, policies: others }) });
    expect((await here.proofs(uri))?.acceptances).toHaveLength(2);
  });

  it("brings a pack in, and says so", async () => {
    await there.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const result = await here.admit(uriFor("t"), await from(there, uriFor("t"), { name: "label" }));
    expect(result).toMatchObject({
      created: true,
      record: { origin: "oci:./pantry", partial: false, name: "label" },
      blobs: { fetched: 2, existing: 0 },
    });
    expect(look(await here.tree(uriFor("t"), { verify: true }))).toEqual(sampleSeen);
    expect(await here.manifest(uriFor("t"))).toEqual(await there.manifest(uriFor("t")));
  });

  it("does nothing the second time, and fetches nothing", async () => {
    await there.seed(folder(join(dir, "out"), sample), contractOf("t"));
    await here.admit(uriFor("t"), await from(there, uriFor("t")));
    const { storage, fetched } = watch(there.blobs);
    const again = await here.admit(
      uriFor("t"),
      await from(there, uriFor("t"), { source: storage }),
    );
    expect(again).toMatchObject({ created: false, blobs: { fetched: 0 } });
    expect(fetched).toEqual([]);
  });

  it("fetches only what the store lacks", async () => {
    const out = folder(join(dir, "out"), { big: noise(3_000_000), small: "1" });
    await there.seed(out, contractOf("t"));
    await here.admit(uriFor("t"), await from(there, uriFor("t")));
    folder(out, { small: "2" });
    await there.seed(out, contractOf("u"));
    const { blobs, bytes } = await here.admit(uriFor("u"), await from(there, uriFor("u")));
    expect(blobs.fetched).toBeLessThan(4);
    expect(bytes.fetched).toBeLessThan(bytes.existing / 10);
  });

  it("asks the gate after the manifest and before anything else is fetched", async () => {
    await there.seed(folder(join(dir, "out"), sample), contractOf("t"));
    const { storage, fetched } = watch(there.blobs);
    const options = await from(there, uriFor("t"), { source: storage });
    const refusal = new CtxPackError("CTXPACK_E_POLICY", "no");
    const asked: Descriptor[] = [];
    const accept = async (manifest: Descriptor, config: Descriptor): Promise<never> => {
      asked.push(manifest, config);
      throw refusal;
    };
    await expect(here.admit(uriFor("t"), { ...options, accept })).rejects.toBe(refusal);
    expect(asked.map((d) => d.digest)).toEqual([
      options.manifest.digest,
      uriFor("t").slice("ctx://".length),
    ]);
    expect(fetched).toEqual([]);
    expect(readdirSync(join(here.dir, "blobs/sha256"))).toEqual([]);
  });

  it("leaves verified blobs after a failure, and goes on from them", async () => {
    await there.seed(folder(join(dir, "out"), { big: noise(3_000_000) }), contractOf("t"));
    let left = 6;
    const failing = watch(there.blobs, () => {
      left -= 1;
      if (left < 0) throw new Error("line cut");
      return undefined;
    });
    const first = here.admit(
      uriFor("t"),
      await from(there, uriFor("t"), { source: failing.storage }),
    );
    await expect(first).rejects.toThrow("line cut");
    expect(await here.get(uriFor("t"))).toBeUndefined();
    const kept = readdirSync(join(here.dir, "blobs/sha256"));
    expect(kept.length).toBeGreaterThan(1);
    for (const hex of kept) {
      expect(sha256(readFileSync(join(here.dir, "blobs/sha256", hex)))).toBe(`sha256:${hex}`);
    }
    expect(openFiles(dir).filter((path) => !path.includes("store.db"))).toEqual([]);
    const { blobs } = await here.admit(uriFor("t"), await from(there, uriFor("t")));
    // The config is small and always fetched, so it counts nowhere.
    expect(blobs.existing).toBe(kept.length - 1);
  });

  it("an abort closes everything and shows nothing", async () => {
    await there.seed(folder(join(dir, "out"), { big: noise(3_000_000) }), contractOf("t"));
    const controller = new AbortController();
    const reason = new Error("enough");
    const options = await from(there, uriFor("t"), {
      signal: controller.signal,
      onProgress: ({ phase, done }) =>
        phase === "blob" && done > 1_000_000 && controller.abort(reason),
    });
    await expect(here.admit(uriFor("t"), options)).rejects.toBe(reason);
    expect(await here.get(uriFor("t"))).toBeUndefined();
    expect(openFiles(dir).filter((path) => !path.includes("store.db"))).toEqual([]);
  });

  it("refuses another output than the store has", async () => {
    await there.seed(folder(join(dir, "out"), sample), contractOf("t"));
    await here.seed(folder(join(dir, "out2"), { other: "" }), contractOf("t"));
    await expect(here.admit(uriFor("t"), await from(there, uriFor("t")))).rejects.toMatchObject({
      code: "CTXPACK_E_CONFLICT",
    });
    expect(await text(here.read(uriFor("t"), "other"))).toBe("");
  });
});

describe("a partial pull", () => {
  const parts = { "a/big": noise(1_500_000, 3), "b/big": noise(1_500_000, 5), "b/small": "s" };
  const only = (path: string): boolean => path.startsWith("a/");

  it("fetches the segments of the chosen files, and is listed but no hit", async () => {
    await there.seed(folder(join(dir, "out"), parts), contractOf("t"));
    const result = await here.admit(uriFor("t"), await from(there, uriFor("t"), { only }));
    expect(result.record).toMatchObject({ partial: true, files: 3 });
    expect(result.bytes.fetched).toBeLessThan(2_200_000);
    await expect(here.tree(uriFor("t"))).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
    expect(Object.keys(look(await here.tree(uriFor("t"), { only })))).toEqual(["a/big"]);
    await here.extract(uriFor("t"), join(dir, "to"), { only });
    expect(readFileSync(join(dir, "to/a/big")).equals(parts["a/big"])).toBe(true);
    expect(existsSync(join(dir, "to/b"))).toBe(false);
  });

  it("is completed by the next one", async () => {
    await there.seed(folder(join(dir, "out"), parts), contractOf("t"));
    const first = await here.admit(uriFor("t"), await from(there, uriFor("t"), { only }));
    const second = await here.admit(uriFor("t"), await from(there, uriFor("t")));
    expect(second.record.partial).toBe(false);
    expect(second.bytes.existing).toBe(first.bytes.fetched);
    expect(Object.keys(look(await here.tree(uriFor("t"))))).toHaveLength(3);
  });

  it("of everything is a whole one; of a whole pack changes nothing", async () => {
    await there.seed(folder(join(dir, "out"), parts), contractOf("t"));
    const all = { only: () => true };
    const result = await here.admit(uriFor("t"), await from(there, uriFor("t"), all));
    expect(result.record.partial).toBe(false);
    await here.admit(uriFor("t"), await from(there, uriFor("t"), { only }));
    expect(await here.get(uriFor("t"))).toMatchObject({ partial: false });
  });

  it("lacks the others' bytes: reading them is a miss", async () => {
    await there.seed(folder(join(dir, "out"), parts), contractOf("t"));
    await here.admit(uriFor("t"), await from(there, uriFor("t"), { only }));
    await expect(text(here.read(uriFor("t"), "b/big"))).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
    const both = (path: string): boolean => path.endsWith("/big");
    await expect(here.tree(uriFor("t"), { only: both })).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
  });
});

describe("admit refuses what is not what it says, and shows nothing", () => {
  async function refused(code: string, more: Parameters<typeof from>[2]): Promise<void> {
    const options = await from(there, uriFor("t"), more);
    const trees = (): string[] =>
      existsSync(join(here.dir, "trees")) ? readdirSync(join(here.dir, "trees")) : [];
    const before = trees();
    await expect(here.admit(uriFor("t"), options)).rejects.toMatchObject({ code });
    expect(trees()).toEqual(before);
    expect(await here.get(uriFor("t"))).toBeUndefined();
    for (const hex of readdirSync(join(here.dir, "blobs/sha256"))) {
      expect(sha256(readFileSync(join(here.dir, "blobs/sha256", hex)))).toBe(`sha256:${hex}`);
    }
  }

  /** A pack with one thing changed, offered under the right URI. */
  async function forged(
    change: (p: ReturnType<typeof parsePackManifest>) => {
      manifest?: Partial<Parameters<typeof buildManifest>[0]>;
      blobs?: Uint8Array[];
    },
  ): Promise<Parameters<typeof from>[2]> {
    const { bytes } = await there.manifest(uriFor("t"));
    const pack = parsePackManifest(bytes);
    const { manifest = {}, blobs = [] } = change(pack);
    const manifestBytes = buildManifest({ ...pack, ...manifest });
    const offered = new Map(blobs.map((blob) => [sha256(blob) as string, blob]));
    return {
      manifestBytes,
      manifest: {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: sha256(manifestBytes),
        size: manifestBytes.length,
      },
      source: watch(there.blobs, (d) => offered.get(d.digest)).storage,
    };
  }

  const blobOf = (bytes: Uint8Array): { digest: `sha256:${string}`; size: number } => ({
    digest: sha256(bytes),
    size: bytes.length,
  });

  beforeEach(async () => {
    await there.seed(folder(join(dir, "out"), sample), contractOf("t"));
  });

  it("a manifest with other bytes", async () => {
    const { bytes } = await there.manifest(uriFor("t"));
    await refused("CTXPACK_E_DIGEST_MISMATCH", {
      manifestBytes: Buffer.concat([bytes, Buffer.from(" ")]),
    });
  });

  it("the manifest of another pack", async () => {
    await there.seed(join(dir, "out"), contractOf("u"));
    const { descriptor, bytes } = await there.manifest(uriFor("u"));
    await refused("CTXPACK_E_DIGEST_MISMATCH", { manifest: descriptor, manifestBytes: bytes });
  });

  it("a segment with other bytes, shorter or longer ones", async () => {
    const { bytes } = await there.manifest(uriFor("t"));
    const [segment] = parsePackManifest(bytes).segments;
    const send = (content: Uint8Array) => ({
      source: watch(there.blobs, (d) => (d.digest === segment?.digest ? content : undefined))
        .storage,
    });
    const size = segment?.size ?? 0;
    await refused("CTXPACK_E_DIGEST_MISMATCH", send(Buffer.alloc(size)));
    await refused("CTXPACK_E_SIZE_MISMATCH", send(Buffer.alloc(size - 1)));
    await refused("CTXPACK_E_SIZE_MISMATCH", send(Buffer.alloc(size + 1)));
  });

  it("annotations that do not agree with the index", async () => {
    await refused("CTXPACK_E_PACK", await forged(() => ({ manifest: { files: 5 } })));
    await refused("CTXPACK_E_PACK", await forged(() => ({ manifest: { bytes: 5 } })));
    await refused(
      "CTXPACK_E_PACK",
      await forged(() => ({ manifest: { tree: sha256(Buffer.from("x")) } })),
    );
    await refused(
      "CTXPACK_E_PACK",
      await forged((p) => ({ manifest: { segments: [...p.segments, ...p.segments] } })),
    );
  });

  it("an index that is no index", async () => {
    const blob = compressFrame(Buffer.from("{}"));
    await refused(
      "CTXPACK_E_PACK",
      await forged(() => ({ manifest: { index: blobOf(blob) }, blobs: [blob] })),
    );
  });

  it("a segment that is another tar, or two frames", async () => {
    const other = compressFrame(Buffer.alloc(1024));
    await refused(
      "CTXPACK_E_PACK",
      await forged(() => ({ manifest: { segments: [blobOf(other)] }, blobs: [other] })),
    );
    const { bytes } = await there.manifest(uriFor("t"));
    const { segments } = parsePackManifest(bytes);
    const frame = readFileSync(join(there.dir, "blobs/sha256", segments[0]?.digest.slice(7) ?? ""));
    const twice = Buffer.concat([frame, frame]);
    await refused(
      "CTXPACK_E_PACK",
      await forged(() => ({ manifest: { segments: [blobOf(twice)] }, blobs: [twice] })),
    );
  });

  it.each([
    ["", async () => undefined],
    [
      ", also where the files are here already",
      async () => {
        await here.seed(join(dir, "out"), contractOf("u"));
        await here.tree(uriFor("u"));
      },
    ],
  ])(
    "a segment whose digest in the index is a lie, so that it cannot spoil later packs%s",
    async (_, prepare) => {
      await prepare();
      const index = await there.index(uriFor("t"));
      const [segment] = index.segments;
      const { bytes } = await there.manifest(uriFor("t"));
      const parsed = parsePackManifest(bytes);
      const path = join(there.dir, "blobs/sha256", parsed.index.digest.slice(7));
      const { zstdDecompressSync } = await import("node:zlib");
      const victim = sha256(Buffer.from("somebody else's segment"));
      const text = zstdDecompressSync(readFileSync(path)).toString();
      const blob = compressFrame(Buffer.from(text.replace(segment?.digest ?? "", victim)));
      await refused(
        "CTXPACK_E_PACK",
        await forged(() => ({ manifest: { index: blobOf(blob) }, blobs: [blob] })),
      );
      expect(await here.frameOf(victim)).toBeUndefined();
    },
  );

  it("a frame far longer than its segment, without fetching it", async () => {
    const uri = uriFor("t");
    const { descriptor, bytes } = await there.manifest(uri);
    const said = parsePackManifest(bytes);
    const segments = said.segments.map((s) => ({ ...s, size: 2 ** 26 }));
    const manifestBytes = buildManifest({ ...said, segments });
    const manifest = {
      ...descriptor,
      digest: sha256(manifestBytes),
      size: manifestBytes.length,
    };
    const { storage, fetched } = watch(there.blobs);
    const options = { ...(await from(there, uri)), source: storage };
    await expect(here.admit(uri, { ...options, manifest, manifestBytes })).rejects.toMatchObject({
      code: "CTXPACK_E_PACK",
      message: expect.stringContaining("segment 0 is a frame of 67108864 bytes"),
    });
    expect(fetched).toEqual([said.config.digest, said.index.digest]);
  });

  it("a config that is no resolved contract", async () => {
    const config = Buffer.from("{}");
    const uri = `ctx://${sha256(config)}` as const;
    const options = await from(
      there,
      uriFor("t"),
      await forged(() => ({ manifest: { config: blobOf(config) }, blobs: [config] })),
    );
    await expect(here.admit(uri, options)).rejects.toMatchObject({ code: "CTXPACK_E_PACK" });
  });
});
