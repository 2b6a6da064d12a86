import { lstatSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { claimOwner, isAbandoned } from "../claim.ts";
import { GRACE } from "../collect/plan.ts";
import { unlessMissing, unlessRefused } from "../disk.ts";
import { RecordsList } from "../known/records-list.ts";
import { KnownTable } from "../known/table.ts";
import { LAYOUT } from "../open.ts";
import { isGone, parseOwner } from "../owner.ts";
import type { PackBrief } from "../record.ts";
import { ABANDONED_MS } from "../records-file.ts";
import { parseSnapshot } from "../snapshot.ts";
import { treesBeside } from "../stat-index.ts";
import { SortedRecords } from "../stat-records.ts";
import { TRASH_NAME } from "../trash.ts";
import { KEPT_MS } from "../unfinished.ts";
import { names } from "./check-packs.ts";
import type { CheckRun } from "./check-run.ts";
import type { DamageKind } from "./damage.ts";

/** The store's own small files, and what processes that are gone have left. */
export async function checkLeftovers(run: CheckRun): Promise<void> {
  checkLayout(run);
  // What only the store's owner may read is looked at when he asks.
  const ofOwner = [
    checkStatIndex,
    checkSnapshots,
    checkKnown,
    checkKnownRecords,
    checkDownloads,
    checkClaims,
  ];
  for (const check of ofOwner) unlessRefused(() => check(run));
  checkWorkspaces(run);
  checkPins(run);
  const { logs, rechecked, proofs } = run.parts.places;
  checkBeside(run, logs, { kind: "stale-log", what: "log" });
  checkBeside(run, rechecked, { kind: "stale-recheck", what: "recheck" });
  checkBeside(run, proofs, { kind: "stale-proof", what: "proof" });
  checkTrash(run);
  await run.breathe();
}

function checkLayout(run: CheckRun): void {
  const { layout } = run.parts.places;
  const text = unlessMissing(() => readFileSync(layout, "utf8"));
  if (text === LAYOUT) return;
  run.findings.add("layout-damaged", layout, `is not ${LAYOUT}`);
}

function checkStatIndex(run: CheckRun): void {
  const { statIndex, dir } = run.parts.places;
  const files = [statIndex, treesBeside(statIndex)];
  for (const path of files) {
    const bytes = unlessMissing(() => readFileSync(path));
    if (bytes !== undefined && SortedRecords.parse(bytes) === undefined) {
      run.findings.add("stat-index-damaged", path, "is no index of known digests");
    }
  }
  for (const name of names(dir)) {
    if (!files.some((path) => name.startsWith(`${basename(path)}.`))) continue;
    if (isOlder(join(dir, name), ABANDONED_MS)) {
      run.findings.add("stale-temporary", join(dir, name), "was never put in its place");
    }
  }
}

function checkKnown(run: CheckRun): void {
  const { known } = run.parts.places;
  const { damage } = KnownTable.read(known);
  if (damage !== undefined) run.findings.add("known-contracts-torn", known, damage);
}

function checkKnownRecords(run: CheckRun): void {
  const { places, records } = run.parts;
  const path = places.knownRecords;
  const file = unlessMissing(() => readFileSync(path));
  if (file === undefined) return;
  const list = RecordsList.parse(file);
  if (list === undefined) {
    run.findings.add("known-records-damaged", path, "is no list of records");
    return;
  }
  for (const { shelf, seenMs, brief, json } of list.shelves) {
    const said = [brief, json].flatMap((text) => JSON.parse(text.toString()) as PackBrief[]);
    const here = new Set(records.onShelf(shelf));
    // Asked last: what has come or gone meanwhile has changed it.
    if (records.changedMs(shelf) !== seenMs) continue;
    const ghost = said.find(({ uri }) => !here.has(uri));
    if (ghost !== undefined) {
      run.findings.add("known-records-damaged", path, `names ${ghost.uri}, which is not here`);
      return;
    }
  }
}

function checkSnapshots(run: CheckRun): void {
  const { snapshots } = run.parts.places;
  for (const name of names(snapshots)) {
    const path = join(snapshots, name);
    if (!/^[0-9a-f]{32}$/.test(name)) {
      run.findings.add("foreign-file", path, "no snapshot of a folder has this name");
    } else if (!isSnapshot(path)) {
      run.findings.add("snapshot-damaged", path, "is no snapshot of a folder");
    }
  }
}

function isSnapshot(path: string): boolean {
  // One that is gone was replaced or forgotten meanwhile.
  const bytes = unlessMissing(() => readFileSync(path));
  try {
    return bytes === undefined || parseSnapshot(bytes) !== undefined;
  } catch {
    return false;
  }
}

function checkWorkspaces(run: CheckRun): void {
  const { temporary } = run.parts.places;
  for (const name of names(temporary)) {
    const path = join(temporary, name);
    const owner = parseOwner(name);
    const seenMs = unlessMissing(() => lstatSync(path))?.mtimeMs;
    if (seenMs === undefined) continue;
    if (owner === undefined) {
      run.findings.add("foreign-file", path, "no process's folder has this name");
    } else if (isGone(owner, seenMs, Date.now())) {
      const message = `is the unfinished work of process ${owner.pid}, which is gone`;
      run.findings.add("stale-workspace", path, message);
    }
  }
}

function checkDownloads(run: CheckRun): void {
  const { unfinished } = run.parts.places;
  for (const name of names(unfinished)) {
    const path = join(unfinished, name);
    if (!/^[0-9a-f]{64}$/.test(name)) {
      run.findings.add("foreign-file", path, "no beginning of a blob has this name");
    } else if (isOlder(path, KEPT_MS)) {
      run.findings.add("stale-download", path, "is the beginning of a blob, and over a week old");
    }
  }
}

function checkPins(run: CheckRun): void {
  const { pins } = run.parts.places;
  for (const name of names(pins)) {
    const path = join(pins, name);
    if (!/^[0-9a-f]{64}$/.test(name)) {
      run.findings.add("foreign-file", path, "no pin has this name");
      continue;
    }
    const record = run.parts.places.record(`ctx://sha256:${name}`);
    if (unlessMissing(() => lstatSync(record)) === undefined) {
      run.findings.add("stale-pin", path, "pins a pack that is not here");
    }
  }
}

/** What is kept beside packs, by their URIs. */
function checkBeside(
  run: CheckRun,
  dir: string,
  { kind, what }: { readonly kind: DamageKind; readonly what: string },
): void {
  for (const shelf of names(dir)) {
    if (!run.isShelf(dir, shelf)) continue;
    for (const name of names(join(dir, shelf))) {
      const path = join(dir, shelf, name);
      if (!/^[0-9a-f]{64}$/.test(name) || !name.startsWith(shelf)) {
        run.findings.add("foreign-file", path, `no ${what} has this name`);
        continue;
      }
      const record = run.parts.places.record(`ctx://sha256:${name}`);
      if (unlessMissing(() => lstatSync(record)) === undefined) {
        run.findings.add(kind, path, `is the ${what} of a pack that is not here`);
      }
    }
  }
}

function checkClaims(run: CheckRun): void {
  const { claims } = run.parts.places;
  for (const name of names(claims)) {
    const path = join(claims, name);
    if (!/^[0-9a-f]{64}$/.test(name)) {
      run.findings.add("foreign-file", path, "no claim has this name");
      continue;
    }
    const owner = claimOwner(path);
    // One that was given up meanwhile is no finding, either.
    if (unlessMissing(() => lstatSync(path)) === undefined) continue;
    if (owner === undefined) {
      run.findings.add("stale-claim", path, "says of no process that it computes");
    } else if (isAbandoned(path, owner)) {
      run.findings.add("stale-claim", path, `is of process ${owner.pid}, which is gone`);
    }
  }
}

function checkTrash(run: CheckRun): void {
  const { trash } = run.parts.places;
  for (const name of names(trash)) {
    const path = join(trash, name);
    if (!TRASH_NAME.test(name)) {
      run.findings.add("foreign-file", path, "nothing in the trash has this name");
    } else if (isOlder(path, GRACE.trashMs)) {
      run.findings.add("stale-trash", path, "was moved out of the way more than a day ago");
    }
  }
}

function isOlder(path: string, ms: number): boolean {
  const stat = unlessMissing(() => lstatSync(path));
  return stat !== undefined && Date.now() - stat.mtimeMs > ms;
}
