import type { Accepted, PackRecord, Store } from "@ctxpack/cache";
import type { PackKind } from "@ctxpack/cache/pack";
import type { CtxPackError, CtxUri } from "@ctxpack/identity";
import type { Descriptor, ReadOnlyStorage, ReferrerLister, Resolver } from "@ctxpack/oci";

/** How a pack was asked for. */
export interface AskedFor {
  /** What policies know the pantry by. */
  readonly place?: string;
  /** The tag there, when that is not the one of its URI: what a name led to before is remembered. */
  readonly name?: string;
}

/** A pack that wants in: nothing but its manifest has been read. */
export interface Candidate extends AskedFor {
  /** The pantry's address, for people. */
  readonly address: string;
  readonly uri: CtxUri;
  readonly descriptor: Descriptor;
  readonly manifest: { readonly kind: PackKind; readonly config: Descriptor };
  /** Where it is, and what refers to it. */
  readonly source: ReadOnlyStorage & Partial<ReferrerLister & Resolver>;
}

/** What every pack has to pass: policies, or what a library's user decides. */
export interface Gate {
  /** Reads what it goes by, before anything depends on it: a mistake there is nobody's miss. Throws CTXPACK_E_CONFIG. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Lets a pack of a pantry in, or throws CTXPACK_E_POLICY or CTXPACK_E_PROOF_…. */
  judge(candidate: Candidate, signal: AbortSignal): Promise<Accepted | undefined>;
  /** Why a pack of the store does not count, also for what a pantry's name leads to; `undefined` when it does. */
  judgeStored(
    store: Store,
    record: PackRecord,
    signal: AbortSignal,
    asked?: AskedFor,
  ): Promise<CtxPackError | undefined>;
}

/**
 * Decides for a library's user whether a pack comes in: asked with the descriptors of manifest and config before
 * anything but the manifest is fetched. Throws CTXPACK_E_POLICY to keep it out.
 */
export type Accept = (
  manifest: Descriptor,
  config: Descriptor,
  options: { signal?: AbortSignal | undefined },
) => Promise<void>;

/** The gate that a library's user is; what is in the store has passed it. */
export function gateOf(accept: Accept): Gate {
  return {
    prepare: async () => {},
    judge: async ({ descriptor, manifest }, signal) => {
      await accept(descriptor, manifest.config, { signal });
      return undefined;
    },
    judgeStored: async () => undefined,
  };
}
