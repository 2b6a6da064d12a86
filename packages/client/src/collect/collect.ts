import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import { isImageIndex, OciLayout } from "@ctxpack/oci";
import { identifySubject } from "../find.ts";
import { openWritablePantry, type WritablePantry } from "../pantry.ts";
import type { Session } from "../session.ts";
import { type Work, type WorkOptions, workOf } from "../work.ts";
import { blobsOf, readTag, tagKind, takeCensus } from "./census.ts";
import { type Candidate, makePlan } from "./plan.ts";

export interface CollectOptions extends WorkOptions {
  /** Remove what can go; otherwise it is only said. */
  readonly apply?: boolean | undefined;
  /** Only these packs. */
  readonly packs?: readonly string[] | undefined;
}

/** One thing that nothing needs. */
export interface Collected {
  readonly uri?: CtxUri;
  readonly reason: string;
  readonly tags: readonly string[];
  /** Manifests that go, in this order: what refers first, what is referred to last. */
  readonly manifests: readonly Digest[];
  /** Bytes of its blobs that nothing else in the pantry needs. */
  readonly bytes: number;
  /** `kept`: something leads to it since. */
  readonly state: "can go" | "removed" | "kept" | "refused";
}

export interface CollectResult {
  readonly pantry: string;
  readonly applied: boolean;
  readonly found: readonly Collected[];
  /** Bytes of blobs that only what was found holds. */
  readonly bytes: number;
  /** Why the pantry did not remove something, in its own words. */
  readonly refusal?: string;
  /** The blobs go when the registry collects its own garbage, not now. */
  readonly later: boolean;
}

/**
 * Finds what nothing in a pantry needs any more, and removes it if it is told to. Nobody can lock a registry: a tag
 * is looked at again right before what it leads to is removed.
 */
export async function collect(
  session: Session,
  address: string,
  options: CollectOptions,
): Promise<CollectResult> {
  const work = workOf(options);
  const { signal } = work;
  const pantry = await openWritablePantry(session, address, signal);
  const census = await takeCensus(pantry, signal);
  const facts = {
    pinned: await (await session.store(signal)).pinned(),
    only: await chosenPacks(session, options.packs, work),
  };
  const plan = await makePlan(pantry, census, facts, signal);
  const known = new Set(census.map(({ tag }) => tag));
  const found: Collected[] = [];
  let refusal: CtxPackError | undefined;
  for (const candidate of plan.candidates) {
    const { uri, reason, lists } = candidate;
    const tags = [...candidate.tags, ...lists.map(({ tag }) => tag)];
    const manifests = [...candidate.manifests, ...lists.map(({ manifest }) => manifest)];
    let state: Collected["state"] = "can go";
    if (options.apply && refusal !== undefined) state = "refused";
    else if (options.apply) {
      try {
        state = (await remove(pantry, candidate, known, signal)) ? "removed" : "kept";
      } catch (error) {
        signal.throwIfAborted();
        if (!isRefusal(error)) throw error;
        refusal = error;
        state = "refused";
      }
    }
    found.push({
      ...(uri !== undefined && { uri }),
      reason,
      tags,
      manifests: manifests.map(({ descriptor }) => descriptor.digest),
      bytes: sizeOf([candidate], plan.kept),
      state,
    });
  }
  if (options.apply && pantry.target instanceof OciLayout) await pantry.target.sweep({ signal });
  return {
    pantry: pantry.address,
    applied: options.apply === true,
    found,
    bytes: sizeOf(plan.candidates, plan.kept),
    ...(refusal !== undefined && { refusal: refusal.message }),
    later: pantry.remote === true,
  };
}

async function chosenPacks(
  session: Session,
  packs: readonly string[] | undefined,
  work: Work,
): Promise<ReadonlySet<CtxUri> | undefined> {
  if (!packs?.length) return undefined;
  const chosen = new Set<CtxUri>();
  for (const text of packs) chosen.add((await identifySubject(session, text, work)).uri);
  return chosen;
}

/** Removes a candidate unless something leads to it by now; whether it did. */
async function remove(
  pantry: WritablePantry,
  candidate: Candidate,
  known: Set<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const digests = new Set(candidate.manifests.map(({ descriptor }) => descriptor.digest));
  if (await isNamedSince(pantry, digests, known, signal)) return false;
  for (const tag of candidate.tags) {
    const now = await readTag(pantry, tag, signal);
    if (now !== undefined && !digests.has(now.descriptor.digest)) return false;
  }
  for (const { descriptor } of candidate.manifests) {
    await pantry.target.delete(descriptor, { signal });
  }
  for (const { tag } of candidate.lists) {
    // Who removes a referrer takes it off its list: what is left of that is looked up.
    const list = await readTag(pantry, tag, signal);
    const entries = list && isImageIndex(list.parsed) ? list.parsed.manifests : [];
    if (list === undefined || entries.some(({ digest }) => !digests.has(digest))) continue;
    await pantry.target.delete(list.descriptor, { signal });
  }
  return true;
}

/** Whether a tag that was not there before leads to one of these. */
async function isNamedSince(
  pantry: WritablePantry,
  digests: ReadonlySet<Digest>,
  known: Set<string>,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const tag of pantry.target.tags({ signal })) {
    const kind = tagKind(tag);
    // A channel that was there may have been moved.
    if (kind === "referrers" || (known.has(tag) && kind !== "channel")) continue;
    const now = await readTag(pantry, tag, signal);
    if (now !== undefined && digests.has(now.descriptor.digest)) return true;
    known.add(tag);
  }
  return false;
}

/** Bytes of blobs that only these have, each once. */
function sizeOf(candidates: readonly Candidate[], kept: ReadonlySet<Digest>): number {
  const sizes = new Map<Digest, number>();
  for (const manifest of candidates.flatMap(({ manifests, lists }) => [
    ...manifests,
    ...lists.map((list) => list.manifest),
  ])) {
    for (const [digest, size] of blobsOf(manifest)) if (!kept.has(digest)) sizes.set(digest, size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function isRefusal(error: unknown): error is CtxPackError {
  if (!CtxPackError.isInstance(error)) return false;
  return error.code === "CTXPACK_E_UNSUPPORTED" || error.code === "CTXPACK_E_AUTH";
}
