// Typed shards to one database, and what is wrong with the data:  node load.ts <folder of records> <output folder>
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { PackageRecord } from "./package-record.ts";

/** What is not as it should be, by kind. */
interface Quality {
  readonly records: number;
  /** Without a name or a version, or said before: in the shards, and not in the database. */
  readonly rejected: number;
  readonly maintainers: number;
  readonly problems: Readonly<Record<string, number>>;
}

const SCHEMA = `
  CREATE TABLE packages (
    id INTEGER PRIMARY KEY, package TEXT NOT NULL, version TEXT NOT NULL, architecture TEXT, source TEXT, section TEXT,
    installed_kib INTEGER, bytes INTEGER, sha256 TEXT, maintainer TEXT, homepage TEXT, description TEXT,
    UNIQUE (package, version, architecture)
  ) STRICT;
  CREATE TABLE provides (name TEXT NOT NULL, id INTEGER NOT NULL REFERENCES packages) STRICT;
  CREATE TABLE depends (id INTEGER NOT NULL REFERENCES packages, clause INTEGER NOT NULL, name TEXT NOT NULL) STRICT;`;

/** How many clauses nothing in the lists can satisfy. */
const UNMET = `
  SELECT count(*) AS unmet FROM (
    SELECT max(name IN (SELECT package FROM packages UNION ALL SELECT name FROM provides)) AS met
    FROM depends GROUP BY id, clause
  ) WHERE met = 0`;

/** Fills a new database; the same records in the same order make the same bytes. */
function load(records: readonly PackageRecord[], file: string): Quality {
  using db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = OFF; BEGIN; ${SCHEMA}`);
  const values = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
  const insert = db.prepare(`INSERT INTO packages VALUES (NULL, ${values}) ON CONFLICT DO NOTHING`);
  const provide = db.prepare("INSERT INTO provides VALUES (?, ?)");
  const depend = db.prepare("INSERT INTO depends VALUES (?, ?, ?)");
  const problems = new Map<string, number>();
  const count = (problem: string, times = 1): void => {
    if (times > 0) problems.set(problem, (problems.get(problem) ?? 0) + times);
  };
  let rejected = 0;
  for (const one of records) {
    for (const problem of one.problems) count(problem);
    const isKeyed = one.package !== null && one.version !== null;
    const done = isKeyed
      ? insert.run(
          one.package,
          one.version,
          one.architecture,
          one.source,
          one.section,
          one.installedKiB,
          one.bytes,
          one.sha256,
          one.maintainer,
          one.homepage,
          one.description,
        )
      : undefined;
    if (done?.changes !== 1) {
      rejected++;
      if (isKeyed) count("said before");
      continue;
    }
    for (const name of one.provides) provide.run(name, done.lastInsertRowid);
    one.depends.forEach((names, clause) => {
      for (const name of names) depend.run(done.lastInsertRowid, clause, name);
    });
  }
  db.exec("COMMIT");
  count("Depends: nothing satisfies it", Number(db.prepare(UNMET).get()?.["unmet"]));
  const maintainers = new Set(records.map((one) => one.maintainer).filter((one) => one !== null));
  return {
    records: records.length,
    rejected,
    maintainers: maintainers.size,
    problems: Object.fromEntries([...problems].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function main([from, to]: string[]): void {
  if (from === undefined || to === undefined)
    throw new Error("usage: node load.ts <records> <out>");
  mkdirSync(to, { recursive: true });
  const records = readdirSync(from)
    .sort()
    .flatMap((name) => readFileSync(join(from, name), "utf8").split("\n"))
    .filter((line) => line !== "")
    .map((line): PackageRecord => JSON.parse(line));
  const quality = load(records, join(to, "packages.sqlite"));
  writeFileSync(join(to, "quality.json"), `${JSON.stringify(quality, null, 2)}\n`);
  console.log(JSON.stringify(quality, null, 2));
}

if (import.meta.main) main(process.argv.slice(2));
