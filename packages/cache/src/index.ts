export type { Accept, Accepted, AdmitOptions, AdmitResult } from "./store/admit.ts";
export type { CheckOptions, CheckReport } from "./store/check/check.ts";
export type { Checked } from "./store/check/check-run.ts";
export type { Damage, DamageKind, DamageState } from "./store/check/damage.ts";
export { DAMAGE_KINDS } from "./store/check/damage.ts";
export type { Refetch } from "./store/check/repair-packs.ts";
export type { VerifyPackOptions } from "./store/check/verify-pack.ts";
export type { Claimant, ClaimedGroup } from "./store/claim.ts";
export { Claim } from "./store/claim.ts";
export { clear as removeStore } from "./store/clear.ts";
export type { SizesOptions, StoredSize } from "./store/collect/census.ts";
export type {
  CollectedGroup,
  CollectedPack,
  CollectedTree,
  CollectOptions,
  CollectReport,
} from "./store/collect/collect.ts";
export type { ComposedFile, ComposeOptions } from "./store/compose.ts";
export { defaultStoreDirectory } from "./store/directory.ts";
export type { ExtractOptions } from "./store/extract.ts";
export type { LockKeeper } from "./store/file-system.ts";
export type { NameRules } from "./store/fold.ts";
export { probeNames, refuseFolding } from "./store/fold.ts";
export type { Hit } from "./store/hit.ts";
export { findHit } from "./store/hit.ts";
export type { NearContract, Sought } from "./store/known/contracts.ts";
export type { Labels } from "./store/known/row.ts";
export type { Listing } from "./store/known-digests.ts";
export { KnownDigests } from "./store/known-digests.ts";
export type { OutlineOptions } from "./store/outline.ts";
export { outline } from "./store/outline.ts";
export { findBriefs, findOverview } from "./store/overview.ts";
export type { DiskProbe } from "./store/probe.ts";
export { probeDisk } from "./store/probe.ts";
export type { Acceptance, KeepingOptions, KeptProofs, NewProofs } from "./store/proofs.ts";
export type { RecheckedPath, Rechecks } from "./store/rechecks.ts";
export type { PackBrief, PackRecord } from "./store/record.ts";
export type { ItemResult, Results } from "./store/results.ts";
export type { LoggedStream, RunLog } from "./store/run-log.ts";
export type { Scratch } from "./store/scratch.ts";
export type { SeedOptions, SeedResult } from "./store/seed.ts";
export type { StoreOptions } from "./store/store.ts";
export { Store } from "./store/store.ts";
export type { Displaced } from "./store/trash.ts";
export type { TreeOptions } from "./store/trees.ts";
