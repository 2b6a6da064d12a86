import {
  buildInputsManifest,
  INPUTS_TYPE,
  type InputListing,
  LIMITS,
  listingDescriptor,
  parseInputsManifest,
} from "@ctxpack/cache/pack";
import { CtxPackError, type DirHash, isDirHash, type ResolvedContract } from "@ctxpack/identity";
import {
  bytesSource,
  type Descriptor,
  EMPTY_DESCRIPTOR,
  fetchBytes,
  IMAGE_MANIFEST_TYPE,
  pushBytes,
} from "@ctxpack/oci";
import type { Pantry, WritablePantry } from "../pantry.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import type { ListingOf } from "./explain.ts";

/** `{}`, the content of a config that has nothing to say. */
const EMPTY = new TextEncoder().encode("{}");

/** Manifests looked at for the file lists of one pack. */
const MOST_REFERRERS = 8;

/** No files: a blob without bytes is in no registry. */
const EMPTY_LISTING = "dirHash1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What became of the file lists of a pack's inputs. */
export interface AttachedInputs {
  /** Input names, and `code` of transforms, by JSON pointer. */
  readonly attached: readonly string[];
  /** Those whose lists this store does not have. */
  readonly missing: readonly string[];
}

/** The digests over files in a contract, by JSON pointer. */
function listedIn(
  contract: ResolvedContract,
): { pointer: string; digest: DirHash; title: string }[] {
  const inputs = contract.inputs.map(({ name, digest }) => ({
    pointer: `/inputs/${name}/digest`,
    digest,
    title: `input-${name}.sha256`,
  }));
  const code = contract.transforms.map(({ code_hash }, i) => ({
    pointer: `/transforms/${i}/code_hash`,
    digest: code_hash,
    title: `code-${i}.sha256`,
  }));
  return [...inputs, ...code].flatMap(({ digest, ...rest }) =>
    isDirHash(digest) && digest !== EMPTY_LISTING ? [{ digest, ...rest }] : [],
  );
}

/**
 * Attaches the file lists of a pack's inputs to its manifest in a pantry, as one referrer. A list that the pantry has
 * is not sent again.
 */
export async function attachInputs(
  session: Session,
  pantry: WritablePantry,
  { subject, contract }: { readonly subject: Descriptor; readonly contract: ResolvedContract },
  work: Work,
): Promise<AttachedInputs> {
  const store = await session.store(work.signal);
  const attached: string[] = [];
  const missing: string[] = [];
  const listings = new Map<DirHash, InputListing>();
  const { signal } = work;
  for (const { pointer, digest, title } of listedIn(contract)) {
    const lines = listings.has(digest) ? undefined : await store.listing(digest);
    if (lines !== undefined) {
      const listing = { digest, size: lines.length, title };
      await pantry.target.push(listingDescriptor(listing), bytesSource(lines), { signal });
      listings.set(digest, listing);
    }
    (listings.has(digest) ? attached : missing).push(pointer);
  }
  if (attached.length > 0) {
    await pushBytes(pantry.target, EMPTY_DESCRIPTOR.mediaType, EMPTY, { signal });
    const manifest = buildInputsManifest(subject, [...listings.values()]);
    await pushBytes(pantry.target, IMAGE_MANIFEST_TYPE, manifest, { signal });
  }
  return { attached, missing };
}

/**
 * The file lists that were attached to a manifest in a pantry. What is attached is found when the first list is asked
 * for; a list arrives with the digest it is asked for by, or counts as not there.
 */
export function attachedListings(
  pantry: Pantry,
  subject: Descriptor,
  signal: AbortSignal,
): ListingOf {
  let found: Promise<ReadonlyMap<string, Descriptor>> | undefined;
  return async (digest) => {
    if (digest === EMPTY_LISTING) return new Uint8Array();
    const { digest: wanted } = listingDescriptor({ digest, size: 0 });
    found ??= listingsAt(pantry, subject, signal);
    const descriptor = (await found).get(wanted);
    if (descriptor === undefined) return undefined;
    const options = { maxBytes: LIMITS.index, signal };
    return await orNothing(signal, () => fetchBytes(pantry.target, descriptor, options));
  };
}

async function listingsAt(
  pantry: Pantry,
  subject: Descriptor,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Descriptor>> {
  const layers = new Map<string, Descriptor>();
  await orNothing(signal, async () => {
    let seen = 0;
    const referrers = pantry.target.referrers(subject, { artifactType: INPUTS_TYPE, signal });
    for await (const referrer of referrers) {
      if (seen++ === MOST_REFERRERS) break;
      const attached = await orNothing(signal, async () => {
        const options = { maxBytes: LIMITS.manifest, signal };
        return parseInputsManifest(await fetchBytes(pantry.target, referrer, options), subject);
      });
      for (const layer of attached ?? []) layers.set(layer.digest, layer);
    }
  });
  return layers;
}

/** A list that cannot be had, or not in time, only makes an explanation shorter. */
async function orNothing<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted && !CtxPackError.isInstance(error)) throw error;
    return undefined;
  }
}
