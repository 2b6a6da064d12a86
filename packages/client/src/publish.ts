import { CtxPackError, type Digest, digestHex } from "@ctxpack/identity";
import { type CopyOptions, type CopySummary, copyGraph } from "@ctxpack/oci";
import { blameStore } from "./blame-store.ts";
import { type FoundPack, lookUp, packTag, type WritablePantry } from "./pantry.ts";
import { type Comparison, compare } from "./recheck/compare.ts";
import { storedContents } from "./recheck/contents.ts";
import { describeDifferences } from "./recheck/describe.ts";
import { pantryContents } from "./recheck/pantry-contents.ts";
import { explainRefusal, warningFor } from "./refusal.ts";
import { describeFound, describeRemote } from "./remote-pack.ts";
import type { Session } from "./session.ts";
import { isRefusal } from "./trust/is-refusal.ts";
import type { Work } from "./work.ts";

/** A pack on its way into a pantry. */
export interface Publication {
  readonly pack: FoundPack;
  /** Take the tag from another output; that one stays as an alternate. */
  readonly replace: boolean;
  /** Send proofs and whatever else refers to the pack along. */
  readonly referrers: boolean;
  /**
   * Done with the manifest that the tag will lead to, once it is there and before the tag moves: whoever finds the tag
   * finds what this attaches. Done again when somebody else moves the tag meanwhile.
   */
  readonly beforeTag?: ((manifest: FoundPack["descriptor"]) => Promise<void>) | undefined;
}

/** What became of it. */
export interface Published {
  readonly action: "created" | "exists" | "replaced";
  /** The manifest the pantry's tag holds now: its own when it already had this output. */
  readonly manifest: FoundPack["descriptor"];
  readonly summary: CopySummary;
}

/** How often a tag that others move is looked at again before that is an error. */
const ATTEMPTS = 5;

/**
 * Makes a pack the pantry's answer for its URI: looks, writes, looks again. One URI, one output: another
 * output under the tag is CTXPACK_E_CONFLICT with the differing paths, unless it is to be replaced.
 */
export async function publish(
  session: Session,
  pantry: WritablePantry,
  publication: Publication,
  work: Work,
): Promise<Published> {
  const { pack, referrers } = publication;
  const warning = warningFor(pack, pantry);
  if (warning !== undefined) session.warn(warning);
  let summary: CopySummary = { copied: { blobs: 0, bytes: 0 }, existing: { blobs: 0, bytes: 0 } };
  for (let attempt = 1; ; attempt++) {
    const present = await lookUp(pantry, pack.uri, work.signal);
    const same = present?.manifest.tree === pack.manifest.tree;
    if (present && !same && !publication.replace) {
      throw await conflict(session, present, pack, work.signal);
    }
    // The same manifest is copied again all the same: nothing is sent, but for a blob the pantry has lost.
    if (present === undefined || !same || present.descriptor.digest === pack.descriptor.digest) {
      const { copied, existing } = await copyGraph(pack.source, pantry.target, pack.descriptor, {
        ...work,
        ...towards(pack, work.onProgress),
        referrers,
        concurrency: session.concurrency(pantry.remote),
      }).catch(async (error: unknown) => {
        const found = await blameStore(error, pack, session, work.signal);
        throw explainRefusal(found, pack, pantry.address);
      });
      summary = { copied: sum(summary.copied, copied), existing };
    }
    const manifest = present && same ? present.descriptor : pack.descriptor;
    await publication.beforeTag?.(manifest);
    if (present && same) {
      return { action: attempt > 1 ? "created" : "exists", manifest, summary };
    }
    if (present) await keepAsAlternate(pantry, present, work);
    try {
      await pantry.target.tag(manifest, packTag(pack.uri), {
        ...work,
        expected: present?.descriptor.digest ?? null,
      });
      return { action: present ? "replaced" : "created", manifest, summary };
    } catch (error) {
      // Somebody else moved the tag meanwhile: what they put there decides.
      if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_CONFLICT") throw error;
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** What several attempts sent. */
function sum(a: CopySummary["copied"], b: CopySummary["copied"]): CopySummary["copied"] {
  return { blobs: a.blobs + b.blobs, bytes: a.bytes + b.bytes };
}

/** A copy learns what there is as it goes; a pack's manifest says it from the start. */
function towards(
  pack: FoundPack,
  onProgress: Work["onProgress"],
): Pick<CopyOptions, "onProgress" | "onBlob"> {
  let total = [...blobSizes(pack).values()].reduce((sum, size) => sum + size, 0);
  return {
    onBlob: ({ descriptor, action }) => {
      if (action === "exists") total -= descriptor.size;
    },
    onProgress: (event) => {
      const measured = event.phase === "blob" && event.unit === "bytes" && event.done <= total;
      onProgress(measured ? { ...event, total } : event);
    },
  };
}

/** Every blob of a pack once, the manifest too: equal segments are one blob. */
export function blobSizes({ descriptor, manifest }: FoundPack): ReadonlyMap<Digest, number> {
  const { config, index, segments } = manifest;
  return new Map(
    [descriptor, config, index, ...segments].map(({ digest, size }) => [digest, size]),
  );
}

/** The tag of an output that is no longer the pantry's answer: it and its proofs stay alive. */
function alternateTag(pack: FoundPack): string {
  return `${packTag(pack.uri)}-${digestHex(pack.descriptor.digest).slice(0, 12)}`;
}

async function keepAsAlternate(pantry: WritablePantry, pack: FoundPack, work: Work): Promise<void> {
  await pantry.target.tag(pack.descriptor, alternateTag(pack), work);
}

async function conflict(
  session: Session,
  present: FoundPack,
  ours: FoundPack,
  signal: AbortSignal,
): Promise<CtxPackError> {
  const { paths, count } = await differingPaths(session, present, ours, signal);
  const shown = describeDifferences(paths, count);
  return new CtxPackError(
    "CTXPACK_E_CONFLICT",
    `${present.address} holds another output of ${ours.uri}${shown === "" ? "" : `: ${shown}`}`,
    {
      hint: "the contract does not name everything that decides the output; --replace puts yours in its place",
      details: {
        uri: ours.uri,
        expected: present.manifest.tree,
        found: ours.manifest.tree,
        differences: count,
        outputs: paths,
      },
    },
  );
}

/** Where two outputs differ; nothing when a policy keeps us from reading the other one. */
async function differingPaths(
  session: Session,
  present: FoundPack,
  ours: FoundPack,
  signal: AbortSignal,
): Promise<Comparison> {
  try {
    const theirs = await describeRemote(session, present, signal);
    const own = await describeFound(ours, signal);
    const store = await session.store(signal);
    // A copy from pantry to pantry is not worth fetching both.
    const isStored = ours.source === store.blobs;
    return await compare(
      { index: theirs.index, contents: pantryContents(session, present, theirs.index) },
      {
        index: own.index,
        contents: isStored ? storedContents(store, ours.uri, own.index) : undefined,
      },
      signal,
    );
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { paths: [], count: 0 };
  }
}
