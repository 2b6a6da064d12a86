import { accessSync, constants } from "node:fs";
import type { CtxUri, OnProgress } from "@ctxpack/identity";
import { onDisk } from "../disk.ts";
import type { Parts } from "../parts.ts";
import { attribute, checkBlobs } from "./check-blobs.ts";
import { checkDatabases } from "./check-database.ts";
import { checkLeftovers } from "./check-leftovers.ts";
import { checkPacks } from "./check-packs.ts";
import { checkPool } from "./check-pool.ts";
import { checkResults } from "./check-results.ts";
import { type Checked, CheckRun } from "./check-run.ts";
import { checkTree, checkTrees, settleTrees } from "./check-trees.ts";
import type { Damage } from "./damage.ts";
import { each, putAside, repairFiles } from "./repair.ts";
import { type Refetch, repairPacks } from "./repair-packs.ts";
import { repairTrees } from "./repair-trees.ts";

/** How thoroughly a store is looked at, and what is done about it. */
export interface CheckOptions {
  /** Hash every blob and every materialised file. Without it: presence, sizes, modes, owners, samples. */
  readonly deep?: boolean | undefined;
  /** Put right what can be. What is damaged goes to `quarantine/`; nothing with content is deleted. */
  readonly repair?: boolean | undefined;
  /** With `repair`: brings a damaged pack in again. */
  readonly refetch?: Refetch | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What a check found. */
export interface CheckReport {
  readonly checked: Readonly<Checked>;
  readonly damages: readonly Damage[];
  /** Packs that were hits, and are none any more because nobody who was asked has what is gone. */
  readonly lost: readonly CtxUri[];
  /** Whether nothing is damaged (any more); leftovers do not count. */
  readonly clean: boolean;
}

/** `Store.check`. */
export async function check(parts: Parts, options: CheckOptions): Promise<CheckReport> {
  const { deep = false, repair = false, refetch, signal, onProgress } = options;
  signal?.throwIfAborted();
  if (repair) expectWritable(parts);
  await using run = new CheckRun(parts, { deep, signal, onProgress });
  await checkDatabases(run);
  await checkLeftovers(run);
  await checkResults(run);
  await checkPacks(run);
  await checkBlobs(run);
  await attribute(
    run,
    run.findings.open("blob-truncated", "blob-corrupt", "blob-mode", "foreign-owner"),
  );
  if (repair) {
    await repairFiles(run);
    await repairPacks(run, refetch);
  }
  const skipped = await checkTrees(run);
  if (repair) {
    await repairFiles(run);
    // An index that was damaged has been noticed only now.
    await repairPacks(run, refetch);
    for (const wrapper of skipped) await checkTree(run, wrapper);
    await settleTrees(run);
    await repairTrees(run, refetch);
  }
  await checkPool(run);
  if (repair) {
    await repairFiles(run);
    // Whoever needs the content again gives it again.
    await each(run, ["pool-file-corrupt"], ({ path }) => putAside(run, path));
  }
  return reportOf(run);
}

/** Half a repair is worse than none: better say so before anything is moved. */
function expectWritable({ workspace, places }: Parts): void {
  workspace.expectWritable();
  onDisk("repairing", places.dir, () => accessSync(places.dir, constants.W_OK));
}

/** What a run has found. */
export function reportOf(run: CheckRun): CheckReport {
  const damages = run.findings.report();
  const lost = new Set(damages.flatMap(({ state, uris }) => (state === "lost" ? uris : [])));
  return {
    checked: run.checked,
    damages,
    lost: [...lost],
    clean: damages.every(({ severity, state }) => severity === "leftover" || state === "repaired"),
  };
}
