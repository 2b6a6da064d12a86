import { stat } from "node:fs/promises";
import { relative, resolve } from "node:path";
import type { SeedResult } from "@ctxpack/cache";
import { CtxPackError, isResolved, refuseSecrets } from "@ctxpack/identity";
import { identify } from "./identify.ts";
import { type ContractLike, type LoadedContract, loadContract } from "./load-contract.ts";
import { explainConflict } from "./recheck/explain-conflict.ts";
import type { IdentifyOptions } from "./resolve.ts";
import type { Session } from "./session.ts";
import { isUnrecorded, noteMaking } from "./trust/made-here.ts";
import { workOf } from "./work.ts";

export interface SeedOptions extends IdentifyOptions {
  /** What made the folder. */
  readonly contract: ContractLike;
  /** A label for people; the contract's `name` when absent. */
  readonly name?: string | undefined;
  /** Ten times as many, smaller segments: for outputs that change in many small places. */
  readonly fine?: boolean | undefined;
  /** Put this output in place of another one of the same contract. */
  readonly replace?: boolean | undefined;
  /** JSON pointers of values that look like secrets and are none. */
  readonly allowSecret?: readonly string[] | undefined;
}

/**
 * Puts a folder into the store as the output of a contract; its content is the pack's root. Throws CTXPACK_E_CONFLICT
 * for another output than the store's, with where their files differ (`details.outputs`).
 */
export async function seed(
  session: Session,
  dir: string,
  options: SeedOptions,
): Promise<SeedResult> {
  const work = workOf(options);
  const folder = resolve(session.cwd, dir);
  await requireFolder(folder, dir);
  const loaded = await loadContract(session, options.contract, work);
  const { contract, file, locate } = loaded.parsed;
  refuseSecrets(contract, { allow: options.allowSecret ?? [], file, locate });
  const resolution = await identify(session, withOutput(loaded, folder), {
    ...work,
    statCache: options.statCache,
  });
  const store = await session.store(work.signal);
  const name = options.name ?? (isResolved(contract) ? undefined : contract.name);
  try {
    const result = await store.seed(folder, resolution.bytes, {
      ...work,
      ...(name !== undefined && { name }),
      outputs: [folder],
      ...(options.fine && { profile: "fine" }),
      ...(options.replace && { replace: true }),
    });
    if (result.created || (await isUnrecorded(store, result.record))) {
      const { record, created } = result;
      const making = { kind: "seed", finishedOn: new Date(record.createdAt) } as const;
      await noteMaking({ session, store, record, resolution, created }, making, work.signal);
    }
    return result;
  } catch (error) {
    throw await explainConflict(error, store, { uri: resolution.uri, folder }, work.signal);
  }
}

async function requireFolder(folder: string, given: string): Promise<void> {
  const stats = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `there is no folder ${given}`, {
      hint: "seed takes the folder that your pipeline wrote",
      details: { path: folder },
    });
  });
  if (stats.isDirectory()) return;
  throw new CtxPackError("CTXPACK_E_USAGE", `${given} is not a folder`, {
    hint: "seed takes a folder; put the file into one",
    details: { path: folder },
  });
}

/** The contract with the seeded folder as its output, so that resolving sees an overlap with an input. */
function withOutput({ parsed, baseDir }: LoadedContract, folder: string): LoadedContract["parsed"] {
  // A resolved contract names no paths: nothing can overlap.
  if (isResolved(parsed.contract)) return parsed;
  const outputs = [{ path: relative(baseDir, folder) || "." }];
  return { ...parsed, contract: { ...parsed.contract, outputs } };
}
