import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import type { PinnedMirror } from "./mirror.ts";
import { TufFetcher } from "./tuf-fetcher.ts";
import {
  MOST_ROOTS,
  RootChain,
  TRUSTED_ROOT,
  TUF_LIMITS,
  type TufState,
  type VerifiedTufState,
  verifyTufState,
} from "./tuf-state.ts";

/**
 * Downloads what a TUF repository publishes now (TUF specification 1.0, §5), going on from `known`, a verified state of
 * earlier: nothing older than that is taken, and what did not change is not downloaded again.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_TRUST_ROOT` for what is signed wrongly, rolled back, damaged or expired; as `request`
 *   when the repository does not answer.
 */
export async function downloadTufState(
  mirror: PinnedMirror,
  known: TufState | undefined,
  signal: AbortSignal,
): Promise<TufState & { readonly verified: VerifiedTufState }> {
  // tuf-js reads and writes files as it goes: here, where nobody else looks, and nothing half-made stays.
  const folder = await mkdtemp(join(tmpdir(), "ctxpack-tuf-"));
  const fetcher = new TufFetcher(folder, `the trust root ${mirror.name}`, signal);
  try {
    const roots = await downloadRoots(mirror, known?.roots ?? [], fetcher);
    const state = { roots, ...(await downloadRoles(mirror, roots, known, fetcher, folder)) };
    return { ...state, verified: await verifyTufState(mirror.root, state) };
  } catch (cause) {
    signal.throwIfAborted();
    if (fetcher.failure !== undefined) throw fetcher.failure;
    if (CtxPackError.isInstance(cause)) throw cause;
    throw new CtxPackError(
      "CTXPACK_E_PROOF_TRUST_ROOT",
      `the trust root ${mirror.name} (${mirror.url.host}) is refused: ${(cause as Error).message}`,
      {
        hint: "somebody may serve an old or another repository in its place; try again from another network",
        cause,
        details: { trustRoot: mirror.name, host: mirror.url.host },
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function downloadRoots(
  mirror: PinnedMirror,
  known: readonly Uint8Array[],
  fetcher: TufFetcher,
): Promise<readonly Uint8Array[]> {
  const chain = await RootChain.begin(mirror.root);
  for (const root of known) chain.take(root);
  const roots = [...known];
  while (roots.length < MOST_ROOTS) {
    const url = new URL(`${chain.version + 1}.root.json`, mirror.url);
    const next = await fetcher.find(url.href, TUF_LIMITS.root);
    if (next === undefined) break;
    chain.take(next);
    roots.push(next);
  }
  return roots;
}

/** Timestamp, snapshot, targets and the target, by tuf-js. */
async function downloadRoles(
  mirror: PinnedMirror,
  roots: readonly Uint8Array[],
  known: TufState | undefined,
  fetcher: TufFetcher,
  folder: string,
): Promise<Omit<TufState, "roots">> {
  const { Updater } = await import("tuf-js");
  const file = (name: string): string => join(folder, name);
  await writeFile(file("root.json"), roots.at(-1) ?? mirror.root);
  for (const role of known ? (["timestamp", "snapshot", "targets"] as const) : []) {
    await writeFile(file(`${role}.json`), known?.[role] ?? "");
  }
  if (known) await writeFile(file(TRUSTED_ROOT), known.target);
  const updater = new Updater({
    metadataDir: folder,
    metadataBaseUrl: mirror.url.href,
    targetDir: folder,
    targetBaseUrl: new URL("targets", mirror.url).href,
    fetcher,
    config: {
      // The roots are there already.
      maxRootRotations: 0,
      timestampMaxLength: TUF_LIMITS.timestamp,
      snapshotMaxLength: TUF_LIMITS.snapshot,
      targetsMaxLength: TUF_LIMITS.targets,
    },
  });
  await updater.refresh();
  const info = await updater.getTargetInfo(TRUSTED_ROOT);
  if (info === undefined) throw new Error(`it has no ${TRUSTED_ROOT}`);
  if (info.length > TUF_LIMITS.target) throw new Error(`${TRUSTED_ROOT} is too large`);
  if ((await updater.findCachedTarget(info)) === undefined) await updater.downloadTarget(info);
  const [timestamp, snapshot, targets, target] = await Promise.all(
    ["timestamp.json", "snapshot.json", "targets.json", TRUSTED_ROOT].map((name) =>
      readFile(file(name)),
    ),
  );
  return { timestamp, snapshot, targets, target } as Omit<TufState, "roots">;
}
