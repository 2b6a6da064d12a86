import { CONTRACT_TYPE, PACK_TYPE, RUN_TYPE, TRACE_TYPE } from "./media-type.ts";

/** What a pack is: the output of a contract, or the trace of a run. It decides what its config blob holds. */
export type PackKind = "contract" | "trace";

/** The types by which a manifest tells its kind. */
export const KIND_TYPES: Readonly<
  Record<PackKind, { readonly artifact: string; readonly config: string }>
> = {
  contract: { artifact: PACK_TYPE, config: CONTRACT_TYPE },
  trace: { artifact: TRACE_TYPE, config: RUN_TYPE },
};

/** The kind of a pack with this `artifactType`; `undefined` for what is no pack. */
export function kindOf(artifactType: unknown): PackKind | undefined {
  if (artifactType === PACK_TYPE) return "contract";
  return artifactType === TRACE_TYPE ? "trace" : undefined;
}
