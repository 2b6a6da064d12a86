export type { Alignment } from "./align/align.ts";
export type { Artifact, ArtifactMatch, Attribution, CandidateRun } from "./attribute/attribute.ts";
export { attributeArtifact } from "./attribute/attribute.ts";
export type { DiffOptions, DiffRunsOptions } from "./drift/diff.ts";
export { diffRuns, driftEntries, MAX_ENTRIES } from "./drift/diff.ts";
export type {
  Divergence,
  DriftCause,
  DriftChange,
  DriftEntry,
  DriftSummary,
  DriftType,
  MemberChange,
  RunDiff,
} from "./drift/entry.ts";
export { DRIFT_TYPES, RUN_DIFF_SCHEMA, RUN_DIFF_SCHEMA_URI } from "./drift/entry.ts";
export { renderDiff } from "./drift/human.ts";
export type { ExportOptions } from "./export/atif.ts";
export { exportAtif } from "./export/atif.ts";
export type { FinalizeOptions } from "./fork/finalize.ts";
export { finalizeFork } from "./fork/finalize.ts";
export type { ForkPlace } from "./fork/folder.ts";
export type { ForkOptions } from "./fork/fork.ts";
export { forkRun } from "./fork/fork.ts";
export type { ForkBlock, ForkContent, ForkFileRef, ForkHead, ForkStep } from "./fork/form.ts";
export { FORK_FILE, FORK_SCHEMA, FORK_SCHEMA_URI } from "./fork/form.ts";
export { importExecutionStore } from "./import/execution-store.ts";
export type { ImportOptions } from "./import/import.ts";
export { importRuns } from "./import/import.ts";
export type { ImportedRun, LogFormat } from "./import/imported.ts";
export { LOG_FORMATS } from "./import/imported.ts";
export type { LineageNode, LoggedRun } from "./log/graph.ts";
export { lineage } from "./log/graph.ts";
export { renderLog } from "./log/text.ts";
export type { AiSdkMiddleware } from "./record/ai-sdk.ts";
export { recordAiSdk } from "./record/ai-sdk.ts";
export type { Exchange } from "./record/exchange.ts";
export { recordFetch } from "./record/fetch.ts";
export type { RecordingProxy, RecordingProxyOptions } from "./record/proxy.ts";
export { startRecordingProxy } from "./record/proxy.ts";
export type { RecordRunOptions, RecordToolOptions, RunRecorder } from "./record/recorder.ts";
export { recordRun } from "./record/recorder.ts";
export type { ReadRecordingOptions } from "./record/recording.ts";
export { readRecording } from "./record/recording.ts";
export { RECORDING_SCHEMA } from "./record/schema.ts";
export { Redactor } from "./redact/redactor.ts";
export type { ReplayOptions } from "./replay/audit.ts";
export { auditRun } from "./replay/audit.ts";
export type { CommandToolOptions } from "./replay/command-tool.ts";
export { commandTool } from "./replay/command-tool.ts";
export { currentEnvironment, environmentDrift } from "./replay/environment.ts";
export { replayExitCode } from "./replay/exit-code.ts";
export { fileTools } from "./replay/file-tools.ts";
export type {
  DamagedContent,
  EnvironmentDrift,
  Fidelity,
  OutputReplay,
  ReplayDeed,
  ReplayMode,
  ReplayReport,
  ReplayValue,
  StepReplay,
  UnrecordedCall,
  Verdict,
} from "./replay/report.ts";
export { FIDELITIES, REPLAY_MODES, VERDICTS } from "./replay/report.ts";
export { sandboxObstacle } from "./replay/sandbox.ts";
export type { ServedBlock } from "./replay/served.ts";
export type { TapeAnswer } from "./replay/tape.ts";
export { openTape, Tape } from "./replay/tape.ts";
export type { ServeTapeOptions } from "./replay/tape-server.ts";
export { serveTape } from "./replay/tape-server.ts";
export { renderReplay } from "./replay/text.ts";
export type { ReplayCall, ReplayLimits, ReplayOutcome, ReplayTool } from "./replay/tool.ts";
export { REPLAY_LIMITS, ToolEnd } from "./replay/tool.ts";
export type { ReplayToolsOptions } from "./replay/tools.ts";
export { replayTools } from "./replay/tools.ts";
export type { Workspace } from "./replay/workspace.ts";
export { MAX_WORD } from "./run/build-step.ts";
export { checkHead, checkStep } from "./run/check.ts";
export type { PlacedContent } from "./run/closure.ts";
export { headContents, stepContents, storedContents } from "./run/closure.ts";
export type {
  AbsentContent,
  AbsentReason,
  Content,
  ContentBlock,
  PartsContent,
  StoredContent,
  TextContent,
  ValueContent,
} from "./run/content.ts";
export { contentBlocks, INLINE_LIMIT, isStored } from "./run/content.ts";
export type {
  ContentDraft,
  FileDraft,
  HeadDraft,
  LossDraft,
  ModelDraft,
  RunPart,
  StepDraft,
  ToolDraft,
} from "./run/draft.ts";
export { isSafeName, relativeTo, safeName } from "./run/file-name.ts";
export { runFolder, writeRunFolder } from "./run/folder.ts";
export type {
  CapturePart,
  LossReason,
  RunAgent,
  RunEnvironment,
  RunFileRef,
  RunHead,
  RunLoss,
  RunModel,
  RunParent,
  RunSession,
  RunSource,
  RunTool,
  RunTotals,
  RunVcs,
} from "./run/head.ts";
export {
  CAPTURE_PARTS,
  RUN_MEDIA_TYPE,
  RUN_SCHEMA,
  RUN_SCHEMA_URI,
  TRACE_ARTIFACT_TYPE,
} from "./run/head.ts";
export type { RunFile } from "./run/layout.ts";
export { CONTENT_FOLDER, contentPath, STEPS_PATH } from "./run/layout.ts";
export {
  MAX_CONTENT,
  MAX_HEAD,
  MAX_STEP_LINE,
  MAX_STEPS,
  MAX_VALUE_NESTING,
} from "./run/limits.ts";
export { escapeKey, numberLiteral, numberValue, sourceText, unescapeKey } from "./run/number.ts";
export type { PackedRun, PackRunOptions } from "./run/pack.ts";
export { packRun } from "./run/pack.ts";
export { printable } from "./run/printable.ts";
export type { ReadContentOptions, ReadRunOptions, RunFiles } from "./run/read.ts";
export { parseRunHead, Run, readRun } from "./run/read.ts";
export type { Effects, Step, StepError, StepKind, StepSource, Usage } from "./run/step.ts";
export { STEP_KINDS } from "./run/step.ts";
export { compareTimes, utcTime } from "./run/time.ts";
export type { RenderRunOptions } from "./show/text.ts";
export { renderRun, renderStep } from "./show/text.ts";
export type { ParsedJson } from "./source/json.ts";
export { JsonSyntaxError, MAX_SOURCE_NESTING, parseJson } from "./source/json.ts";
export type { Malformed } from "./source/log.ts";
