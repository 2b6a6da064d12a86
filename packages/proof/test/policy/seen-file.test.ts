import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type SeenKey, SeenTimesFile } from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { bundle, judge, MANIFEST, PACK, policy, requiring } from "./fixture.ts";

const OTHER = `sha256:${"b".repeat(64)}` as const;
const key = (subject: string): SeenKey => ({ policy: "/p.json", pantry: "x.example/p", subject });
const day = (n: number) => new Date(Date.UTC(2026, 10, n));

function place(): string {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return join(folder.path, "deep", "seen.db");
}

async function open(file: string, limit?: number): Promise<SeenTimesFile> {
  const seen = await SeenTimesFile.open(file, limit === undefined ? {} : { limit });
  onTestFinished(() => seen[Symbol.dispose]());
  return seen;
}

it("remembers the newest, across processes", async () => {
  const file = place();
  const seen = await open(file);
  expect(seen.last(key("a"))).toBeUndefined();
  await seen.record([{ key: key("a"), time: day(2), manifest: MANIFEST }]);
  await seen.record([{ key: key("a"), time: day(1), manifest: OTHER }]);
  const next = await open(file);
  expect(next.last(key("a"))).toEqual({ time: day(2), manifest: MANIFEST });
  await next.record([{ key: key("a"), time: day(3), manifest: OTHER }]);
  expect(seen.last(key("a"))).toEqual({ time: day(3), manifest: OTHER });
  expect(seen.last({ ...key("a"), pantry: "other" })).toBeUndefined();
});

it("forgets what was not touched for longest, beyond its limit", async () => {
  const seen = await open(place(), 3);
  for (let n = 1; n <= 5; n++) {
    await seen.record([{ key: key(`s${n}`), time: day(n), manifest: MANIFEST }]);
  }
  const known = [1, 2, 3, 4, 5].filter((n) => seen.last(key(`s${n}`)) !== undefined);
  expect(known).toEqual([3, 4, 5]);
});

it("ten processes at once lose nothing", async () => {
  const file = place();
  await open(file);
  const writer = new URL("./seen-writer.ts", import.meta.url).pathname;
  const children = Array.from({ length: 10 }, (_, n) =>
    spawn(process.execPath, ["--conditions=@ctxpack/source", writer, file, String(n)], {
      stdio: ["ignore", "inherit", "inherit"],
    }),
  );
  const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]));
  expect(codes).toEqual(children.map(() => 0));
  const seen = await open(file);
  for (let n = 0; n < 10; n++) expect(seen.last(key(`s${n}`))).toBeDefined();
  expect(seen.last(key("shared"))).toEqual({ time: day(10), manifest: OTHER });
});

it("waits for another process without holding up its own", async () => {
  const file = place();
  const seen = await open(file);
  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  other.exec("BEGIN EXCLUSIVE");
  const stop = new AbortController();
  const entry = { key: key("a"), time: day(1), manifest: MANIFEST };
  const aborted = seen.record([entry], { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await expect(aborted).rejects.toThrow("enough");
  const waiting = seen.record([entry]);
  setTimeout(() => other.exec("COMMIT"), 20);
  await waiting;
  expect(seen.last(key("a"))?.time).toEqual(day(1));
});

it("a damaged file is an error, not an empty memory", async () => {
  const file = place();
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, "not a database ".repeat(100));
  await expect(SeenTimesFile.open(file)).rejects.toMatchObject({ code: "CTXPACK_E_STORE_DAMAGED" });
});

it("one that cannot be opened says so", async () => {
  const file = place();
  mkdirSync(file, { recursive: true });
  await expect(SeenTimesFile.open(file)).rejects.toMatchObject({ code: "CTXPACK_E_PERMISSION" });
  mkdirSync(join(file, "..", "sub"));
  writeFileSync(join(file, "..", "sub", "f"), "");
  const below = join(file, "..", "sub", "f", "seen.db");
  await expect(SeenTimesFile.open(below)).rejects.toMatchObject({ code: "CTXPACK_E_PERMISSION" });
});

it("one that another program has changed is an error", async () => {
  const file = place();
  const seen = await open(file);
  const database = new DatabaseSync(file);
  database.exec("DROP TABLE seen");
  database.close();
  expect(() => seen.last(key("a"))).toThrow(/no such table|cannot be/);
  await expect(
    seen.record([{ key: key("a"), time: day(1), manifest: MANIFEST }]),
  ).rejects.toBeDefined();
});

it("an aborted one throws the reason", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(SeenTimesFile.open(place(), { signal })).rejects.toThrow("enough");
  const seen = await open(place());
  await expect(seen.record([], { signal })).rejects.toThrow("enough");
});

