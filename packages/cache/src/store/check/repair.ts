import {
  chmodSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  readdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { clear } from "../clear.ts";
import { diskError, systemCode } from "../disk.ts";
import { LAYOUT } from "../open.ts";
import { quarantine } from "../quarantine.ts";
import type { CheckRun } from "./check-run.ts";
import type { DamageKind, Finding } from "./damage.ts";
import { rebuildRecords } from "./rebuild-records.ts";

/**
 * Puts right what needs no pack to be made again. Nothing with content is deleted: it goes to `quarantine/`.
 */
export async function repairFiles(run: CheckRun): Promise<void> {
  const { records, database, unfinished } = run.parts;
  await each(run, ["foreign-owner"], (finding) => takeOver(run, finding));
  const replaceable = [
    "stat-index-damaged",
    "snapshot-damaged",
    "known-contracts-torn",
    "known-records-damaged",
  ] as const;
  const aside = ["foreign-file", "result-corrupt", ...replaceable] as const;
  await each(run, aside, ({ path }) => putAside(run, path));
  await each(run, ["database-damaged"], ({ path }) => {
    // What it remembers only saves work, and is learnt again.
    database.close();
    return putAside(run, path);
  });
  for (const finding of run.findings.open("seen-damaged")) {
    // An empty one in its place would let older packs pass: that is for a person to decide.
    finding.outcome = "was left; remove it if older packs may be accepted once more";
  }
  await each(run, ["layout-damaged"], ({ path }) => {
    const temporary = run.parts.workspace.path();
    writeFileSync(temporary, LAYOUT);
    rename(temporary, path);
    return "was written again";
  });
  await each(run, ["stale-workspace"], ({ path }) => {
    unfinished.salvage(path);
    clear(path);
    return "was cleared";
  });
  const packOf = ({ path }: Finding): CtxUri => `ctx://sha256:${path.slice(-64)}`;
  // Before what lies beside no pack is cleared: what lies beside these has one again.
  const rebuilt = await rebuildRecords(run, run.findings.open("stale-pin").map(packOf));
  await each(run, CLEARED, ({ path }) => {
    clear(path);
    return "was cleared";
  });
  // Under the lock of whoever publishes or pins: the pack may have come meanwhile.
  await each(run, BESIDE, (finding) =>
    database.exclusive(() => {
      const uri = packOf(finding);
      if (rebuilt.has(uri)) return "stays: its pack's record was written again";
      if (records.has(uri)) return "stays: its pack is here again";
      clear(finding.path);
      return "was cleared";
    }),
  );
  await each(run, ["stale-pin"], (finding) => {
    if (rebuilt.has(packOf(finding))) return "its pack's record was written again";
    return database.exclusive(() => {
      if (!records.has(packOf(finding))) clear(finding.path);
      return "was removed";
    });
  });
}

/** Leftovers that are of no use to anybody. */
const CLEARED: readonly DamageKind[] = [
  "stale-temporary",
  "stale-download",
  "stale-claim",
  "stale-trash",
  "stale-result",
];

/** What lay beside a pack that is gone; its name ends in the pack's digest. */
const BESIDE: readonly DamageKind[] = ["stale-log", "stale-recheck", "stale-proof"];

/** Does `work` for each finding that is open; what the disk refuses is said of the finding. */
export async function each(
  run: CheckRun,
  kinds: readonly DamageKind[],
  work: (finding: Finding) => string | Promise<string>,
): Promise<void> {
  for (const finding of run.findings.open(...kinds)) {
    await run.breathe();
    await attempt(finding, async () => {
      finding.outcome = await work(finding);
      // Unless `work` knows better.
      if (finding.state === "found") finding.state = "repaired";
    });
  }
}

/** Runs `work`; when the disk refuses, the finding says so. A full disk ends the repair. */
export async function attempt(finding: Finding, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const known = diskError(error, "repairing", finding.path);
    const isRefusal = CtxPackError.isInstance(known) && known.code === "CTXPACK_E_PERMISSION";
    if (!isRefusal) throw known;
    finding.state = "refused";
    finding.outcome = known.message;
  }
}

/** Moves something damaged or foreign out of the way, unless it is not the one any more that was `seen`, and says so. */
export function putAside(run: CheckRun, path: string, seen?: string): string {
  quarantine(run.parts.places, path, seen);
  return "was moved to quarantine";
}

/**
 * Makes a file of another user one of the store's. Its content has been hashed, or is looked at next: whoever could
 * write it may have.
 */
function takeOver(run: CheckRun, finding: Finding): string {
  const { path } = finding;
  const { owner } = run;
  if (owner === undefined) throw new RangeError("files have no owner here");
  if (process.getuid?.() === 0) {
    giveTo(path, owner);
    return "was given to the store's user";
  }
  const { places, workspace } = run.parts;
  const stat = lstatSync(path);
  const folder = dirname(path);
  const shelves = dirname(folder);
  if (stat.isFile() && (folder === places.blobs || shelves === places.records)) {
    const copy = workspace.path();
    try {
      copyFileSync(path, copy);
    } catch (error) {
      if (systemCode(error) !== "EACCES") throw error;
      return putAside(run, path);
    }
    chmodSync(copy, stat.mode & 0o777);
    rename(copy, path);
    return "was replaced by a copy";
  }
  // The rest is made again when it is needed.
  if (stat.isFile() || shelves === places.trees) return putAside(run, path);
  throw Object.assign(new Error(`${path} is another user's folder`), { code: "EPERM" });
}

function giveTo(path: string, owner: { readonly uid: number; readonly gid: number }): void {
  lchownSync(path, owner.uid, owner.gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(join(path, name), owner);
}
