import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { sha256 } from "@ctxpack/identity";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Database } from "../../src/store/database.ts";
import { workplace } from "./fixture.ts";

const raw = sha256(Buffer.from("raw"));
const blob = sha256(Buffer.from("blob"));

function open(path: string): Database {
  const database = new Database(path);
  onTestFinished(() => database.close());
  return database;
}

describe("frames", () => {
  it("are remembered, also by other connections", async () => {
    const path = join(workplace(), "store.db");
    const database = open(path);
    expect(await database.frame(raw)).toBeUndefined();
    await database.remember([{ raw, blob, size: 3 }]);
    expect(await database.frame(raw)).toEqual({ digest: blob, size: 3 });
    expect(await open(path).frame(raw)).toEqual({ digest: blob, size: 3 });
  });

  it("that somebody changed count as unknown", async () => {
    const path = join(workplace(), "store.db");
    await open(path).remember([{ raw, blob, size: 3 }]);
    const other = new DatabaseSync(path);
    other.exec(`UPDATE frame SET blob = '${sha256(Buffer.from("x"))}'`);
    other.close();
    expect(await open(path).frame(raw)).toBeUndefined();
  });

  it("are forgotten with a database that is damaged", async () => {
    const path = join(workplace(), "store.db");
    writeFileSync(path, "this is no database, and long enough to be looked at as one".repeat(20));
    const database = open(path);
    expect(await database.frame(raw)).toBeUndefined();
    await database.remember([{ raw, blob, size: 3 }]);
    expect(await database.frame(raw)).toEqual({ digest: blob, size: 3 });
    expect(readFileSync(`${path}.damaged`, "utf8")).toContain("no database");
  });
});

describe("a database that is damaged behind its first page", () => {
  it("is forgotten when it is read, and when it is written", async () => {
    for (const use of ["frame", "remember"] as const) {
      const path = join(workplace(), "store.db");
      const first = open(path);
      await first.remember([{ raw, blob, size: 3 }]);
      first.close();
      const bytes = readFileSync(path);
      const page = bytes.readUInt16BE(16);
      writeFileSync(path, bytes.fill(0xa5, page));
      const database = open(path);
      if (use === "frame") expect(await database.frame(raw)).toBeUndefined();
      else await database.remember([{ raw, blob, size: 3 }]);
      await database.remember([{ raw, blob, size: 3 }]);
      expect(await database.frame(raw)).toEqual({ digest: blob, size: 3 });
    }
  });
});

it("a database that somebody put in the place of a damaged one stays", async () => {
  const dir = workplace();
  const path = join(dir, "store.db");
  await open(path).remember([{ raw, blob, size: 3 }]);
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xa5, bytes.readUInt16BE(16)));
  const database = open(path);
  await database.exclusive(() => undefined);
  const fresh = open(join(dir, "fresh.db"));
  await fresh.remember([{ raw, blob, size: 3 }]);
  fresh.close();
  renameSync(join(dir, "fresh.db"), path);
  expect(await database.frame(raw), "of the damaged one, which is still open").toBeUndefined();
  expect(await database.frame(raw)).toEqual({ digest: blob, size: 3 });
  expect(existsSync(`${path}.damaged`)).toBe(false);
});

describe("exclusive", () => {
  it("gives back what the work gives, and lets go when it throws", async () => {
    const database = open(join(workplace(), "store.db"));
    expect(await database.exclusive(() => 7)).toBe(7);
    const failing = database.exclusive(() => {
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await database.exclusive(() => 8)).toBe(8);
  });

  it("waits for another holder, and stops waiting when aborted", async () => {
    const path = join(workplace(), "store.db");
    const database = open(path);
    await database.exclusive(() => undefined);
    const holder = new DatabaseSync(path);
    holder.exec("BEGIN IMMEDIATE");
    const waiting = database.exclusive(() => "done");
    const reason = new Error("enough");
    const aborted = database.exclusive(() => "never", AbortSignal.any([abortSoon(reason)]));
    await expect(aborted).rejects.toBe(reason);
    holder.exec("ROLLBACK");
    holder.close();
    expect(await waiting).toBe("done");
  });
});

describe("a lock that another process holds", () => {
  const uses = {
    frame: (database: Database, signal?: AbortSignal) => database.frame(raw, signal),
    homes: (database: Database, signal?: AbortSignal) => database.homes([raw], signal),
  };

  /** A database that was used before, and one that was not, while somebody lets nobody read. */
  async function held(isOpen: boolean): Promise<{ database: Database; release: () => void }> {
    const path = join(workplace(), "store.db");
    const database = open(path);
    await (isOpen ? database : open(path)).remember([{ raw, blob, size: 3 }]);
    const holder = new DatabaseSync(path);
    holder.exec("BEGIN EXCLUSIVE");
    return { database, release: () => holder.close() };
  }

  for (const [name, use] of Object.entries(uses)) {
    it.each([true, false])(`is waited for by ${name} while timers go on`, async (isOpen) => {
      const { database, release } = await held(isOpen);
      const using = use(database);
      let turns = 0;
      const timer = setInterval(() => {
        turns += 1;
        if (turns === 3) release();
      }, 1);
      await using;
      clearInterval(timer);
      expect(turns).toBeGreaterThanOrEqual(3);
    });

    it(`is given up by ${name} after a minute, and when aborted`, async () => {
      const { database, release } = await held(true);
      onTestFinished(release);
      const reason = new Error("enough");
      await expect(use(database, abortSoon(reason))).rejects.toBe(reason);
      const start = performance.now();
      const now = vi.spyOn(performance, "now").mockReturnValueOnce(start);
      onTestFinished(() => now.mockRestore());
      now.mockReturnValue(start + 61_000);
      await expect(use(database)).rejects.toMatchObject({ code: "CTXPACK_E_LOCKED" });
    });
  }
});

it("forgets what is gone, by pages, and keeps what leads elsewhere by now", async () => {
  const path = join(workplace(), "store.db");
  const database = open(path);
  const many = Array.from({ length: 1700 }, (_, i) => sha256(Buffer.from(`${i}`)));
  await database.remember(many.map((one) => ({ raw: one, blob: one, size: 1 })));
  await database.settle(many, blob);
  const [moved = raw] = [...many].sort();
  const looked = new Set<string>();
  const isHere = {
    blob: (digest: string) => {
      // Somebody learns of another blob between the look and the removal.
      if (looked.size === 0) {
        const other = new DatabaseSync(path);
        other.exec(`UPDATE frame SET blob = '${blob}' WHERE raw = '${moved}'`);
        other.close();
      }
      looked.add(digest);
      return digest.endsWith("0");
    },
    tree: () => false,
  };
  await database.forget(isHere);
  expect(looked.size).toBe(many.length);
  const rows = new DatabaseSync(path, { readOnly: true });
  onTestFinished(() => rows.close());
  const left = rows.prepare("SELECT raw FROM frame").all();
  const expected = many.filter((one) => one.endsWith("0") || one === moved).sort();
  expect(left).toEqual(expected.map((one) => ({ raw: one })));
  expect(rows.prepare("SELECT * FROM home").all()).toEqual([]);
  expect(rows.prepare("PRAGMA freelist_count").get()).toEqual({ freelist_count: 0 });
});

function abortSoon(reason: Error): AbortSignal {
  const controller = new AbortController();
  void pause(20).then(() => controller.abort(reason));
  return controller.signal;
}
