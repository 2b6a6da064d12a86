import { chmodSync, lstatSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { CtxPackError, type CtxUri, type Digest, sha256 } from "@ctxpack/identity";
import { parsePackManifest } from "../../pack/index.ts";
import { unlessMissing } from "../disk.ts";
import { type NewRecord, parseRecord } from "../record.ts";
import { identityOf } from "../seen.ts";
import type { CheckRun } from "./check-run.ts";
import type { DamageKind, Finding } from "./damage.ts";
import { rebuildRecords } from "./rebuild-records.ts";
import { attempt, each, putAside } from "./repair.ts";

/**
 * Brings a pack into the store again where somebody has it: its output has to be `tree` if that is known. Resolves to
 * where it came from, or to nothing when nobody has it.
 */
export type Refetch = (
  uri: CtxUri,
  wanted: { readonly tree: Digest | undefined },
) => Promise<string | undefined>;

const BLOBS: readonly DamageKind[] = ["blob-missing", "blob-truncated", "blob-corrupt"];
const PACKS: readonly DamageKind[] = ["record-damaged", "manifest-invalid", "index-invalid"];

/** What became of a pack that something was wrong with. */
interface Fate {
  readonly isWhole: boolean;
  readonly outcome: string;
  /** Its record could not be written: it still looks like a hit. */
  readonly isRefused?: true;
}

/**
 * Puts damaged blobs and records aside and fetches what is missing. A pack that cannot be completed is a partial
 * one afterwards, or none: no hit either way.
 */
export async function repairPacks(run: CheckRun, refetch: Refetch | undefined): Promise<void> {
  await each(run, ["blob-mode"], ({ path, uris }) => repairMode(run, path, uris));
  await each(run, ["record-mismatch"], (finding) => rewriteRecord(run, finding));
  const blobs = run.findings.open(...BLOBS);
  const packs = run.findings.open(...PACKS);
  const damaged = packs.filter(({ kind }) => kind === "record-damaged");
  const rebuilt = await rebuildRecords(
    run,
    damaged.flatMap(({ uris }) => [...uris]),
  );
  const trees = new Map<CtxUri, Digest | undefined>();
  for (const { uris } of [...blobs, ...packs]) {
    for (const uri of uris) trees.set(uri, recordOf(run, uri)?.tree);
  }
  const isPart = (uri: CtxUri): boolean =>
    recordOf(run, uri)?.partial === true && !rebuilt.has(uri);
  const partial = new Set([...trees.keys()].filter(isPart));
  for (const finding of blobs) {
    await attempt(finding, async () => {
      finding.outcome = putBlobAside(run, finding);
    });
  }
  for (const finding of packs) {
    await attempt(finding, async () => {
      for (const uri of finding.uris) {
        finding.outcome = rebuilt.has(uri)
          ? "was written again from the pack's manifest"
          : putAside(run, run.parts.places.record(uri));
      }
    });
  }
  const fates = new Map<CtxUri, Fate>();
  for (const [uri, tree] of trees) {
    await run.breathe();
    if (!partial.has(uri)) fates.set(uri, await bringBack(run, uri, tree, refetch));
  }
  for (const finding of [...blobs, ...packs]) judge(finding, fates);
}

/** A finding is repaired when every pack that it took something from is whole again. */
function judge(finding: Finding, fates: ReadonlyMap<CtxUri, Fate>): void {
  if (finding.state !== "found") return;
  const mine = [...finding.uris].flatMap((uri) => fates.get(uri) ?? []);
  if (mine.every(({ isWhole }) => isWhole)) finding.state = "repaired";
  else finding.state = mine.some(({ isRefused }) => isRefused) ? "refused" : "lost";
  const outcomes = new Set(mine.map(({ outcome }) => outcome));
  finding.outcome = [finding.outcome, ...outcomes].filter(Boolean).join("; ");
}

/** A blob that has its digest after all was put right by somebody else. */
function putBlobAside(run: CheckRun, { kind, path, uris }: Finding): string {
  if (kind === "blob-missing") return "";
  const seen = identityOf(path);
  if (seen === undefined) return "is gone";
  const bytes = unlessMissing(() => readIfAllowed(path));
  const isRight = bytes !== undefined && sha256(bytes) === `sha256:${basename(path)}`;
  if (!isRight) return putAside(run, path, seen);
  // It is the manifest that is wrong about its size: the pack can never be read.
  if (kind === "blob-truncated") {
    for (const uri of uris) putAside(run, run.parts.places.record(uri));
  }
  return "has its digest";
}

function readIfAllowed(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
    return undefined;
  }
}

