import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "@ctxpack/identity";
import { proofOf } from "../database.ts";
import { databaseError, isDamage, isReadOnly } from "../database-error.ts";
import { unlessMissing } from "../disk.ts";
import type { CheckRun } from "./check-run.ts";
import type { DamageKind } from "./damage.ts";

/** Rows read at once. */
const PAGE = 5000;

/** Whether the databases can be read as such, and with `deep` whether rows of the store's own are what was written. */
export async function checkDatabases(run: CheckRun): Promise<void> {
  const { database } = run.parts.places;
  await check(run, database, "database-damaged", (db) => look(db, run));
  // Whoever judges packs keeps it there; what its rows mean is none of the store's business.
  await check(run, join(dirname(database), "seen.db"), "seen-damaged", quickCheck);
}

async function check(
  run: CheckRun,
  path: string,
  kind: DamageKind,
  find: (db: DatabaseSync) => Promise<string | undefined> | string | undefined,
): Promise<void> {
  const stat = unlessMissing(() => lstatSync(path));
  // One that is not there is made when somebody needs it.
  if (stat === undefined) return;
  run.expectOwner(path, stat.uid);
  try {
    const wrong = await whole(run, path, find);
    if (wrong !== undefined) run.findings.add(kind, path, wrong);
  } catch (error) {
    // Nobody has said that it is damaged: whoever may write it next rolls it back.
    if (isReadOnly(error)) return;
    if (!isDamage(error)) throw databaseError(error, path);
    run.findings.add(kind, path, (error as Error).message);
  }
}

/** What is wrong with a database. One that a killed process has left a journal of is only then opened to be written. */
async function whole(
  run: CheckRun,
  path: string,
  find: (db: DatabaseSync) => Promise<string | undefined> | string | undefined,
): Promise<string | undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  for (let readOnly = true; ; readOnly = false) {
    const db = new DatabaseSync(path, { readOnly, timeout: 60_000 });
    try {
      return await find(db);
    } catch (error) {
      if (!readOnly || !isReadOnly(error) || run.parts.workspace.readOnly) throw error;
    } finally {
      db.close();
    }
  }
}

function quickCheck(db: DatabaseSync): string | undefined {
  const [first] = db.prepare("PRAGMA quick_check(1)").all();
  const said = Object.values(first ?? {})[0];
  return said === "ok" ? undefined : String(said);
}

async function look(db: DatabaseSync, run: CheckRun): Promise<string | undefined> {
  const wrong = quickCheck(db);
  if (wrong !== undefined) return wrong;
  const hasFrames = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'frame'").get();
  if (!run.deep || hasFrames === undefined) return undefined;
  // In pages: a reader that waits would keep writers out, those of this process too.
  const page = db.prepare(
    `SELECT raw, blob, size, proof FROM frame WHERE raw > ? ORDER BY raw LIMIT ${PAGE}`,
  );
  for (let last = ""; ; ) {
    const rows = page.all(last);
    for (const { raw, blob, size, proof } of rows) {
      const frame = { raw: raw as Digest, blob: blob as Digest, size: Number(size) };
      if (proof !== proofOf(frame)) return `the row of ${raw} is not what was written`;
    }
    if (rows.length < PAGE) return undefined;
    last = String(rows.at(-1)?.["raw"]);
    await run.breathe();
  }
}
