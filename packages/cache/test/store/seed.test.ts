import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { CtxPackError } from "@ctxpack/identity";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  contractOf,
  filesOf,
  folder,
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

describe("seed", () => {
  it("makes a pack whose URI is the digest of its config and whose tree is the folder", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const result = await store.seed(folder(join(dir, "out"), sample), contractOf("t"), {
      name: "n",
    });
    expect(result).toMatchObject({
      created: true,
      segments: { total: 1, new: 1 },
      warnings: [],
      record: {
        uri: uriFor("t"),
        files: 4,
        name: "n",
        origin: "seed",
        partial: false,
        pinned: false,
      },
    });
    const { bytes } = await store.manifest(uriFor("t"));
    expect(`ctx://${JSON.parse(Buffer.from(bytes).toString()).config.digest}`).toBe(uriFor("t"));
    expect(look(await store.tree(uriFor("t")))).toEqual(sampleSeen);
  });

  it("gives one manifest in two folders, two stores, under two umasks and at two times", async () => {
    const dir = workplace();
    const manifests = new Set<string>();
    for (const [i, umask] of [0o000, 0o077].entries()) {
      const before = process.umask(umask);
      try {
        const store = await openStore(join(dir, `store${i}`));
        const out = folder(join(dir, `out${i}`), sample);
        utimesSync(join(out, "a.txt"), 1_000_000 * i, 1_000_000 * i);
        manifests.add((await store.seed(out, contractOf("t"))).record.manifest.digest);
      } finally {
        process.umask(before);
      }
    }
    expect(manifests.size).toBe(1);
  });

  it("writes nothing the second time", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), { ...sample, big: noise(3_000_000) });
    await store.seed(out, contractOf("t"));
    const before = filesOf(join(dir, "store", "blobs"));
    const again = await store.seed(out, contractOf("t"));
    expect(again).toMatchObject({ created: false, segments: { new: 0 }, bytes: { stored: 0 } });
    expect(filesOf(join(dir, "store", "blobs"))).toEqual(before);
  });

  it("never compresses a segment again that it knows: the blob stays the one it was", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), { big: noise(3_000_000) });
    const first = await store.seed(out, contractOf("t"));
    appendFileSync(join(out, "big"), "more");
    const second = await store.seed(out, contractOf("u"));
    expect(first.segments.total).toBeGreaterThan(5);
    // Header, last data segment and trailer.
    expect(second.segments.new).toBeLessThanOrEqual(3);
    const index = await store.index(uriFor("u"));
    const known = await Promise.all(index.segments.map((s) => store.frameOf(s.digest)));
    expect(known.every((blob) => blob !== undefined)).toBe(true);
  });

  it("makes the pack whole again when a blob of it has gone", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), { big: noise(3_000_000) });
    const first = await store.seed(out, contractOf("t"));
    const { bytes } = await store.manifest(uriFor("t"));
    const { layers } = JSON.parse(Buffer.from(bytes).toString());
    rmSync(join(store.dir, "blobs/sha256", layers[4].digest.slice(7)));
    const again = await store.seed(out, contractOf("t"));
    expect(again).toMatchObject({
      segments: { new: 1 },
      record: { manifest: first.record.manifest },
    });
    expect(look(await store.tree(uriFor("t")))).toEqual(look(out));
  });

  it("refuses another output of the same contract, naming at most 20 files, unless told to replace", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), sample);
    await store.seed(out, contractOf("t"));
    writeFileSync(join(out, "a.txt"), "other");
    chmodSync(join(out, "bin/run"), 0o644);
    rmSync(join(out, "z/zero"));
    for (let i = 0; i < 30; i++) writeFileSync(join(out, `new${i}`), "");
    const failure = store.seed(out, contractOf("t"));
    await expect(failure).rejects.toMatchObject({
      code: "CTXPACK_E_CONFLICT",
      message: expect.stringContaining("a.txt, bin/run, new0"),
    });
    const error = await failure.catch((e: unknown) => e);
    expect((error as CtxPackError).details["paths"]).toHaveLength(20);
    expect(await text(store.read(uriFor("t"), "a.txt"))).toBe("hello\n");

    await store.seed(out, contractOf("t"), { replace: true });
    expect(await text(store.read(uriFor("t"), "a.txt"))).toBe("other");
  });

  it("warns of names that some file systems fold together", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const { warnings } = await store.seed(
      folder(join(dir, "out"), { A: "1", a: "2" }),
      contractOf("t"),
    );
    expect(warnings).toEqual([expect.stringContaining("A and a are one name")]);
  });

  it("stores an empty folder", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    await store.seed(folder(join(dir, "out"), {}), contractOf("t"));
    expect(look(await store.tree(uriFor("t")))).toEqual({});
  });
});

