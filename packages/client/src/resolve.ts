import type { KnownDigests } from "@ctxpack/cache";
import {
  type FileDigests,
  type Resolution,
  type ResolveOptions,
  resolveContract,
} from "@ctxpack/identity";
import type { LoadedContract } from "./load-contract.ts";
import type { WorkOptions } from "./work.ts";

export interface IdentifyOptions extends WorkOptions {
  /** False reads every file although its digest is remembered. Default true. */
  readonly statCache?: boolean | undefined;
}

/** How a contract that was read is resolved. */
export interface IdentifyLoadedOptions extends IdentifyOptions {
  /** Stands between resolving and what is known of files. */
  readonly observe?: ((known: FileDigests | undefined) => FileDigests) | undefined;
  /** Receives the lines of every tree. */
  readonly onListing?: ((listing: Listing) => void) | undefined;
}

type Listing = Parameters<NonNullable<ResolveOptions["onListing"]>>[0];

/** A contract's identity, with what the store remembers, and with what is new remembered. */
export async function resolveLoaded(
  { parsed, baseDir }: LoadedContract,
  known: KnownDigests | undefined,
  options: Omit<ResolveOptions, "onListing"> & IdentifyLoadedOptions,
): Promise<Resolution> {
  const { statCache = true, observe, onListing, ...rest } = options;
  const remembered = statCache ? known?.digests : undefined;
  const digests = observe?.(remembered) ?? remembered;
  const isKept = known?.writable === true;
  const resolution = await resolveContract(parsed, {
    ...rest,
    baseDir,
    ...(digests && { digests }),
    onListing: async (listing) => {
      onListing?.(listing);
      if (isKept) await known.keepListing(listing);
    },
  });
  if (isKept) await remembered?.save();
  return resolution;
}
