import { compressFrame, IndexReader, LIMITS, segmentsOf } from "@ctxpack/cache/pack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileEntry, forgeIndex, type Item, noise, openIndex, packItems, sha } from "./memory.ts";

const items: Item[] = [
  { path: "a/b.txt", content: Buffer.from("hello"), exec: true },
  { path: "a/c", content: new Uint8Array(0), key: "0f".repeat(32) },
  { path: "a/d/e", content: noise("e", 2_000_000) },
  { path: 'q"\\\u0001\u007f', content: Buffer.from("quoted") },
  { path: "é", content: Buffer.from("accent") },
  { path: "latest", link: "a" },
  { path: "one", link: "./latest/../latest/b.txt" },
  { path: "void", dir: true },
];
const pack = packItems(items);
const good = Buffer.from(pack.summary.indexBytes()).toString();
const open = (text: string) => IndexReader.open(Buffer.from(text));

describe("IndexReader", () => {
  const index = openIndex(pack);

  it("says what the writer said", () => {
    const { tree, files, bytes, tarSize, segments } = pack.summary;
    expect(index).toMatchObject({ tree, files, bytes, tarSize, segments, profile: undefined });
    expect(index.count).toBe(items.length);
    expect(JSON.stringify([...index.entries()])).toBe(JSON.stringify(JSON.parse(good).entries));
    expect(openIndex(packItems(items, "fine")).profile).toBe("fine");
  });

  it("is the same when its bytes lie elsewhere", () => {
    const many = Array.from({ length: 9000 }, (_, i): Item => {
      const path = `${String(i % 90).padStart(2, "0")}/${i}${"é".repeat(i % 100)}`;
      return i % 9 === 0 ? { path, dir: true } : { path, content: noise(path, i % 600) };
    });
    const packed = packItems(many);
    const here = openIndex(packed);
    const there = openIndex(packed);
    let reads = 0;
    const bytes = there.leave((at, into) => {
      reads++;
      into.set(whole.subarray(at, at + into.length));
    });
    const whole = Buffer.from(bytes);
    expect(whole.equals(packed.summary.indexBytes())).toBe(true);
    bytes.fill(0);
    expect(JSON.stringify([...there.entries()])).toBe(JSON.stringify([...here.entries()]));
    expect(reads, "in blocks, one at a time").toBeLessThan(10);
    expect(reads).toBeGreaterThan(1);
    const rows = (index: IndexReader) =>
      Array.from({ length: index.count }, (_, row) => [
        ...[index.path(row), index.kind(row), index.size(row)],
        ...Object.values(index.rowAt(row * 500)),
      ]);
    expect(rows(there)).toEqual(rows(here));
    const sizes = [...here.entries()].map((entry) => ("size" in entry ? entry.size : 0));
    expect(rows(here).map(([, , size]) => size)).toEqual(sizes);
    for (const { path } of many.slice(0, 50)) expect(there.find(path)).toEqual(here.find(path));
    for (const row of here.segments.keys())
      expect(there.shareRows(row)).toEqual(here.shareRows(row));
    const empty = openIndex(packItems([]));
    expect(Buffer.from(empty.leave(() => expect.unreachable())).toString()).toContain("[]");
    expect([...empty.entries()]).toEqual([]);
    expect(empty.shareRows(0).starts).toHaveLength(0);
  });

  it("knows a path in every folder", () => {
    const name = fc.constantFrom("a", "b", "a-b", "a.b", "é", "~");
    const folders = fc.array(fc.array(name, { minLength: 0, maxLength: 4 }), { maxLength: 30 });
    const parents = (path: string): string[] =>
      path.split("/").flatMap((_, i, parts) => (i === 0 ? [] : parts.slice(0, i).join("/")));
    fc.assert(
      fc.property(folders, (chosen) => {
        const paths = new Set(chosen.map((parts, i) => [...parts, `f${i}`].join("/")));
        const some = openIndex(
          packItems([...paths].map((path) => ({ path, content: noise(path, 9) }))),
        );
        const found = [...some.pathInEachFolder()].flatMap(parents);
        expect(new Set(found)).toEqual(new Set([...paths].flatMap(parents)));
        expect([...some.pathInEachFolder()].length).toBeLessThanOrEqual(new Set(found).size);
      }),
    );
  });

  it("finds entries by their exact path", () => {
    for (const { path } of items) expect(index.find(path)).toMatchObject({ path });
    for (const path of ["", "a", "a/", "b", "void/x", "zzz", "E\u0301"]) {
      expect(index.find(path)).toBeUndefined();
    }
  });

  it("finds files through links, wherever they stand in the path", () => {
    expect(index.findFile("one")?.path).toBe("a/b.txt");
    expect(index.findFile("latest/d/e")?.path).toBe("a/d/e");
    for (const path of ["latest", "a", "void", "one/x", "latest/nothing", "../x", "", "a//b.txt"]) {
      expect(index.findFile(path)).toBeUndefined();
    }
  });

  it("lists the files a walk sees that follows links", () => {
    const seen = [...index.outputFiles()].map(({ path }) => path).sort();
    const own = ["a/b.txt", "a/c", "a/d/e", 'q"\\\u0001\u007f', "é"];
    expect(seen).toEqual([...own, "latest/b.txt", "latest/c", "latest/d/e", "one"].sort());
    const digest = [...index.outputFiles()].find(({ path }) => path === "one")?.digest;
    expect(digest).toBe(sha("hello"));
  });

  it("names the segments that files lie in", () => {
    const holding = (path: string) => segmentsOf(index, (p) => p === path);
    expect(segmentsOf(index, () => true).length).toBeGreaterThan(3);
    expect(holding("a/c")).toEqual([]);
    expect(holding("latest")).toEqual([]);
    expect(holding("a/b.txt")).toEqual([0]);
    const big = index.findFile("a/d/e");
    for (const i of holding("a/d/e")) {
      const segment = index.segments[i] as { offset: number; size: number };
      expect(segment.offset + segment.size).toBeGreaterThan(big?.offset ?? 0);
    }
    expect(segmentsOf(index, (p) => p === "a/b.txt" || p === "é")).toEqual([0, ...holding("é")]);
  });

  it("accepts an index of nothing", () => {
    expect(openIndex(packItems([])).count).toBe(0);
  });
});