describe("seed refuses", () => {
  const cases: [string, string, (dir: string) => string, string?][] = [
    ["a folder that is not there", "CTXPACK_E_PATH_NOT_FOUND", (d) => join(d, "none")],
    ["a file", "CTXPACK_E_USAGE", (d) => join(folder(d, { f: "" }), "f"), "is a file"],
    ["the store itself", "CTXPACK_E_USAGE", (d) => join(d, "..", "store"), "lie in one another"],
    [
      "a folder that holds the store",
      "CTXPACK_E_USAGE",
      (d) => join(d, ".."),
      "lie in one another",
    ],
    ["a link that dangles", "CTXPACK_E_TREE", (d) => folder(d, { l: { link: "x" } }), "dangles"],
    [
      "a link that leaves",
      "CTXPACK_E_TREE",
      (d) => folder(d, { l: { link: "../store" } }),
      "leaves",
    ],
    [
      "an absolute link",
      "CTXPACK_E_TREE",
      (d) => folder(d, { l: { link: "/etc/passwd" } }),
      "absolute",
    ],
    [
      "a link cycle",
      "CTXPACK_E_TREE",
      (d) => folder(d, { a: { link: "b" }, b: { link: "a" } }),
      "loops",
    ],
    ["a newline in a name", "CTXPACK_E_TREE", (d) => folder(d, { "a\nb": "" })],
    ["names equal after NFC", "CTXPACK_E_TREE", (d) => folder(d, { "\u00e9": "", "e\u0301": "" })],
  ];
  it.each(cases)("%s", async (_, code, make, message = "") => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = make(join(dir, "out"));
    await expect(store.seed(out, contractOf("t"))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(await store.get(uriFor("t"))).toBeUndefined();
  });

  it("a name that is not UTF-8, a socket, a FIFO", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), {});
    const bad = Buffer.concat([Buffer.from(`${out}/`), Buffer.from([0x66, 0xff])]);
    writeFileSync(bad, "");
    await expect(store.seed(out, contractOf("t"))).rejects.toMatchObject({
      code: "CTXPACK_E_TREE",
      message: expect.stringContaining("is not UTF-8"),
    });
    rmSync(bad);
    const server = createServer().listen(join(out, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    await expect(store.seed(out, contractOf("t"))).rejects.toMatchObject({
      code: "CTXPACK_E_TREE",
      message: expect.stringContaining("is a socket"),
    });
    server.close();
  });

  it("what is no resolved contract", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), sample);
    await expect(store.seed(out, Buffer.from("{}"))).rejects.toMatchObject({
      code: "CTXPACK_E_CONTRACT",
    });
  });
});

