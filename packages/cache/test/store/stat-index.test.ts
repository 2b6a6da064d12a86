import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileState, hashTree } from "@ctxpack/identity";
import { busyRenames } from "@ctxpack/test-tools";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StatIndex } from "../../src/store/stat-index.ts";
import { type Key, NewRecords, SortedRecords } from "../../src/store/stat-records.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "ctxpack-stat-index-"));
  file = join(dir, "stat-index");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const hexA = "a".repeat(64);
const hexB = "b".repeat(64);
const readAt = 1_700_000_000_000;
const ago = (ms: number): bigint => BigInt(readAt - ms) * 1_000_000n + 7n;
const state: FileState = {
  ino: 12n,
  size: 34n,
  mtimeNs: ago(5000),
  ctimeNs: ago(4000),
  mode: 0o100644n,
};

async function saved(...entries: [string, FileState, string][]): Promise<void> {
  const index = await StatIndex.open(file);
  for (const [path, at, hex] of entries) index.set(path, at, hex, readAt);
  await index.save();
}

describe("StatIndex", () => {
  it("remembers across processes", async () => {
    await saved(["/a", state, hexA], ["/b", state, hexB]);
    const index = await StatIndex.open(file);
    expect(index.get("/a", state)).toBe(hexA);
    expect(index.get("/b", state)).toBe(hexB);
    expect(index.get("/c", state)).toBeUndefined();
    expect(readdirSync(dir)).toEqual(["stat-index"]);
  });

  it("remembers where its file is looked at just when it is written", async () => {
    {
      using _busy = busyRenames();
      await saved(["/a", state, hexA]);
    }
    expect((await StatIndex.open(file)).get("/a", state)).toBe(hexA);
  });

  it("remembers before it is saved", async () => {
    const index = await StatIndex.open(file);
    index.set("/a", state, hexA, readAt);
    expect(index.get("/a", state)).toBe(hexA);
    expect(existsSync(file)).toBe(false);
  });

  it.each(["ino", "size", "mtimeNs", "ctimeNs", "mode"] as const)(
    "forgets with another %s",
    async (field) => {
      await saved(["/a", state, hexA]);
      const index = await StatIndex.open(file);
      expect(index.get("/a", { ...state, [field]: state[field] + 1n })).toBeUndefined();
    },
  );

  it("keeps inode numbers beyond 2^63 apart", async () => {
    const large = { ...state, ino: 2n ** 64n - 1n };
    await saved(["/a", large, hexA]);
    const index = await StatIndex.open(file);
    expect(index.get("/a", large)).toBe(hexA);
    expect(index.get("/a", { ...large, ino: 2n ** 64n - 2n })).toBeUndefined();
  });

  it.each<[string, Partial<FileState>, boolean]>([
    ["changed 2 s before it was read", { ctimeNs: ago(2000) }, false],
    ["changed 2.001 s before it was read", { ctimeNs: ago(2001) }, true],
    ["whose mtime is as young", { mtimeNs: ago(1999) }, false],
    ["from the future", { mtimeNs: ago(-60_000) }, false],
    ["changed while it was read", { ctimeNs: ago(-1) }, false],
    ["on a file system of whole seconds", { ctimeNs: 1_600_000_000_000_000_000n }, false],
    ["from before 1970", { mtimeNs: -5_000_000_001n }, true],
  ])("a file %s: remembered %s %s", async (_what, change, remembered) => {
    const at = { ...state, ...change };
    await saved(["/a", at, hexA]);
    const index = await StatIndex.open(file);
    expect(index.get("/a", at)).toBe(remembered ? hexA : undefined);
  });

  it("does not read its file until asked", async () => {
    mkdirSync(file);
    const index = await StatIndex.open(file);
    rmSync(file, { recursive: true });
    await saved(["/a", state, hexA]);
    expect(index.get("/a", state)).toBe(hexA);
  });

  it("is empty when damaged, at whatever byte, and is then rebuilt", async () => {
    await saved(["/a", state, hexA], ["/b", state, hexB]);
    const good = readFileSync(file);
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      // Two bytes behind the magic mean nothing.
      if (at >= 22 && at < 24) continue;
      writeFileSync(file, bad);
      expect((await StatIndex.open(file)).get("/a", state)).toBeUndefined();
    }
    for (const bad of [Buffer.alloc(0), good.subarray(0, -1), Buffer.concat([good, good]), "x"]) {
      writeFileSync(file, bad);
      expect((await StatIndex.open(file)).get("/a", state)).toBeUndefined();
    }
    await saved(["/a", state, hexA]);
    expect((await StatIndex.open(file)).get("/a", state)).toBe(hexA);
  });

  it("merges with what others wrote meanwhile", async () => {
    await saved(["/a", state, hexA]);
    const mine = await StatIndex.open(file);
    mine.get("/a", state);
    mine.set("/mine", state, hexA, readAt);
    await saved(["/other", state, hexB]);
    await mine.save();
    for (const index of [mine, await StatIndex.open(file)]) {
      expect(index.get("/a", state)).toBe(hexA);
      expect(index.get("/mine", state)).toBe(hexA);
      expect(index.get("/other", state)).toBe(hexB);
    }
  });

  it("is whole after many processes wrote at once", async () => {
    const source = new URL("../../src/store/stat-index.ts", import.meta.url).href;
    const script = `const { StatIndex } = await import(${JSON.stringify(source)});
      const index = await StatIndex.open(process.argv[1]);
      for (let i = 0; i < 500; i++) {
        index.set("/" + process.argv[2] + "/" + i, { ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n, mode: 1n },
          i.toString(16).padStart(64, process.argv[2]), ${readAt});
        if (i % 50 === 0) await index.save();
      }
      await index.save();`;
    const runs = ["0", "1", "2"].map(
      (name) =>
        `"${process.execPath}" --conditions=@ctxpack/source --input-type=module -e '${script}' "${file}" ${name} & `,
    );
    execFileSync("bash", ["-c", `${runs.join("")} wait`], { cwd: import.meta.dirname });
    const index = await StatIndex.open(file);
    const at = { ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n, mode: 1n };
    let found = 0;
    for (const name of ["0", "1", "2"]) {
      for (let i = 0; i < 500; i++) {
        const hex = index.get(`/${name}/${i}`, at);
        if (hex === undefined) continue;
        found++;
        expect(hex).toBe(i.toString(16).padStart(64, name));
      }
    }
    // Who writes last may not have seen the others' last; never less than all of one.
    expect(found).toBeGreaterThanOrEqual(500);
    expect(readdirSync(dir)).toEqual(["stat-index"]);
  });

  it("goes on without a file that cannot be written, and leaves nothing behind", async () => {
    const index = await StatIndex.open(join(dir, "missing", "stat-index"));
    index.set("/a", state, hexA, readAt);
    await index.save();
    expect(index.get("/a", state)).toBe(hexA);
    mkdirSync(file);
    await saved(["/a", state, hexA]);
    expect(readdirSync(dir)).toEqual(["stat-index"]);
  });

  it("removes what a killed process left, but not what is being written", async () => {
    const old = join(dir, "stat-index.1-aaaaaaaaaaaa");
    const young = join(dir, "stat-index.2-bbbbbbbbbbbb");
    for (const path of [old, young]) writeFileSync(path, "");
    utimesSync(old, 1_600_000_000, 1_600_000_000);
    await saved(["/a", state, hexA]);
    expect(readdirSync(dir).sort()).toEqual(["stat-index", "stat-index.2-bbbbbbbbbbbb"]);
  });

  it("does not write when nothing is new", async () => {
    await saved(["/a", state, hexA]);
    const before = statSync(file, { bigint: true });
    const index = await StatIndex.open(file);
    index.get("/a", state);
    await index.save();
    expect(statSync(file, { bigint: true }).ino).toBe(before.ino);
    expect(statSync(file, { bigint: true }).mtimeNs).toBe(before.mtimeNs);
  });

  it("stops when aborted", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(StatIndex.open(file, { signal })).rejects.toBe(reason);
    await expect((await StatIndex.open(file)).save({ signal })).rejects.toBe(reason);
  });
});

