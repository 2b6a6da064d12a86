import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "@ctxpack/cache";
import fc from "fast-check";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { helpersFor, WORTH_THREADS } from "../../src/store/threads/helpers.ts";
import { contractOf, folder, noise, openStore, uriFor, workplace } from "./fixture.ts";

const HOUR_MS = 3_600_000;
/** How many help with a large folder. */
const threads = helpersFor(WORTH_THREADS, true);
if (threads === 0) console.warn("skipped: threads that compress need two cores");
const isLinux = process.platform === "linux";
if (!isLinux) console.warn("skipped: what a process reads is told by /proc");

/** Files that were written a moment ago count as settled. */
function anHourLater(): void {
  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() + HOUR_MS);
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Bytes this process has read from files so far. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

async function readBy(work: () => Promise<unknown>): Promise<number> {
  const before = bytesRead();
  await work();
  return bytesRead() - before;
}

function tree(files: number): Record<string, Buffer> {
  const names = Array.from({ length: files }, (_, i) => `d${i % 3}/${`${i}`.padStart(3, "0")}`);
  return Object.fromEntries(names.map((name) => [name, noise(200_000, Number(name.slice(3)))]));
}

async function digestIn(store: Store, out: string): Promise<string> {
  const { record } = await store.seed(out, contractOf("t"), { replace: true });
  return record.manifest.digest;
}

describe("a folder that is seeded again", () => {
  it.skipIf(!isLinux)("is not read where it did not change", async () => {
    anHourLater();
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), tree(60));
    const first = await readBy(() => store.seed(out, contractOf("t")));
    expect(first).toBeGreaterThan(12_000_000);
    expect(await readBy(() => store.seed(out, contractOf("t")))).toBeLessThan(1_000_000);
    // Another contract: another pack with the same content.
    expect(await readBy(() => store.seed(out, contractOf("u")))).toBeLessThan(1_000_000);
    writeFileSync(join(out, "d1/031"), noise(200_000, 99));
    expect(await readBy(() => digestIn(store, out))).toBeLessThan(4_000_000);
    const [a, b] = [join(dir, "a"), join(dir, "b")];
    await store.extract(uriFor("t"), a);
    await store.extract(uriFor("u"), b);
    expect(readFileSync(join(a, "d1/031"))).toEqual(noise(200_000, 99));
    expect(readFileSync(join(b, "d1/031"))).toEqual(noise(200_000, 31));
  });

  it.skipIf(!isLinux)("is not read where it has thousands of files", async () => {
    anHourLater();
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const names = Array.from({ length: 2500 }, (_, i) => `d${i % 7}/${i}`);
    const out = folder(
      join(dir, "out"),
      Object.fromEntries(names.map((name, i) => [name, noise(2000, i)])),
    );
    await store.seed(out, contractOf("t"));
    expect(await readBy(() => store.seed(out, contractOf("u")))).toBeLessThan(2_000_000);
  });

  it.skipIf(threads === 0)("starts no thread before something is new", async () => {
    anHourLater();
    const dir = workplace();
    const store = await openStore(join(dir, "store"), { blocking: true });
    const out = folder(join(dir, "out"), tree(200));
    let started = 0;
    const count = (): void => {
      started += 1;
    };
    process.on("worker", count);
    onTestFinished(() => {
      process.off("worker", count);
    });
    await store.seed(out, contractOf("t"));
    expect(started).toBe(threads);
    await store.seed(out, contractOf("u"));
    expect(started).toBe(threads);
    writeFileSync(join(out, "d1/031"), noise(200_000, 999));
    await store.seed(out, contractOf("t"), { replace: true });
    expect(started).toBe(2 * threads);
  });

  it.skipIf(!isLinux)("is read again when it had been written a moment before", async () => {
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), tree(30));
    await store.seed(out, contractOf("t"));
    expect(await readBy(() => store.seed(out, contractOf("t")))).toBeGreaterThan(6_000_000);
  });

  it("gives the pack that another store would make of it, whatever was done to it", async () => {
    anHourLater();
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const contents = tree(40);
    const out = folder(join(dir, "out"), contents);
    await store.seed(out, contractOf("t"));
    let round = 0;
    const changes = fc.array(
      fc.record({ at: fc.nat(39), how: fc.constantFrom("byte", "drop", "add", "grow", "touch") }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        round += 1;
        for (const { at, how } of list)
          change(out, Object.keys(contents)[at] as string, how, round);
        const fresh = await openStore(join(dir, `store${round}`));
        expect(await digestIn(store, out)).toBe(await digestIn(fresh, out));
      }),
      { numRuns: 12 },
    );
  });

  it("is read again when its snapshot is damaged or its blobs are gone", async () => {
    anHourLater();
    const dir = workplace();
    const store = await openStore(join(dir, "store"));
    const out = folder(join(dir, "out"), tree(30));
    const digest = await digestIn(store, out);
    const snapshots = join(dir, "store", "snapshots");
    const [name = ""] = readdirSync(snapshots);
    const snapshot = readFileSync(join(snapshots, name));
    for (const at of [3, 40, snapshot.length - 5]) {
      const damaged = Buffer.from(snapshot);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(join(snapshots, name), damaged);
      expect(await digestIn(store, out)).toBe(digest);
    }
    const blobs = join(dir, "store", "blobs", "sha256");
    for (const blob of readdirSync(blobs).slice(3)) rmSync(join(blobs, blob));
    expect(await digestIn(store, out)).toBe(digest);
    await store.extract(uriFor("t"), join(dir, "to"));
    expect(readFileSync(join(dir, "to", "d0/000"))).toEqual(noise(200_000, 0));
  });
});

function change(out: string, name: string, how: string, round: number): void {
  const path = join(out, name);
  const content = readFileSync(path, { flag: "a+" });
  if (how === "drop") rmSync(path);
  else if (how === "add") writeFileSync(`${path}x${round}`, noise(50_000, round));
  else if (how === "grow") writeFileSync(path, Buffer.concat([content, noise(5000, round)]));
  else if (how === "byte") {
    // Size and mtime stay: only the ctime tells.
    const { atime, mtime } = statSync(path);
    const other = Buffer.from(content);
    if (other.length > 0) other[other.length >> 1] = (other[other.length >> 1] as number) ^ round;
    writeFileSync(path, other);
    utimesSync(path, atime, mtime);
  } else utimesSync(path, round, round);
}