/** Indexes that differ from a good one in one place. */
const edits: [string, (text: string) => string][] = [
  ["white space", (t) => t.replace('"entries":', '"entries": ')],
  ["a newline at the end", (t) => `${t}\n`],
  ["a byte order mark", (t) => `\ufeff${t}`],
  [
    "another order of members",
    (t) => t.replace('"exec":true,"offset":512', '"offset":512,"exec":true'),
  ],
  ["exec that is false", (t) => t.replace('"exec":true', '"exec":false')],
  ["a member that nobody knows", (t) => t.replace('"exec":true', '"exec":true,"extra":1')],
  ["a number with a fraction", (t) => t.replace('"size":5}', '"size":5.0}')],
  ["a number with an exponent", (t) => t.replace('"size":5}', '"size":5e0}')],
  ["a number with a zero in front", (t) => t.replace('"size":5}', '"size":05}')],
  ["a negative size", (t) => t.replace('"size":5}', '"size":-5}')],
  ["a size beyond 2^53", (t) => t.replace('"size":5}', '"size":9007199254740992}')],
  ["a size that changes nothing after it", (t) => t.replace('"size":5}', '"size":6}')],
  ["a digest in capitals", (t) => t.replace(/sha256:2cf24dba/, "sha256:2CF24DBA")],
  ["a digest of another kind", (t) => t.replace("sha256:2cf", "sha512:2cf")],
  ["another digest", (t) => t.replace("sha256:2cf24dba", "sha256:2cf24dbb")],
  ["a key that is too short", (t) => t.replace(/"key":"../, '"key":"')],
  ["a string that could be shorter", (t) => t.replace("void", "\\u0076oid")],
  ["an escape in capitals", (t) => t.replace("\\u0001", "\\u0001".toUpperCase())],
  ["a control character as it is", (t) => t.replace("\\u0001", "\u0001")],
  ["DEL escaped", (t) => t.replace("\u007f", "\\u007f")],
  ["a slash escaped", (t) => t.replace('"a/c"', '"a\\/c"')],
  ["an offset that is off by a block", (t) => t.replace('"offset":512,', '"offset":1024,')],
  ["another schema", (t) => t.replace("ctxpack.index/v1", "ctxpack.index/v2")],
  ["a profile that nobody knows", (t) => t.replace(',"schema"', ',"profile":"coarse","schema"')],
  ["no schema", (t) => t.replace('"schema":"ctxpack.index/v1",', "")],
  ["another tree", (t) => t.replace(/"tree":"sha256:..../, '"tree":"sha256:0000')],
  ["no tree", (t) => t.replace(/,"tree":"[^"]*"/, "")],
  ["more behind the end", (t) => `${t}{}`],
  ["no end", (t) => t.slice(0, -1)],
  ["no segments", (t) => t.replace(/"segments":\[.*?\]/, '"segments":[]')],
  [
    "a first segment that begins late",
    (t) =>
      t
        .replace('"segments":[{"digest":"sha256:', (m) => m)
        .replace(/("segments":\[\{"digest":"[^"]*","offset":)0/, "$1512"),
  ],
  ["a gap between segments", (t) => edit(t, (s) => s.splice(1, 1))],
  [
    "segments that overlap",
    (t) =>
      edit(t, (s) => {
        (s[1] as { offset: number }).offset -= 1;
        (s[1] as { size: number }).size += 1;
      }),
  ],
  ["segments in another order", (t) => edit(t, (s) => s.reverse())],
  ["a segment that is missing at the end", (t) => edit(t, (s) => s.pop())],
  [
    "a segment behind the end",
    (t) => edit(t, (s) => s.push({ ...(s[0] as object), offset: pack.summary.tarSize, size: 512 })),
  ],
  ["an empty segment", (t) => edit(t, (s) => s.splice(1, 0, { ...(s[1] as object), size: 0 }))],
  [
    "a last segment that is too long",
    (t) =>
      edit(t, (s) => {
        (s.at(-1) as { size: number }).size += 512;
      }),
  ],
  ["entries out of order", (t) => t.replace('"path":"void"', '"path":"aaa"')],
  ["nothing", () => ""],
  ["another document", () => '{"schemaVersion":2}'],
];

function edit(text: string, change: (segments: unknown[]) => void): string {
  const index = JSON.parse(text);
  change(index.segments);
  return JSON.stringify(index);
}

describe("a forged index", () => {
  it("is a good one before it is edited", () => {
    expect(open(good).tree).toBe(pack.summary.tree);
    expect(edit(good, () => undefined)).toBe(good);
  });

  it.each(edits)("with %s is refused", (_, change) => {
    const forged = change(good);
    expect(forged).not.toBe(good);
    expect(() => open(forged)).toThrow(expect.objectContaining({ code: "CTXPACK_E_PACK" }));
  });

  it("that is cut off anywhere is refused", () => {
    for (let end = 0; end < good.length; end += 7) {
      expect(() => open(good.slice(0, end))).toThrow(
        expect.objectContaining({ code: "CTXPACK_E_PACK" }),
      );
    }
  });

  it("with any one byte changed is refused, or is what it then says", () => {
    const bytes = Buffer.from(good);
    for (let at = 0; at < bytes.length; at += 3) {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] as number) ^ 1;
      try {
        // What the tree digest does not cover: offsets are computed, keys and segment digests remain.
        expect(IndexReader.open(copy).tree).toBe(pack.summary.tree);
      } catch (error) {
        expect(error).toMatchObject({ code: "CTXPACK_E_PACK" });
      }
    }
  });

  it.each([
    ["an escape nobody needs", "\\u0061"],
    ["an escaped slash", "a\\/b"],
    ["an escape in capitals", "\\u001F"],
    ["a long escape for a short one", "\\u0009"],
    ["an escape that does not exist", "\\x41"],
    ["half an escape", "\\u00"],
    ["an escaped letter beyond ASCII", "\\u00e9"],
  ])("with %s in a name is refused even if its tree digest fits", (_, name) => {
    const entry = (text: string) => `{"dir":true,"path":"${text}"}`;
    const forge = (text: string) =>
      forgeIndex([])
        .toString()
        .replace('"entries":[]', `"entries":[${entry(text)}]`)
        .replace('"size":1024', '"size":1536')
        .replace(/"tree":"[^"]*"/, `"tree":"${sha(`[${entry(text)}]`)}"`);
    expect(open(forge("a\\tb")).count).toBe(1);
    expect(() => open(forge(name))).toThrow(/a string is not canonical JSON/);
  });

  it("with bytes that are not UTF-8 is refused", () => {
    const bytes = Buffer.from(good);
    bytes[bytes.indexOf("void")] = 0xff;
    expect(() => IndexReader.open(bytes)).toThrow(/not UTF-8/);
  });

  it("with a segment that no average allows is refused", () => {
    const size = 2 ** 28;
    const entries = [fileEntry("big", { size })];
    const tarSize = size + 512 + 1024;
    const segments = [{ digest: sha(""), offset: 0, size: tarSize }];
    expect(() => IndexReader.open(forgeIndex(entries, { segments }))).toThrow(/1 to 134217728/);
    expect(IndexReader.open(forgeIndex(entries)).tarSize).toBe(tarSize);
  });

  it("with 4,000 segments is refused, with 3,999 it is not", () => {
    const size = 4_000_000;
    const cut = (count: number) => {
      const end = size - (size % 512) + (size % 512 ? 512 : 0) + 512 + 1024;
      return Array.from({ length: count }, (_, i) => {
        const offset = i * 512;
        const length = i === count - 1 ? end - offset : 512;
        return { digest: sha(""), offset, size: length };
      });
    };
    const entries = [fileEntry("big", { size })];
    expect(IndexReader.open(forgeIndex(entries, { segments: cut(3999) })).segments.length).toBe(
      3999,
    );
    expect(() => IndexReader.open(forgeIndex(entries, { segments: cut(4000) }))).toThrow(
      /more than 3999 segments/,
    );
  });

  it("with more than 2^20 entries is refused before the rest is read", () => {
    const entry = (i: number) => `{"dir":true,"path":"${String(i).padStart(8, "0")}"}`;
    const text = `{"entries":[${Array.from({ length: LIMITS.entries + 1 }, (_, i) => entry(i)).join(",")}]`;
    expect(() => open(text)).toThrow(/more than 1048576 entries/);
  });

  it("with sizes that add up to more than 2^53 is refused", () => {
    const entries = Array.from({ length: 3 }, (_, i) => fileEntry(`f${i}`, { size: 2 ** 52 }));
    const text = forgeIndex([])
      .toString()
      .replace(
        '"entries":[]',
        `"entries":${JSON.stringify(entries.map((e, i) => ({ digest: e.digest, offset: 1536 + i * (2 ** 52 + 1536), path: e.path, size: e.size })))}`,
      );
    expect(() => open(text)).toThrow(/ends a tar of 2\^53 bytes/);
  });

  it("whose frame states more than 256 MiB is refused before it is decompressed", () => {
    const frame = Buffer.from(compressFrame(Buffer.alloc(2 ** 20)));
    expect((frame[4] as number) >> 6).toBe(2);
    frame.writeUInt32LE(LIMITS.index + 1, 5 + ((frame[4] as number) & 0x20 ? 0 : 1));
    expect(() => IndexReader.fromFrame(frame)).toThrow(/268435457 bytes of memory/);
  });
});
