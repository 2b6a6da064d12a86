import { ORIGIN } from "@ctxpack/identity";

/** What the parameters of a pack's provenance mean: docs/buildtypes/contract-pack-v1.md. */
export const CONTRACT_PACK_BUILD_TYPE: string = `${ORIGIN}buildtypes/contract-pack/v1`;

/** What the parameters of a recorded run's provenance mean: docs/buildtypes/agent-run-v1.md. */
export const AGENT_RUN_BUILD_TYPE: string = `${ORIGIN}buildtypes/agent-run/v1`;

/** Media type of a run head; `@ctxpack/trace` writes it, and this package does not know that one. */
export const RUN_MEDIA_TYPE = "application/vnd.ctxpack.run.v1+json";

/** Media type of a resolved contract; `@ctxpack/cache/pack` writes it, and this package does not know that one. */
export const CONTRACT_MEDIA_TYPE = "application/vnd.ctxpack.contract.v1+json";

/** What a dependency is to the pack: the annotation `ctxpack_role`. */
export type DependencyRole =
  | "contract"
  | "input"
  | "inputs"
  | "pack"
  | "code"
  | "reused"
  | "run"
  | "log"
  | "parent";

/** Names of the annotations of a dependency. */
export const ANNOTATION = {
  /** A {@link DependencyRole}. */
  role: "ctxpack_role",
  /** Of `contract`: a summary of each transform, so that a policy can judge tools before the contract is fetched. */
  transforms: "ctxpack_transforms",
  /** Of `pack` and `parent`: the digest of the manifest that was read. */
  manifest: "ctxpack_manifest",
  /** Of `reused`: how many items were taken. Of `inputs`: how many there are. */
  count: "ctxpack_count",
} as const;
