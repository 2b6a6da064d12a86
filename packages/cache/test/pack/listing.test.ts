import { IndexReader, LIMITS, Listing } from "@ctxpack/cache/pack";
import { describe, expect, it } from "vitest";
import { fileEntry, forgeIndex, type Item, listingOf, packItems } from "./memory.ts";

const empty = new Uint8Array(0);
const file = (path: string): Item => ({ path, content: empty });
const link = (path: string, to: string): Item => ({ path, link: to });
const dir = (path: string): Item => ({ path, dir: true });
const chain = (length: number): Item[] => [
  file("end"),
  ...Array.from({ length }, (_, i) => link(`l${i}`, i === 0 ? "end" : `l${i - 1}`)),
];

/** Trees that no pack may hold; each is refused while seeding and again while reading. */
const refused: [string, Item[], RegExp][] = [
  ["an empty path", [file("")], /is absolute or empty/],
  ["an absolute path", [file("/etc/passwd")], /is absolute or empty/],
  ["a path that climbs", [file("../x")], /has the segment "\.\."/],
  ["a path that climbs from inside", [file("a/../../x")], /has the segment "\.\."/],
  ["a path that ends in ..", [file("a/..")], /has the segment "\.\."/],
  ["a dot segment", [file("./a")], /has the segment "\."/],
  ["the path .", [dir(".")], /has the segment "\."/],
  ["an empty segment", [file("a//b")], /has an empty segment/],
  ["a slash at the end", [dir("a/")], /has an empty segment/],
  ["a drive form", [file("C:/x")], /starts with a drive letter/],
  ["a drive-relative form", [file("c:x")], /starts with a drive letter/],
  ["a NUL", [file("a\0b")], /holds a NUL byte/],
  ["a newline", [file("a\nb")], /holds a newline/],
  ["a lone surrogate", [file("a\ud800")], /is not valid UTF-8/],
  ["a segment of 256 bytes", [file(`a/${"x".repeat(256)}`)], /segment of 256 bytes/],
  ["a segment of 256 bytes in 128 letters", [file("é".repeat(128))], /segment of 256 bytes/],
  ["a path of 4,097 bytes", [file(`${"x/".repeat(2048)}x`)], /is 4097 bytes long/],
  [
    "paths that imply millions of folders",
    Array.from({ length: 1200 }, (_, i) => file(`${i}${"/x".repeat(2000)}`)),
    /makes more than 2097152 folders/,
  ],
  ["two entries of one name", [file("a"), dir("a")], /is listed twice/],
  ["a file and a link of one name", [file("a"), link("a", "a")], /is listed twice/],
  ["an entry below a file", [file("a"), file("a/b")], /lies below the entry "a"/],
  ["an entry below a file, others between", [file("a"), file("a-b"), file("a/b")], /lies below/],
  ["an entry deep below a link", [dir("d"), link("a", "d"), file("a/b/c")], /lies below/],
  ["an entry below an empty folder", [dir("a"), file("a/b")], /lies below the entry "a"/],
  ["a link to an absolute path", [link("a", "/etc/passwd")], /which is absolute/],
  ["a link to the root of everything", [link("a", "/")], /which is absolute/],
  ["a link that leaves", [link("a/l", "../../x")], /which leaves the tree/],
  [
    "a link that leaves only when resolved",
    // x/up is the root, so x/up/.. is outside although the text climbs no further than it went.
    [file("x/y/f"), link("x/y/up", ".."), link("l", "x/y/up/../../..")],
    /which leaves the tree/,
  ],
  ["a link that dangles", [link("a", "b")], /which dangles/],
  ["a link into a link that dangles", [link("a", "b"), link("b", "c")], /which dangles/],
  ["a link through a file", [file("f"), link("a", "f/x")], /which goes through a file/],
  ["a link to a file with a slash", [file("f"), link("a", "f/")], /which goes through a file/],
  ["a link to a file with /.", [file("f"), link("a", "f/.")], /which goes through a file/],
  ["a link to a file with /..", [file("f"), file("g"), link("a", "f/../g")], /through a file/],
  [
    "a slash after a link to a file",
    [file("f"), link("k", "f"), link("a", "k/")],
    /through a file/,
  ],
  ["a link to itself", [link("a", "a")], /which loops/],
  ["two links to each other", [link("a", "b"), link("b", "a")], /which loops/],
  ["41 links", chain(41), /which loops/],
  [
    "41 links in one target",
    [...chain(20), link("z", "d/../l19"), link("zz", "z"), dir("d")].concat([
      link("d2", "d"),
      link("y", `${"d2/../".repeat(40)}end`),
    ]),
    /which loops/,
  ],
  ["a link to its own folder", [file("a/f"), link("a/l", ".")], /closes a cycle/],
  ["a link to the root", [link("l", ".")], /closes a cycle/],
  ["a link to a folder above", [file("a/b/f"), link("a/b/l", "../../a")], /closes a cycle/],
  [
    "folders that lead into one another",
    [file("a/f"), file("b/f"), link("a/l", "../b"), link("b/l", "../a")],
    /closes a cycle/,
  ],
  ["an empty link target", [link("a", "")], /target is 0 bytes long/],
  ["a link target of 4,096 bytes", [dir("d"), link("a", `${"d/../".repeat(819)}d`)], /4096 bytes/],
  ["a link target with a NUL", [link("a", "b\0")], /holds a NUL/],
  ["a link target with a lone surrogate", [link("a", "\udc00")], /not valid UTF-8/],
  ["names equal after NFC", [file("\u00e9"), file("e\u0301")], /one name after NFC/],
  [
    "names equal after NFC below folders",
    [file("\u00e9/x"), file("e\u0301/x")],
    /one name after NFC/,
  ],
  [
    "folders equal after NFC, with other names below",
    [file("\u00e9/x"), file("e\u0301/y")],
    /one name/,
  ],
  ["empty folders equal after NFC", [dir("d/\u00e9"), dir("d/e\u0301")], /one name after NFC/],
  [
    "a link and a folder equal after NFC",
    [file("d/x"), file("e\u0301/x"), link("\u00e9", "d")],
    /one name after NFC/,
  ],
  [
    "links that multiply files",
    Array.from({ length: 24 }, (_, i): Item[] =>
      i === 0 ? [file("d0/f")] : [link(`d${i}/a`, `../d${i - 1}`), link(`d${i}/b`, `../d${i - 1}`)],
    ).flat(),
    /see more than 4194304 files/,
  ],
];

