import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import { type Descriptor, isImageIndex } from "@ctxpack/oci";
import type { Pantry } from "../pantry.ts";
import { blobsOf, type ReadManifest, readManifest, readTag, type Tagged } from "./census.ts";

/** Proofs of proofs of proofs; more is a circle. */
const DEPTH = 8;

/** One thing that nothing needs, and what goes with it, in the order in which it has to go. */
export interface Candidate {
  readonly reason: string;
  /** Absent for what is left of a pack that is gone. */
  readonly uri?: CtxUri;
  readonly tags: readonly string[];
  /** Referrers first, the pack last. */
  readonly manifests: readonly ReadManifest[];
  /** Tags under which its referrers are listed; they go last. */
  readonly lists: readonly Tagged[];
}

/** What can go and what stays. */
export interface Plan {
  readonly candidates: readonly Candidate[];
  /** Blobs that something needs which stays. */
  readonly kept: ReadonlySet<Digest>;
}

/**
 * Decides what nothing needs: a pack that no channel, no alternate and no pin leads to, with what refers to it; and
 * referrers whose subject is gone. What is not a pack of ours, and whatever that lists, stays.
 */
export async function makePlan(
  pantry: Pantry,
  census: readonly Tagged[],
  facts: {
    readonly pinned: ReadonlySet<CtxUri>;
    /** Only these. */
    readonly only: ReadonlySet<CtxUri> | undefined;
  },
  signal: AbortSignal,
): Promise<Plan> {
  const needed = await neededDigests(pantry, census, facts.pinned, signal);
  const candidates: Candidate[] = [];
  const kept = new Set<Digest>(needed);
  const stays = (manifest: ReadManifest): void => {
    for (const digest of blobsOf(manifest).keys()) kept.add(digest);
  };
  const going = new Set<Digest>();
  for (const { tag, kind, manifest } of census) {
    if (kind === "referrers") continue;
    const { pack, descriptor } = manifest;
    const isFree = kind === "pack" && pack !== undefined && !needed.has(descriptor.digest);
    const isAsked = pack !== undefined && (facts.only?.has(pack.uri) ?? true);
    if (!isFree || !isAsked) {
      stays(manifest);
      for (const referrer of await referrersOf(pantry, descriptor, needed, signal)) stays(referrer);
      continue;
    }
    const referrers = await referrersOf(pantry, descriptor, needed, signal);
    const manifests = [...referrers, manifest];
    for (const one of manifests) going.add(one.descriptor.digest);
    candidates.push({
      reason: "no channel, alternate or pin leads to it",
      uri: pack.uri,
      tags: [tag],
      manifests,
      lists: [],
    });
  }
  for (const list of census) {
    const { tag, kind, manifest } = list;
    if (kind !== "referrers") continue;
    const subject = `sha256:${tag.slice("sha256-".length)}` as Digest;
    const owner = candidates.find(({ manifests }) =>
      manifests.some(({ descriptor }) => descriptor.digest === subject),
    );
    if (owner !== undefined) {
      // Its list of referrers goes with it, after them.
      const at = candidates.indexOf(owner);
      candidates[at] = { ...owner, lists: [...owner.lists, list] };
      continue;
    }
    const isGone = (await readTag(pantry, subject, signal)) === undefined;
    if (!isGone || facts.only !== undefined) {
      stays(manifest);
      continue;
    }
    const referrers = await listed(pantry, manifest, needed, signal);
    candidates.push({
      reason: `refers to ${subject}, which is gone`,
      tags: [],
      manifests: referrers,
      lists: [list],
    });
  }
  return { candidates: candidates.map((one) => withoutKept(one, kept, going)), kept };
}

/** A manifest that something needs which stays is not removed with what it refers to. */
function withoutKept(
  candidate: Candidate,
  kept: ReadonlySet<Digest>,
  going: ReadonlySet<Digest>,
): Candidate {
  const manifests = candidate.manifests.filter(
    ({ descriptor: { digest } }) => !kept.has(digest) || going.has(digest),
  );
  return { ...candidate, manifests };
}

/** Digests of manifests that channels, alternates and pins lead to, and of all that those list or are about. */
async function neededDigests(
  pantry: Pantry,
  census: readonly Tagged[],
  pinned: ReadonlySet<CtxUri>,
  signal: AbortSignal,
): Promise<Set<Digest>> {
  const needed = new Set<Digest>();
  const queue = census
    .filter(({ kind, manifest: { pack } }) => {
      if (kind === "channel" || kind === "alternate") return true;
      return kind === "pack" && (pack === undefined || pinned.has(pack.uri));
    })
    .map(({ manifest }) => manifest);
  for (let manifest = queue.pop(); manifest !== undefined; manifest = queue.pop()) {
    if (needed.has(manifest.descriptor.digest)) continue;
    needed.add(manifest.descriptor.digest);
    const { parsed } = manifest;
    const near = [...(isImageIndex(parsed) ? parsed.manifests : []), parsed.subject];
    for (const d of near) {
      if (d === undefined || needed.has(d.digest)) continue;
      const found = await readTag(pantry, d.digest, signal);
      if (found !== undefined) queue.push(found);
    }
  }
  return needed;
}

/** What refers to a manifest, and to that; the farthest first. What is needed is left out. */
async function referrersOf(
  pantry: Pantry,
  subject: Descriptor,
  needed: ReadonlySet<Digest>,
  signal: AbortSignal,
  depth = 0,
): Promise<ReadManifest[]> {
  if (depth >= DEPTH) return [];
  const found: ReadManifest[] = [];
  for await (const d of pantry.target.referrers(subject, { signal })) {
    const manifest = needed.has(d.digest) ? undefined : await readIfThere(pantry, d, signal);
    if (manifest === undefined) continue;
    found.push(...(await referrersOf(pantry, d, needed, signal, depth + 1)), manifest);
  }
  return found;
}

/** The manifests that a list of referrers names, with what refers to them. */
async function listed(
  pantry: Pantry,
  { parsed }: ReadManifest,
  needed: ReadonlySet<Digest>,
  signal: AbortSignal,
): Promise<ReadManifest[]> {
  const found: ReadManifest[] = [];
  for (const d of isImageIndex(parsed) ? parsed.manifests : []) {
    const manifest = needed.has(d.digest) ? undefined : await readIfThere(pantry, d, signal);
    if (manifest === undefined) continue;
    found.push(...(await referrersOf(pantry, d, needed, signal)), manifest);
  }
  return found;
}

async function readIfThere(
  pantry: Pantry,
  d: Descriptor,
  signal: AbortSignal,
): Promise<ReadManifest | undefined> {
  try {
    return await readManifest(pantry, d, signal);
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND") return undefined;
    throw error;
  }
}