describe("a source that changes while it is read", () => {
  const changes: [string, (out: string) => void][] = [
    ["a file grows", (out) => appendFileSync(join(out, "z"), "x")],
    ["a file shrinks", (out) => writeFileSync(join(out, "z"), "")],
    ["a file is rewritten in place", (out) => writeFileSync(join(out, "big"), noise(2_000_000, 9))],
    ["a file becomes executable", (out) => chmodSync(join(out, "z"), 0o755)],
    ["a file goes", (out) => rmSync(join(out, "z"))],
    [
      "a file becomes a link",
      (out) => [rmSync(join(out, "z")), symlinkSync("big", join(out, "z"))],
    ],
    ["a file becomes a folder", (out) => [rmSync(join(out, "z")), mkdirSync(join(out, "z"))]],
    ["a file comes", (out) => writeFileSync(join(out, "sub/new"), "")],
    ["a file is renamed", (out) => renameSync(join(out, "sub/s"), join(out, "sub/t"))],
  ];
  it.each(changes)("%s: nothing becomes visible, nothing stays open", async (_, change) => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), { big: noise(2_000_000), "sub/s": "s", z: "zzz" });
    let isDone = false;
    const onProgress = ({ phase, done }: { phase: string; done: number }): void => {
      // After 1 MB: `big` is open, the others are not yet.
      if (phase !== "hash" || done < 1_000_000 || isDone) return;
      isDone = true;
      change(out);
    };
    await expect(store.seed(out, contractOf("t"), { onProgress })).rejects.toMatchObject({
      code: "CTXPACK_E_TREE",
    });
    expect(isDone).toBe(true);
    expect(await store.get(uriFor("t"))).toBeUndefined();
    expect(openFiles(out)).toEqual([]);
    expect(
      readdirSync(join(dir, "store", "tmp")).flatMap((d) =>
        readdirSync(join(dir, "store", "tmp", d)),
      ),
    ).toEqual([]);
  });

  it("what is removed while it is listed is named as changed", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"), { blocking: true });
    const out = folder(join(dir, "out"), {});
    for (let i = 0; i < 4000; i++) folder(join(out, `d${i}`), { f: "" });
    const seeding = store.seed(out, contractOf("t"));
    // Listing lets the event loop turn; then nothing of it is there any more.
    setImmediate(() => rmSync(out, { recursive: true }));
    await expect(seeding).rejects.toMatchObject({
      code: "CTXPACK_E_TREE",
      message: expect.stringContaining("was removed or replaced"),
    });
  });

  it("an abort leaves nothing open and nothing visible", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), { big: noise(4_000_000) });
    const controller = new AbortController();
    const reason = new Error("enough");
    const seeding = store.seed(out, contractOf("t"), {
      signal: controller.signal,
      onProgress: ({ done }) => done > 1_000_000 && controller.abort(reason),
    });
    await expect(seeding).rejects.toBe(reason);
    expect(await store.get(uriFor("t"))).toBeUndefined();
    expect(openFiles(dir).filter((path) => !path.includes("store.db"))).toEqual([]);
  });
});

it("gives back any folder, and one manifest for it, whatever is in the store already", async () => {
  const dir = workplace();
  const store = await openStore(join(dir, "store"));
  let run = 0;
  const name = fc
    .string({ unit: "binary", minLength: 1, maxLength: 12 })
    .filter(
      (s) =>
        !/[/\0\n\\:]/.test(s) &&
        s !== "." &&
        s !== ".." &&
        s.isWellFormed() &&
        s.normalize("NFC") === s,
    );
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(name, fc.uint8Array({ maxLength: 2000 }), { maxKeys: 8 }),
      async (files) => {
        run += 1;
        const tree = Object.fromEntries(Object.entries(files).map(([k, v]) => [`d/${k}`, v]));
        const out = folder(join(dir, `out${run}`), tree);
        const { record } = await store.seed(out, contractOf(`t${run}`));
        expect(look(await store.tree(record.uri, { verify: true }))).toEqual(look(out));
        const other = await openStore(join(dir, `store${run}`));
        expect((await other.seed(out, contractOf(`t${run}`))).record.manifest).toEqual(
          record.manifest,
        );
      },
    ),
    { numRuns: 25 },
  );
});
