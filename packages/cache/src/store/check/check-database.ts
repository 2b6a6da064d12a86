import { lstatSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { Digest } from "@ctxpack/identity";
import { databaseError, isDamage, proofOf } from "../database.ts";
import { unlessMissing } from "../disk.ts";
import type { CheckRun } from "./check-run.ts";

/** Rows read at once. */
const PAGE = 5000;

/** Whether the database can be read as one, and with `deep` whether its rows are what was written. */
export async function checkDatabase(run: CheckRun): Promise<void> {
  const { database: path } = run.parts.places;
  const stat = unlessMissing(() => lstatSync(path));
  // One that is not there is made when somebody needs it.
  if (stat === undefined) return;
  run.expectOwner(path, stat.uid);
  const { DatabaseSync } = await import("node:sqlite");
  try {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 60_000 });
    try {
      const wrong = await look(db, run);
      if (wrong !== undefined) run.findings.add("database-damaged", path, wrong);
    } finally {
      db.close();
    }
  } catch (error) {
    if (!isDamage(error)) throw databaseError(error, path);
    run.findings.add("database-damaged", path, (error as Error).message);
  }
}

async function look(db: DatabaseSync, run: CheckRun): Promise<string | undefined> {
  const [first] = db.prepare("PRAGMA quick_check(1)").all();
  const said = Object.values(first ?? {})[0];
  if (said !== "ok") return String(said);
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
