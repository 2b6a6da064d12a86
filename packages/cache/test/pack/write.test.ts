import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  compressFrame,
  type KnownPack,
  type PackStep,
  type PackSummary,
  packSteps,
} from "@ctxpack/cache/pack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  digestItems,
  type Item,
  listingOf,
  type MemoryPack,
  memoryReader,
  noise,
  openIndex,
  packItems,
  sha,
  unpackItems,
} from "./memory.ts";

const hasZstdTar = hasProgram("zstd") && hasProgram("tar");
if (!hasZstdTar) console.warn("skipped: needs zstd and tar");
const hasPython = hasProgram("python3");
if (!hasPython) console.warn("skipped: needs python3");

function hasProgram(name: string): boolean {
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const name = fc
  .oneof(
    fc.constantFrom("a", "b", "c", "d.txt", "-n", "e f", "ü", "日本", "😀", "x\\y", "ﬁ"),
    fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 6 })
      .map((s) => s.normalize("NFC").replace(/[/\0\n]/gu, "_")),
    fc.constant("n".repeat(120)),
  )
  .filter((n) => n !== "." && n !== ".." && !/^[A-Za-z]:/.test(n) && n.isWellFormed());

const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 3000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 400_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(262_143, 262_144, 1_048_575, 1_048_576, 1_100_000) },
);

/** Trees that are an output: names do not clash, links lead to a file that is there. */
const tree: fc.Arbitrary<Item[]> = fc
  .array(
    fc.record({
      parts: fc.array(name, { minLength: 1, maxLength: 4 }),
      kind: fc.constantFrom("file", "file", "file", "link", "dir"),
      size,
      seed: fc.nat(20),
      exec: fc.boolean(),
      key: fc.boolean(),
    }),
    { maxLength: 14 },
  )
  .map((rows) => {
    const taken = new Set<string>();
    const items: Item[] = [];
    for (const { parts, kind, size, seed, exec, key } of rows) {
      const path = parts.join("/");
      const composed = path.normalize("NFC");
      const clashes = [...taken].some(
        (t) => t === composed || t.startsWith(`${composed}/`) || composed.startsWith(`${t}/`),
      );
      if (clashes) continue;
      taken.add(composed);
      const file = items.find((item) => "content" in item);
      if (kind === "dir") items.push({ path, dir: true });
      else if (kind === "link" && file !== undefined) {
        items.push({ path, link: "../".repeat(parts.length - 1) + file.path });
      } else {
        const content = seed % 3 === 0 ? Buffer.alloc(size, `${seed}`) : noise(`${seed}`, size);
        const item = key ? { key: sha(path).slice(7) } : {};
        items.push({ path, content, ...(exec && { exec }), ...item });
      }
    }
    return items;
  });

/** A tree, and what it became: files removed, changed, renamed, added, made executable. */
const edits: fc.Arbitrary<{ before: Item[]; after: Item[] }> = fc
  .record({
    sizes: fc.array(
      fc.oneof(fc.integer({ min: 0, max: 400_000 }), fc.constantFrom(0, 262_144, 1_048_576)),
      { minLength: 1, maxLength: 24 },
    ),
    changes: fc.array(
      fc.record({ at: fc.nat(23), kind: fc.constantFrom("edit", "drop", "add", "exec", "grow") }),
      { maxLength: 4 },
    ),
  })
  .map(({ sizes, changes }) => {
    const before: Item[] = sizes.map((size, i) => ({
      path: `d${i % 3}/${i}`,
      content: noise(`${i}`, size),
    }));
    let after = [...before];
    for (const { at, kind } of changes) {
      const item = after[at % Math.max(1, after.length)] as Item & { content: Buffer };
      if (item === undefined) continue;
      const { path, content } = item;
      const put = (change: Item): Item[] => after.map((one) => (one === item ? change : one));
      if (kind === "drop") after = after.filter((one) => one !== item);
      else if (kind === "add")
        after = [...after, { path: `d1/new${at}`, content: noise("n", 70_000) }];
      else if (kind === "exec") after = put({ path, content, exec: true });
      else if (kind === "grow")
        after = put({ path, content: Buffer.concat([content, noise("g", 999)]) });
      else after = put({ path, content: Buffer.from(content).fill(1, content.length >> 1) });
      after = [...new Map(after.map((one) => [one.path, one])).values()];
    }
    return { before, after };
  });