/** Trees that look like those and are fine. */
const accepted: [string, Item[]][] = [
  [
    "names that only look odd",
    [file("..."), file("a/.b"), file("-n"), file("C"), file("1:x"), file("ab:c")],
  ],
  ["backslashes", [file("a\\b"), file("..\\x"), file("\\")]],
  [
    "the longest names",
    [file("x".repeat(255)), file(`${`${"y".repeat(255)}/`.repeat(15)}${"y".repeat(256 - 1)}`)],
  ],
  ["siblings that begin alike", [file("a"), file("a-b"), file("ab"), file("a.d/x")]],
  ["a link into a folder that entries imply", [file("a/b/c"), link("l", "a/b"), link("m", "l/c")]],
  ["a link to an empty folder, with slashes", [dir("d"), link("l", ".//d///")]],
  ["a link that climbs and comes back", [file("a/f"), file("b/g"), link("a/l", "../b/../b/g")]],
  ["40 links", chain(40)],
  ["names not in NFC", [file("e\u0301"), file("d/\u00e9"), file("o\u0308/f"), file("o\u0308/g")]],
  ["two links to one folder", [file("d/f"), link("a", "d"), link("b", "d")]],
];

/** What a reader is given when somebody forges the index: sorted, with fitting offsets and digests. */
function forged(items: readonly Item[]): Buffer {
  const entries = items.map((item) =>
    "content" in item
      ? fileEntry(item.path)
      : "link" in item
        ? item
        : { dir: true as const, path: item.path },
  );
  entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return forgeIndex(entries);
}

describe.each(refused)("%s", (_, items, message) => {
  it("is no output", () => {
    expect(() => listingOf(items)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_TREE", message: expect.stringMatching(message) }),
    );
  });

  it("is no pack", () => {
    const reads = () => IndexReader.open(forged(items));
    const isEncodable = items.every((i) => `${i.path}${"link" in i ? i.link : ""}`.isWellFormed());
    expect(reads).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PACK",
        ...(isEncodable && { message: expect.stringMatching(message) }),
      }),
    );
  });
});

describe.each(accepted)("%s", (_, items) => {
  it("pass on both sides", () => {
    const { summary } = packItems(items);
    const index = IndexReader.open(summary.indexBytes());
    expect(index.count).toBe(items.length);
    // The forger fits what the reader asks for: otherwise the refusals above would prove nothing.
    expect(IndexReader.open(forged(items)).tree).toBe(index.tree);
  });
});

describe("Listing", () => {
  it("sorts by bytes and keeps what was added", () => {
    const items: Item[] = [
      { path: "\u{1f600}", content: new Uint8Array(3), exec: true },
      { path: "\ufb01", content: new Uint8Array(2), key: "ab".repeat(32) },
      link("a/l", "../\ufb01"),
      dir("a-b"),
    ];
    const listing = listingOf(items);
    const rows = Array.from({ length: listing.count }, (_, row) => listing.path(row));
    expect(rows).toEqual(["a-b", "a/l", "\ufb01", "\u{1f600}"]);
    expect(rows.map((_, row) => listing.kind(row))).toEqual(["directory", "link", "file", "file"]);
    expect([listing.size(3), listing.exec(3), listing.exec(2), listing.key(2)]).toEqual([
      3,
      true,
      false,
      "ab".repeat(32),
    ]);
    expect([listing.files, listing.bytes, listing.target(1)]).toEqual([2, 5, "../\ufb01"]);
  });

  it("holds at most 2^20 entries", () => {
    const listing = new Listing();
    for (let i = 0; i < LIMITS.entries; i++) listing.addFile(`f${i}`, 0);
    expect(() => listing.addDirectory("one more")).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_TOO_LARGE" }),
    );
  });

  it("names what some file systems fold together, folders too", () => {
    const items = [
      file("A/x"),
      file("a/y"),
      file("b"),
      file("B"),
      file("ﬁ"),
      file("fi"),
      file("c/D"),
      file("c/E"),
    ];
    const expected = [
      ["A", "a"],
      ["B", "b"],
      ["fi", "ﬁ"],
    ];
    expect(listingOf(items).foldings()).toEqual(expected);
    expect(IndexReader.open(packItems(items).summary.indexBytes()).foldings()).toEqual(expected);
  });
});