/** Makes a pack whole again, or sees to it that it is no hit. */
async function bringBack(
  run: CheckRun,
  uri: CtxUri,
  tree: Digest | undefined,
  refetch: Refetch | undefined,
): Promise<Fate> {
  try {
    if (await demoteUnlessWhole(run, uri)) return { isWhole: true, outcome: "" };
  } catch (error) {
    const isRefusal = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PERMISSION";
    if (!isRefusal) throw error;
    return { isWhole: false, outcome: error.message, isRefused: true };
  }
  if (refetch === undefined) return { isWhole: false, outcome: "no pantry was asked for it" };
  try {
    const address = await refetch(uri, { tree });
    if (address === undefined) return { isWhole: false, outcome: "no pantry has it" };
    const now = recordOf(run, uri);
    if (now !== undefined) run.packOfTree.set(now.tree, uri);
    return { isWhole: isWhole(run, uri), outcome: `was fetched from ${address}` };
  } catch (error) {
    run.work.signal?.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    return { isWhole: false, outcome: `could not be fetched: ${error.message}` };
  }
}

/** Whether the pack is whole; else it stops being a hit. */
async function demoteUnlessWhole(run: CheckRun, uri: CtxUri): Promise<boolean> {
  return run.parts.database.exclusive(() => {
    const record = recordOf(run, uri);
    if (record === undefined) return false;
    if (isWhole(run, uri)) return true;
    if (!record.partial) run.parts.records.write({ ...record, partial: true });
    return false;
  });
}

/** Whether a pack is a hit for which everything is here. */
function isWhole(run: CheckRun, uri: CtxUri): boolean {
  const { blobs } = run.parts;
  const record = recordOf(run, uri);
  if (record === undefined || record.partial || !blobs.isWhole(record.manifest)) return false;
  try {
    const { config, index, segments } = parsePackManifest(blobs.readWhole(record.manifest));
    return [config, index, ...segments].every((d) => blobs.has(d));
  } catch (error) {
    if (CtxPackError.isInstance(error)) return false;
    throw error;
  }
}

/** A pack's record as it is now; a damaged one counts as none. */
export function recordOf(run: CheckRun, uri: CtxUri): NewRecord | undefined {
  const path = run.parts.places.record(uri);
  const bytes = unlessMissing(() => readIfAllowed(path));
  return bytes === undefined ? undefined : parseRecord(Buffer.from(bytes).toString(), uri);
}

async function rewriteRecord(run: CheckRun, finding: Finding): Promise<string> {
  const { blobs, records, database } = run.parts;
  for (const uri of finding.uris) {
    await database.exclusive(() => {
      const record = recordOf(run, uri);
      if (record === undefined || !blobs.isWhole(record.manifest)) return;
      const { tree, files, bytes } = parsePackManifest(blobs.readWhole(record.manifest));
      records.write({ ...record, tree, files, bytes });
      run.packOfTree.set(tree, uri);
    });
  }
  return "was written again";
}

/** Right content with wrong permissions is made read-only; wrong content is a damage of its own. */
function repairMode(run: CheckRun, path: string, uris: ReadonlySet<CtxUri>): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "is gone";
  if (stat.isFile()) {
    chmodSync(path, 0o444);
    if (sha256(readFileSync(path)) === `sha256:${basename(path)}`) return "is read-only again";
  }
  run.findings.add("blob-corrupt", path, "could be written to, and was", uris);
  return stat.isFile() ? "was written to" : "is no blob";
}
