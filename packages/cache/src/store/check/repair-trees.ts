import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { openPack } from "../held.ts";
import { lease } from "../lease.ts";
import { identityOf } from "../seen.ts";
import { makeTree, putTreeAside } from "../trees.ts";
import type { CheckRun } from "./check-run.ts";
import { damagedTrees } from "./check-trees.ts";
import type { Finding } from "./damage.ts";
import { attempt, putAside } from "./repair.ts";
import { type Refetch, recordOf } from "./repair-packs.ts";

/** Puts damaged folders aside and makes them again from the blobs. */
export async function repairTrees(run: CheckRun, refetch: Refetch | undefined): Promise<void> {
  const byWrapper = damagedTrees(run);
  for (const [wrapper, findings] of byWrapper) {
    await run.breathe();
    const [first] = findings;
    if (first === undefined) continue;
    await attempt(first, async () => {
      await repairTree(run, wrapper, findings, refetch);
    });
    for (const finding of findings) {
      finding.state = first.state;
      if (first.outcome !== undefined) finding.outcome = first.outcome;
    }
  }
}

async function repairTree(
  run: CheckRun,
  wrapper: string,
  findings: readonly Finding[],
  refetch: Refetch | undefined,
): Promise<void> {
  const [first] = findings as [Finding];
  const [uri] = first.uris as unknown as [CtxUri];
  const { seen } = first;
  if (identityOf(wrapper) !== seen) {
    first.state = "repaired";
    first.outcome = "was taken away or made again by somebody else meanwhile";
    return;
  }
  // With the marker alone the files may be right: then only the marker is written.
  if (findings.some(({ kind }) => kind !== "tree-marker-damaged")) {
    putTreeAside(run.parts, wrapper, seen);
  }
  const isPart = wrapper.includes("-", wrapper.length - 17);
  const record = recordOf(run, uri);
  if (isPart || record === undefined || record.partial) {
    if (isPart) putAside(run, wrapper, seen);
    first.state = "repaired";
    first.outcome = "was moved to quarantine; the next pull makes it again";
    return;
  }
  using _lease = lease(run.parts, uri);
  try {
    await makeTree(run.parts, openPack(run.parts, record), run.work);
    first.outcome = "was made again";
  } catch (error) {
    if (!CtxPackError.isInstance(error) || error.details["damaged"] !== true) throw error;
    // A blob that was not read before is damaged too, and the pack is no hit any more.
    const address = await fetchAgain(run, refetch && (() => refetch(uri, { tree: record.tree })));
    if (address === undefined) {
      first.state = "lost";
      first.outcome = `could not be made again: ${error.message}`;
      return;
    }
    const now = recordOf(run, uri);
    if (now !== undefined) await makeTree(run.parts, openPack(run.parts, now), run.work);
    first.outcome = `was made again with blobs from ${address}`;
  }
  first.state = "repaired";
}

/** Where a pack was fetched from; `undefined` when it could not be. */
async function fetchAgain(
  run: CheckRun,
  fetchPack: (() => Promise<string | undefined>) | undefined,
): Promise<string | undefined> {
  try {
    return await fetchPack?.();
  } catch (error) {
    run.work.signal?.throwIfAborted();
    if (CtxPackError.isInstance(error)) return undefined;
    throw error;
  }
}