function manyFiles(count: number): Item[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `${i}`.padStart(2, "0"),
    content: noise(`${i}`, 100_000),
  }));
}

/** Packs items with the pack of others known; `passed`: segments that were passed over, `rows`: paths that were read. */
function packAgain(
  items: readonly Item[],
  before: readonly Item[],
  earlier: MemoryPack,
  profile: "fine" | undefined,
  hasSegment: (i: number) => boolean = () => true,
): { raws: Buffer[]; summary: PackSummary; passed: number; rows: Set<string> } {
  const listing = listingOf(items);
  const contents = new Map(items.map((item) => [item.path, item]));
  const old = new Map(before.map((item) => [item.path, item]));
  const reader = memoryReader(items, listing);
  const rows = new Set<string>();
  const known: KnownPack = {
    index: openIndex(earlier),
    exponent: earlier.summary.exponent,
    isUnchanged: (row) => contents.get(listing.path(row)) === old.get(listing.path(row)),
    hasSegment,
  };
  const steps = packSteps(
    listing,
    {
      read(row, into, position) {
        rows.add(listing.path(row));
        return reader.read(row, into, position);
      },
      close: (row) => reader.close(row),
    },
    { known, ...(profile && { profile }) },
  );
  const raws: Buffer[] = [];
  let passed = 0;
  for (;;) {
    const { done, value } = steps.next();
    if (done) return { raws, summary: value, passed, rows };
    if (value.kind === "restart") {
      raws.length = 0;
      passed = 0;
    } else if (value.kind !== "hashed") {
      expect(value.index).toBe(raws.length);
      if (value.kind === "known") passed += 1;
      raws.push(
        value.kind === "known" ? (earlier.raws[value.segment] as Buffer) : Buffer.from(value.bytes),
      );
    }
  }
}

