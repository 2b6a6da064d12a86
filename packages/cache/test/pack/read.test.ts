import {
  type FileEntry,
  IndexReader,
  readSegment,
  segmentsOf,
  Unpacker,
} from "@ctxpack/cache/pack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestItems, type Item, noise, openIndex, packItems, sha, unpackItems } from "./memory.ts";

const items: Item[] = [
  { path: "a", content: Buffer.from("first"), exec: true },
  { path: "b/é", content: Buffer.from("second") },
  { path: "big", content: noise("big", 1_500_000) },
  { path: "empty", content: new Uint8Array(0) },
  { path: "link", link: "a" },
  { path: "small", content: noise("small", 40_000) },
  { path: "void", dir: true },
];
const pack = packItems(items);
const index = openIndex(pack);
const sink = { directory() {}, file() {}, write() {}, fileEnd() {}, link() {} };

/** The pack's segments with one byte of the tar changed, under an index that names the changed segment. */
function withByte(at: number, change: (byte: number) => number): [IndexReader, Buffer[]] {
  const raws = pack.raws.map((raw) => Buffer.from(raw));
  const i = index.segments.findIndex((s) => at < s.offset + s.size);
  const raw = raws[i] as Buffer;
  const place = at - (index.segments[i] as { offset: number }).offset;
  raw[place] = change(raw[place] as number);
  const document = JSON.parse(Buffer.from(pack.summary.indexBytes()).toString());
  document.segments[i].digest = sha(raw);
  return [IndexReader.open(Buffer.from(JSON.stringify(document))), raws];
}

describe("Unpacker", () => {
  it("gives back what was packed", () => {
    expect(digestItems(unpackItems(index, pack.raws))).toEqual(digestItems(items));
  });

  it("gives back a selection from the segments it needs", () => {
    for (const wanted of [
      ["small"],
      ["a", "void"],
      ["big", "link"],
      ["b/é", "small", "empty"],
      [],
    ]) {
      const select = (path: string) => wanted.includes(path);
      const rows = segmentsOf(index, select);
      const expected = items.filter((item) => wanted.includes(item.path));
      const found = unpackItems(index, pack.raws, { select, rows });
      expect(digestItems(found)).toEqual(digestItems(expected));
    }
  });

  it("gives nothing of a file in one segment whose digest is wrong", () => {
    const offset = index.findFile("small")?.offset as number;
    const [forged, raws] = withByte(offset + 100, (b) => b ^ 1);
    const files: string[] = [];
    const unpacker = new Unpacker(forged, sink);
    const into = { whole: (entry: FileEntry) => void files.push(entry.path) };
    const feed = () =>
      raws.forEach((raw, i) => {
        for (const slice of readSegment(forged.segmentRows(i), raw, into)) unpacker.part(i, slice);
        unpacker.segmentEnd(i);
      });
    expect(feed).toThrow(expect.objectContaining({ code: "CTXPACK_E_DIGEST_MISMATCH" }));
    expect(files).not.toContain("small");
  });

  it("never ends a long file whose digest is wrong", () => {
    const offset = index.findFile("big")?.offset as number;
    const [forged, raws] = withByte(offset + 1_400_000, (b) => b ^ 1);
    const ended: string[] = [];
    const unpacker = new Unpacker(forged, {
      ...sink,
      fileEnd: (entry) => void ended.push(entry.path),
    });
    const into = { whole: (entry: FileEntry) => void ended.push(entry.path) };
    const feed = () =>
      raws.forEach((raw, i) => {
        for (const slice of readSegment(forged.segmentRows(i), raw, into)) unpacker.part(i, slice);
        unpacker.segmentEnd(i);
      });
    expect(feed).toThrow(/"big" has the digest sha256:/);
    expect(ended).not.toContain("big");
  });

  it("refuses an empty file whose digest is not that of nothing", () => {
    const text = Buffer.from(pack.summary.indexBytes()).toString();
    const document = JSON.parse(text);
    for (const entry of document.entries) if (entry.path === "empty") entry.digest = sha("x");
    const bare = document.entries.map(
      ({ offset: _, key: __, ...rest }: Record<string, unknown>) => rest,
    );
    document.tree = sha(JSON.stringify(bare));
    const forged = IndexReader.open(Buffer.from(JSON.stringify(document)));
    expect(() => unpackItems(forged, pack.raws)).toThrow(/"empty" has the digest/);
  });

  const big = index.findFile("big")?.offset as number;
  const accent = index.findFile("b/é")?.offset as number;
  const places: [string, number][] = [
    ["a name", 0],
    ["a mode", 106],
    ["an owner", 110],
    ["a size", 130],
    ["a time", 140],
    ["a checksum", 150],
    ["a type", 156],
    ["a link name", 200],
    ["the magic", 260],
    ["a group", 300],
    ["the end of a header", 511],
    ["the padding behind content", 512 + 5],
    ["the last byte of padding", 1023],
    ["a pax record", accent - 1024 + 12],
    ["a pax header", accent - 1536 + 10],
    ["the header of a file with its own segments", big - 512],
    ["the last byte of the tar", index.tarSize - 1],
    ["the first byte of the trailer", index.tarSize - 1024],
  ];

  it.each(places)("refuses another byte in %s", (_, at) => {
    const [forged, raws] = withByte(at, (b) => b ^ 0x20);
    expect(() => unpackItems(forged, raws)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PACK",
        message: expect.stringContaining(`at byte ${at},`),
      }),
    );
  });

  it("refuses other bytes around a file that was not asked for", () => {
    const [forged, raws] = withByte(130, () => 0x37);
    const select = (path: string) => path === "b/é";
    const rows = segmentsOf(forged, select);
    expect(() => unpackItems(forged, raws, { select, rows })).toThrow(/at byte 130,/);
  });

  it("refuses any byte of the tar that was changed", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: index.tarSize - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, bits) => {
          const [forged, raws] = withByte(at, (b) => b ^ bits);
          expect(() => unpackItems(forged, raws)).toThrow(/at byte|has the digest/);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("refuses segments of another length", () => {
    const short = pack.raws.map((raw, i) => (i === 1 ? raw.subarray(1) : raw));
    expect(() => unpackItems(index, short)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_SIZE_MISMATCH" }),
    );
  });

  it("refuses to end without every segment", () => {
    const rows = [...pack.raws.keys()];
    expect(() => unpackItems(index, pack.raws, { rows: rows.slice(0, -1) })).toThrow(
      /did not come/,
    );
    expect(() => unpackItems(index, pack.raws, { rows: rows.slice(1) })).toThrow(/did not come/);
    expect(() => unpackItems(index, pack.raws, { rows: [] })).toThrow(/did not come/);
    const select = (path: string) => path === "big";
    const needed = segmentsOf(index, select);
    for (const gone of needed) {
      const some = needed.filter((row) => row !== gone);
      expect(() => unpackItems(index, pack.raws, { select, rows: some })).toThrow(
        expect.objectContaining({
          code: "CTXPACK_E_PACK",
          message: expect.stringContaining("(for"),
        }),
      );
    }
  });

  it("refuses segments out of order", () => {
    expect(() => unpackItems(index, pack.raws, { rows: [0, 0] })).toThrow(RangeError);
    expect(() => unpackItems(index, pack.raws, { rows: [99] })).toThrow(RangeError);
  });
});