describe("StatIndex behind hashTree", () => {
  /** Makes files that were written a moment ago look settled: their reading "begins" later. */
  class Later {
    readonly #index: StatIndex;
    constructor(index: StatIndex) {
      this.#index = index;
    }
    get(path: string, at: FileState): string | undefined {
      return this.#index.get(path, at);
    }
    set(path: string, at: FileState, hex: string, from: number): void {
      this.#index.set(path, at, hex, from + 10_000);
    }
  }

  it("saves reading what did not change", async () => {
    const root = join(dir, "tree");
    mkdirSync(root);
    for (let i = 0; i < 50; i++) writeFileSync(join(root, `${i}`), `${i}`);
    const index = await StatIndex.open(file);
    const plain = await hashTree(root);
    expect((await hashTree(root, { digests: new Later(index) })).digest).toBe(plain.digest);
    await index.save();
    const again = await StatIndex.open(file);
    let read = 0;
    const digests = {
      get: (path: string, at: FileState) => again.get(path, at),
      set: () => {
        read++;
      },
    };
    expect((await hashTree(root, { digests })).digest).toBe(plain.digest);
    expect(read).toBe(0);
    appendFileSync(join(root, "7"), "x");
    expect((await hashTree(root, { digests })).digest).toBe((await hashTree(root)).digest);
    expect(read).toBe(1);
  });

  // Once by the clock, where nothing is settled; once a tick after every change, where everything is.
  it.each([false, true])(
    "is never wrong, whatever is done to the files (settled: %s)",
    async (settled) => {
      const name = fc.constantFrom("a", "b", "c", "d");
      const text = fc.string({ unit: fc.constantFrom("x", "y"), minLength: 3, maxLength: 3 });
      const change = fc.oneof(
        fc.record({
          kind: fc.constantFrom("write", "append", "replace", "write back"),
          name,
          text,
        }),
        fc.record({ kind: fc.constantFrom("swap", "copy", "remove", "hash"), name, text: name }),
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 4, maxLength: 25 }), async (changes) => {
          const root = join(dir, `run-${run++}`);
          mkdirSync(root);
          for (const letter of ["a", "b", "c", "d"]) writeFileSync(join(root, letter), "xyx");
          let index = await StatIndex.open(`${root}.index`);
          for (const { kind, name: target, text: other } of changes) {
            apply(root, kind, target, other);
            if (kind !== "hash") continue;
            if (settled) waitForTick(root);
            const digests = settled ? new Later(index) : index;
            const known = (await hashTree(root, { digests })).digest;
            if (settled) waitForTick(root);
            expect(known).toBe((await hashTree(root)).digest);
            await index.save();
            index = await StatIndex.open(`${root}.index`);
          }
          expect((await hashTree(root, { digests: index })).digest).toBe(
            (await hashTree(root)).digest,
          );
        }),
        { numRuns: 60 },
      );
    },
  );

  /** Returns when a file written now gets another ctime than one written before. */
  function waitForTick(root: string): void {
    const probe = `${root}.probe`;
    const ctime = () => {
      writeFileSync(probe, "");
      return statSync(probe, { bigint: true }).ctimeNs;
    };
    const before = ctime();
    while (ctime() === before);
  }

  /** One thing that a program may do to a file; "write back" leaves size and mtime as the last one did. */
  function apply(root: string, kind: string, target: string, other: string): void {
    const path = join(root, target);
    const second = join(root, other);
    if (kind === "write") writeFileSync(path, other);
    if (kind === "append") appendFileSync(path, other);
    if (kind === "remove") rmSync(path, { force: true });
    if (kind === "replace") {
      writeFileSync(`${path}.new`, other);
      renameSync(`${path}.new`, path);
    }
    if (kind === "write back" && existsSync(path)) {
      writeFileSync(path, other);
      utimesSync(path, 1e9, 1e9);
    }
    if (kind === "copy" && existsSync(second)) writeFileSync(path, readFileSync(second));
    if (kind === "swap" && existsSync(path) && existsSync(second) && path !== second) {
      renameSync(path, `${path}.swap`);
      renameSync(second, path);
      renameSync(`${path}.swap`, second);
    }
  }

  it("sees a settled file rewritten with its size and mtime restored", async () => {
    const root = join(dir, "tree");
    mkdirSync(root);
    const path = join(root, "a");
    writeFileSync(path, "one");
    utimesSync(path, 1e9, 1e9);
    const index = await StatIndex.open(file);
    await hashTree(root, { digests: new Later(index) });
    const settled = statSync(path, { bigint: true });
    expect(index.get(path, settled)).toBeDefined();
    while (statSync(path, { bigint: true }).ctimeNs === settled.ctimeNs) {
      writeFileSync(path, "two");
      utimesSync(path, 1e9, 1e9);
    }
    expect((await hashTree(root, { digests: index })).digest).toBe((await hashTree(root)).digest);
  });

  it("does not remember what was rewritten in the tick in which it was read", async () => {
    const root = join(dir, "tree");
    mkdirSync(root);
    const path = join(root, "a");
    const index = await StatIndex.open(file);
    for (let i = 0; i < 200; i++) {
      writeFileSync(path, `${i}`.padStart(5));
      const first = await hashTree(root, { digests: index });
      writeFileSync(path, `${i + 1000}`.padStart(5));
      const second = await hashTree(root, { digests: index });
      expect(second.digest).not.toBe(first.digest);
    }
  });
});