describe("rollback", () => {
  const take = async (verdict: ReturnType<typeof judge>, seen: SeenTimesFile) => {
    expect(verdict.failure).toBeUndefined();
    await seen.record(verdict.seen);
  };
  const newer = bundle({ at: "2026-11-19T00:00:00Z" });
  const subject = { name: "x", digest: { sha256: OTHER.slice(7) } };
  const older = bundle({ at: "2026-11-10T00:00:00Z" });
  const old = { ...older, statement: { ...older.statement, subject: [subject] } };
  const before = { ...PACK, manifest: OTHER };

  it("to an older pack of the same contract is refused", async () => {
    const seen = await open(place());
    const mine = await policy();
    await take(judge(mine, [newer], { seen }), seen);
    const found = judge(mine, [old], { pack: before, seen });
    expect(found.failure).toMatchObject({
      code: "CTXPACK_E_PROOF_ROLLBACK",
      message: expect.stringMatching(/is of 2026-11-10T00:00:00Z; sha256:a{64}, of 2026-11-19/),
    });
    // Attested anew it is no step back; neither is what was accepted before itself, with an older proof of it.
    const again = { ...old, digest: newer.digest, times: newer.times };
    expect(judge(mine, [again], { pack: before, seen }).accepted).toBe(true);
    expect(judge(mine, [bundle({ at: "2026-11-10T00:00:00Z" })], { seen }).accepted).toBe(true);
  });

  it("to one whose time was taken off it is refused", async () => {
    const seen = await open(place());
    const mine = await policy();
    await take(judge(mine, [newer], { seen }), seen);
    const found = judge(mine, [{ ...old, times: [] }], { pack: before, seen });
    expect(found.failure?.message).toMatch(/of no time that is known/);
  });

  it("is by name, too", async () => {
    const seen = await open(place());
    const mine = await policy();
    const named = { name: "nightly" };
    await take(judge(mine, [newer], { seen, pack: { ...PACK, ...named } }), seen);
    const uri = `ctx://sha256:${"d".repeat(64)}` as const;
    const elsewhere = bundle({ at: "2026-11-10T00:00:00Z", made: { contract: uri } });
    const other = { ...elsewhere, statement: { ...elsewhere.statement, subject: [subject] } };
    const pack = { ...before, uri };
    expect(judge(mine, [other], { pack, seen }).accepted).toBe(true);
    expect(judge(mine, [other], { pack: { ...pack, ...named }, seen }).failure?.code).toBe(
      "CTXPACK_E_PROOF_ROLLBACK",
    );
  });

  it("is another matter in another pantry, under another policy, or where the rule allows it", async () => {
    const seen = await open(place());
    await take(judge(await policy(), [newer], { seen }), seen);
    const elsewhere = { ...before, pantry: "ghcr.io/acme/mirror" };
    expect(judge(await policy(), [old], { pack: elsewhere, seen }).accepted).toBe(true);
    const other = await policy({}, "other.json");
    expect(judge(other, [old], { pack: before, seen }).accepted).toBe(true);
    const allowing = await requiring({ signers: ["alice"] }, { rollback: "allow" });
    expect(judge(allowing, [old], { pack: before, seen }).accepted).toBe(true);
  });
});

it("a folder that may not be written is said", { skip: process.getuid?.() === 0 }, async () => {
  const file = place();
  mkdirSync(join(file, ".."), { recursive: true });
  chmodSync(join(file, ".."), 0o500);
  await expect(SeenTimesFile.open(file)).rejects.toMatchObject({ code: "CTXPACK_E_PERMISSION" });
});