describe("packSteps", () => {
  it("gives the same tree back, from the same bytes whatever the order and the reads", () => {
    fc.assert(
      fc.property(tree, fc.boolean(), fc.integer({ min: 1, max: 9 }), (items, fine, most) => {
        const profile = fine ? "fine" : undefined;
        const pack = packItems(items, profile);
        const index = openIndex(pack);
        expect(digestItems(unpackItems(index, pack.raws))).toEqual(digestItems(items));
        const again = packItems([...items].reverse(), profile, most * 7919);
        expect(sha(again.summary.indexBytes())).toBe(sha(pack.summary.indexBytes()));
        expect(again.raws.map(sha)).toEqual(pack.raws.map(sha));
        expect(pack.summary.segments.map((s) => s.digest)).toEqual(pack.raws.map(sha));
        expect(
          Buffer.concat(Array.from(pack.summary.indexChunks(), (chunk) => Buffer.from(chunk))),
        ).toEqual(pack.summary.indexBytes());
      }),
      { numRuns: 60 },
    );
  });

  it("makes the pack it would make, whatever of an earlier one it passes over", () => {
    let passed = 0;
    fc.assert(
      fc.property(edits, fc.boolean(), ({ before, after }, fine) => {
        const profile = fine ? "fine" : undefined;
        const earlier = packItems(before, profile);
        const plain = packItems(after, profile);
        const found = packAgain(after, before, earlier, profile);
        expect(found.raws.map(sha)).toEqual(plain.raws.map(sha));
        expect(sha(found.summary.indexBytes())).toBe(sha(plain.summary.indexBytes()));
        passed += found.passed;
      }),
      { numRuns: 30 },
    );
    expect(passed).toBeGreaterThan(30);
  });

  it("opens no file of a tree that did not change", () => {
    const items = manyFiles(40);
    const { passed, rows, raws } = packAgain(items, items, packItems(items), undefined);
    expect(passed).toBe(raws.length);
    expect(passed).toBeGreaterThan(10);
    expect(rows.size).toBe(0);
  });

  it("reads what lies near a change, and nothing else", () => {
    const items = manyFiles(60);
    const edited = items.with(30, { path: "30", content: noise("other", 100_000) });
    const { passed, rows, raws } = packAgain(edited, items, packItems(items), undefined);
    expect(passed).toBeGreaterThan(raws.length - 5);
    expect(rows.size).toBeLessThan(20);
    expect(rows).toContain(edited[30]?.path);
  });

  it("reads what it needs when blobs of the earlier pack are gone", () => {
    const items = manyFiles(20);
    const earlier = packItems(items);
    const { raws, passed } = packAgain(items, items, earlier, undefined, (i) => i % 3 === 0);
    expect(raws.map(sha)).toEqual(earlier.raws.map(sha));
    expect(passed).toBe(Math.ceil(earlier.raws.length / 3));
  });

  it.skipIf(!hasPython)("agrees with an implementation that shares no code with it", () => {
    const script = fileURLToPath(new URL("../../vectors/make.py", import.meta.url));
    const trees = fc.sample(tree, { numRuns: 12, seed: 20_261_120 });
    const input = trees.map((items) => ({
      entries: items.map((item) =>
        "content" in item
          ? { ...item, content: { base64: Buffer.from(item.content).toString("base64") } }
          : item,
      ),
    }));
    const out = execFileSync("python3", [script, "--check"], {
      input: JSON.stringify(input),
      maxBuffer: 2 ** 26,
      encoding: "utf8",
    });
    const found = trees.map((items) => {
      const { summary, raws } = packItems(items);
      return { index: Buffer.from(summary.indexBytes()).toString(), tar: sha(Buffer.concat(raws)) };
    });
    const expected = JSON.parse(out) as { index: string; tar: string }[];
    expect(found).toEqual(expected.map(({ index, tar }) => ({ index, tar })));
  });

  it.skipIf(!hasZstdTar)("makes segments that zstd and tar turn back into the tree", () => {
    for (const items of fc.sample(tree, { numRuns: 8, seed: 7 })) {
      const { raws } = packItems(items);
      const folder = mkdtempSync(join(tmpdir(), "ctxpack-pack-"));
      try {
        const input = Buffer.concat(raws.map((raw) => compressFrame(raw)));
        const tar = execFileSync("zstd", ["-dc"], { input, maxBuffer: 2 ** 26 });
        execFileSync("tar", ["-xf", "-", "-C", folder], { input: tar });
        expect(digestItems(itemsOf(folder))).toEqual(digestItems(items.map(withoutKey)));
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
  });

  it("starts and ends a segment with a file of four average segments, and with no smaller one", () => {
    const items: Item[] = [
      { path: "a", content: noise("a", 1000) },
      { path: "big", content: noise("big", 4 * 2 ** 18) },
      { path: "c", content: noise("c", 4 * 2 ** 18 - 1) },
    ];
    const index = openIndex(packItems(items));
    const starts = new Set(index.segments.map((s) => s.offset));
    const { offset, size } = index.findFile("big") as { offset: number; size: number };
    expect(starts.has(offset)).toBe(true);
    expect(starts.has(offset + size)).toBe(true);
    expect(starts.has(index.findFile("c")?.offset as number)).toBe(false);
  });

  it("doubles the average until there are few enough segments", () => {
    // Files of just four averages get segments of their own, and the glue between them one each.
    const block = noise("own", 1_200_000);
    const items: Item[] = Array.from({ length: 95 }, (_, i) => ({
      path: `f${i}`,
      content: block.subarray(i * 997, i * 997 + 4 * 2 ** 18),
    }));
    const pack = packItems(items);
    expect(pack.restarts).toBe(1);
    expect(pack.summary.segments.length).toBeLessThan(400);
    expect(Math.max(...pack.summary.segments.map((s) => s.size))).toBeGreaterThan(2 ** 19);
    const index = openIndex(pack);
    expect(digestItems(unpackItems(index, pack.raws))).toEqual(digestItems(items));
    const fine = packItems(items, "fine");
    expect(fine.restarts).toBe(0);
    expect(fine.summary.segments.length).toBeGreaterThan(399);
    expect(fine.summary.tree).toBe(pack.summary.tree);
  });

  it.each([
    ["shorter", 5, /was listed with 10 bytes and has 5 now/],
    ["empty", 0, /was listed with 10 bytes and has 0 now/],
    ["longer", 11, /was listed with 10 bytes and is longer now/],
  ])("refuses a file that is %s than listed", (_, now, message) => {
    const listing = listingOf([{ path: "f", content: Buffer.alloc(10) }]);
    const reader = memoryReader([{ path: "f", content: Buffer.alloc(now) }], listing);
    const error = { code: "CTXPACK_E_TREE", message: expect.stringMatching(message) };
    expect(() => [...packSteps(listing, reader)]).toThrow(expect.objectContaining(error));
    expect(reader.closed).toBe(1);
  });

  it.each([
    ["shorter", 999_999],
    ["longer", 1_000_001],
  ])("refuses a long file that is %s than listed", (_, now) => {
    const listing = listingOf([{ path: "f", content: Buffer.alloc(1_000_000) }]);
    const reader = memoryReader([{ path: "f", content: Buffer.alloc(now) }], listing);
    expect(() => [...packSteps(listing, reader)]).toThrow(/was listed with 1000000 bytes and/);
    expect(reader.closed).toBe(1);
  });

  it("closes the open file when it is left before the end, and when reading fails", () => {
    const items: Item[] = [{ path: "f", content: noise("f", 3_000_000) }];
    const listing = listingOf(items);
    const reader = memoryReader(items, listing);
    for (const step of packSteps(listing, reader)) {
      if (step.kind === "hashed" && step.bytes > 500_000) break;
    }
    expect(reader.closed).toBe(1);
    const failing = {
      ...reader,
      closed: 0,
      read: () => {
        throw new Error("EIO");
      },
    };
    expect(() => [...packSteps(listing, failing)]).toThrow("EIO");
    expect(failing.closed).toBe(1);
  });

  it("reports progress that grows to the size of the content, and closes every file once", () => {
    const items: Item[] = Array.from({ length: 40 }, (_, i) => ({
      path: `f${i}`,
      content: noise(`${i}`, i * 9000),
    }));
    const listing = listingOf(items);
    const reader = memoryReader(items, listing);
    const steps: PackStep[] = [...packSteps(listing, reader)];
    const hashed = steps.flatMap((step) => (step.kind === "hashed" ? [step.bytes] : []));
    expect(hashed).toEqual([...hashed].sort((a, b) => a - b));
    expect(hashed.at(-1)).toBe(listing.bytes);
    expect(reader.closed).toBe(40);
    const offsets = steps.flatMap((step) => (step.kind === "segment" ? [step.offset] : []));
    expect(offsets[0]).toBe(0);
  });

  it("leaves keys and offsets out of the tree digest, and modes and names in", () => {
    const tree = (item: Partial<Item>): PackSummary["tree"] =>
      packItems([{ path: "f", content: Buffer.from("x"), ...item } as Item]).summary.tree;
    const plain = tree({});
    expect(tree({ key: "ab".repeat(32) })).toBe(plain);
    expect(tree({ exec: true })).not.toBe(plain);
    expect(tree({ path: "g" })).not.toBe(plain);
    expect(tree({ content: Buffer.from("y") })).not.toBe(plain);
    expect(plain).toBe(sha(`[{"digest":"${sha("x")}","path":"f","size":1}]`));
  });
});

function withoutKey(item: Item): Item {
  if (!("content" in item)) return item;
  const { key: _, ...rest } = item;
  return rest;
}

function itemsOf(folder: string, below = ""): Item[] {
  return readdirSync(join(folder, below)).flatMap((entry): Item[] => {
    const path = below === "" ? entry : `${below}/${entry}`;
    const full = `${folder}/${path}`;
    const stat = lstatSync(full);
    if (stat.isSymbolicLink()) return [{ path, link: readlinkSync(full) }];
    if (stat.isDirectory()) {
      const items = itemsOf(folder, path);
      return items.length === 0 ? [{ path, dir: true }] : items;
    }
    if (!existsSync(full)) throw new Error(`${full} is gone`);
    return [
      { path, content: readFileSync(full), ...((stat.mode & 0o100) !== 0 && { exec: true }) },
    ];
  });
}
