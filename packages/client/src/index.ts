export type {
  Checked,
  CheckReport,
  CollectedGroup,
  CollectedPack,
  CollectedTree,
  CollectOptions as CollectStoreOptions,
  CollectReport,
  Damage,
  DamageKind,
  DamageState,
  PackBrief,
  PackRecord,
  RecheckedPath,
  Rechecks,
  RunLog,
  SeedResult,
  SizesOptions,
  StoredSize,
} from "@ctxpack/cache";
export type { Entry } from "@ctxpack/cache/pack";
export type {
  CtxPackErrorCode,
  CtxUri,
  OnProgress,
  ParsedContract,
  Phase,
  ProgressEvent,
  Resolution,
} from "@ctxpack/identity";
export { CONTRACT_SCHEMA_URI, CtxPackError, parseContract, readContract } from "@ctxpack/identity";
export { parseByteSize } from "./byte-size.ts";
export type { CheckStoreOptions } from "./check.ts";
export type { Collected, CollectOptions, CollectResult } from "./collect/collect.ts";
export type { Env } from "./config.ts";
export type { CopiedTag, CopyOptions, CopyResult } from "./copy.ts";
export type { OpenOptions } from "./ctxpack.ts";
export { CtxPack } from "./ctxpack.ts";
export type { DiffOptions, DiffResult, OutputDifference } from "./difference.ts";
export type { Finding } from "./doctor/finding.ts";
export type { ExistsResult } from "./exists.ts";
export type { FromOptions, PackDescription } from "./inspect.ts";
export type { LegacyDescription } from "./legacy/inspect.ts";
export type { LegacyPullResult } from "./legacy/pull.ts";
export type { ContractLike } from "./load-contract.ts";
export type { LoginOptions, LoginResult, LogoutResult } from "./login.ts";
export type { Lookup, Miss } from "./lookup.ts";
export { MapRun } from "./map/map-run.ts";
export type {
  ComputeItem,
  MapCounts,
  MapEvent,
  MapOptions,
  MappedItem,
  MapResult,
  ReusedPack,
} from "./map/options.ts";
export { memoize } from "./memoize/memoize.ts";
export type { Memoizable, Memoized, MemoizeOptions } from "./memoize/remember.ts";
export type { PullOptions, PullResult } from "./pull.ts";
export type { PushOptions, PushResult } from "./push.ts";
export type { RecheckEvent, RecheckOptions, RecheckResult } from "./recheck/recheck.ts";
export type { RecheckRun } from "./recheck/rerun.ts";
export type { AddRemoteOptions, Remote } from "./remotes.ts";
export type { ReportedMiss } from "./report/misses.ts";
export type { PackOrigin, ReportedPack } from "./report/pack.ts";
export type {
  ReportedDisk,
  ReportedHits,
  ReportOptions,
  StoreReport,
} from "./report/report.ts";
export type { ReportedRuns } from "./report/runs.ts";
export type { ReportedPolicy, TrustState } from "./report/trust-state.ts";
export type { IdentifyOptions } from "./resolve.ts";
export type { AdHoc } from "./run/ad-hoc.ts";
export type { Sink } from "./run/child.ts";
export type { ChildFacts } from "./run/failure.ts";
export type { Compute, GetOrComputeResult } from "./run/get-or-compute.ts";
export type { Access, CacheAccess, GetEvent, GetOptions } from "./run/options.ts";
export type { RunOptions, RunResult } from "./run/run.ts";
export type { PackFacts, SearchHit } from "./search/facts.ts";
export type { SearchQuery } from "./search/query.ts";
export type { SearchOptions } from "./search/search.ts";
export type { SeedOptions } from "./seed.ts";
export type { InPantries } from "./status/pantry-check.ts";
export type {
  ContractState,
  ContractStatus,
  StatusOptions,
  StatusResult,
} from "./status/status.ts";
export type { TagOptions, TagResult } from "./tag.ts";
export type { TraceSources } from "./traces/open-run.ts";
export type { LogInput, PackedLog, PackLogOptions } from "./traces/pack-log.ts";
export type { PackedTrace } from "./traces/pack-run.ts";
export type { RecordCommandOptions, RecordedCommand } from "./traces/record-command.ts";
export type { ReplayTraceOptions } from "./traces/replay.ts";
export type {
  DiffTracesOptions,
  FinalizeTraceOptions,
  OpenTraceOptions,
  Traces,
} from "./traces/traces.ts";
export type { VerifiedArtifact, VerifyArtifactOptions } from "./traces/verify-artifact.ts";
export type { AttestOptions, AttestResult } from "./trust/attest.ts";
export type { DescribedProofs } from "./trust/describe.ts";
export type { ExplainedPack, ExplainPolicyOptions } from "./trust/explain.ts";
export type { Accept } from "./trust/gate.ts";
export type { AcceptedProof, VerifyOptions, VerifyResult } from "./trust/verify.ts";
export type { EnvState, WhyDifference } from "./why/explain.ts";
export type { FileChanges } from "./why/file-changes.ts";
export type { AttachedInputs } from "./why/inputs.ts";
export type { Explanation, NearestContract, WhyOptions, WhyResult } from "./why/why.ts";
export { clausesOf, describeNearest, printable } from "./why/words.ts";
export type { WorkOptions } from "./work.ts";
