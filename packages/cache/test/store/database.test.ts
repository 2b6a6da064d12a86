import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { sha256 } from "@ctxpack/identity";
import { describe, expect, it, onTestFinished } from "vitest";
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

function abortSoon(reason: Error): AbortSignal {
  const controller = new AbortController();
  void pause(20).then(() => controller.abort(reason));
  return controller.signal;
}