describe("records", () => {
  const key = (bytes: Uint8Array): Key => new Uint32Array(new Uint8Array(bytes).buffer);
  const entries = fc.array(
    fc.record({
      // Of two values only many begin alike, and some are equal.
      key: fc.oneof(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ minLength: 16, maxLength: 16, min: 254 }),
      ),
      digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      day: fc.nat(20),
    }),
    { maxLength: 300 },
  );
  type Entry = { key: Uint8Array; digest: Uint8Array; day: number };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const build = (list: readonly Entry[]): NewRecords => {
    const records = new NewRecords();
    for (const entry of list) records.put(key(entry.key), hex(entry.digest), entry.day);
    return records;
  };

  it("find, sort and merge like a map", () => {
    fc.assert(
      fc.property(entries, entries, (older, newer) => {
        const merged = build(older).sorted().merge(build(newer).sorted());
        const expected = new Map([...older, ...newer].map((e) => [hex(e.key), hex(e.digest)]));
        expect(merged.count).toBe(expected.size);
        const recent = build(newer);
        for (const entry of newer) {
          expect(recent.find(key(entry.key))).toBe(
            new Map(newer.map((e) => [hex(e.key), hex(e.digest)])).get(hex(entry.key)),
          );
        }
        for (const [found, digest] of expected) {
          const row = merged.find(key(Buffer.from(found, "hex")));
          expect(merged.digest(row)).toBe(digest);
        }
        expect(merged.find(key(Buffer.from("absent".padEnd(16))))).toBe(-1);
      }),
      { numRuns: 50 },
    );
  });

  it("drop what is old and, of the rest, the oldest beyond the limit", () => {
    fc.assert(
      fc.property(entries, fc.nat(20), fc.nat(200), (list, day, most) => {
        const all = build(list).sorted();
        const kept = all.since(day, most);
        const days = Array.from({ length: all.count }, (_, row) => all.day(row))
          .filter((found) => found >= day)
          .sort((a, b) => b - a)
          .slice(0, most);
        const left = Array.from({ length: kept.count }, (_, row) => kept.day(row));
        expect(left.sort((a, b) => b - a)).toEqual(days);
      }),
    );
  });

  it("come back from their file", () => {
    const records = build([
      { key: new Uint8Array(16), digest: new Uint8Array(32), day: 3 },
    ]).sorted();
    const parsed = SortedRecords.parse(Buffer.concat([records.header(), records.bytes]));
    expect(parsed?.bytes.equals(records.bytes)).toBe(true);
  });
});
