import type { CtxUri, Digest, JsonValue } from "@ctxpack/identity";
import { ORIGIN } from "@ctxpack/identity";
import type { Content } from "./content.ts";
import type { StepKind, Usage } from "./step.ts";

/** The `schema` member of every run head. */
export const RUN_SCHEMA = "ctxpack.run/v1";

/** The `$id` of the run's JSON Schema. */
export const RUN_SCHEMA_URI: string = `${ORIGIN}schemas/run.v1.json`;

/** The `artifactType` of a run's pack. */
export const TRACE_ARTIFACT_TYPE = "application/vnd.ctxpack.trace.v1";

/** The media type of a run head as the config blob of a pack. */
export const RUN_MEDIA_TYPE = "application/vnd.ctxpack.run.v1+json";

/** The log that a run was read from. Where it lay, when it was read and by which version of us is not in here. */
export interface RunSource {
  /** Name of the importer's format, such as `claude-code`; `recorded`, `fork`. */
  readonly format: string;
  /** The version of the format that the log says it has. */
  readonly version?: string;
  /** Of the log's bytes, before anything was redacted. */
  readonly digest?: Digest;
  /** Of the log, in bytes. */
  readonly size?: number;
  /** What another tool called this run, checked against its bytes: the earlier tool's pack id. */
  readonly id?: string;
}

/** The program that ran the loop. */
export interface RunAgent {
  readonly name?: string;
  readonly version?: string;
  readonly framework?: string;
}

/** The code that the run worked on. */
export interface RunVcs {
  readonly type?: string;
  readonly remote?: string;
  readonly revision?: string;
  readonly branch?: string;
  readonly dirty?: boolean;
}

/** The conversation, trace or sample that the run is. */
export interface RunSession {
  readonly id?: string;
  /** The session that this one goes on from. */
  readonly parent?: string;
  /** What several runs share: a conversation, a workflow, a task. */
  readonly group?: string;
  /** The folder it worked in, as the source names it. */
  readonly cwd?: string;
  readonly vcs?: RunVcs;
}

/** A model that was called. */
export interface RunModel {
  readonly requested?: string;
  /** The model that answered, when the source tells it apart. */
  readonly served?: string;
  readonly provider?: string;
  /** Of the first call; a step whose parameters are others has `params` of its own. */
  readonly params?: Content;
}

/** A tool that could be called. */
export interface RunTool {
  readonly name: string;
  readonly description?: Content;
  /** JSON Schema of its arguments. */
  readonly schema?: Content;
  readonly version?: string;
  /** The MCP server that has it. */
  readonly server?: string;
  /** What its server says about it (MCP annotations): hints, not facts. */
  readonly annotations?: JsonValue;
}

/** A file that went in or came out. Its bytes are always a file of the pack, however small. */
export interface RunFileRef {
  /** A relative path with `/`, by the rules for paths of a pack; unique among inputs, and among outputs. */
  readonly name: string;
  /** Missing when the source names the file and does not hold it. */
  readonly digest?: Digest;
  /** In bytes. */
  readonly size?: number;
  readonly mediaType?: string;
  /** `seq` of the step that wrote it last. */
  readonly producedBy?: number;
}

/** Where the run ran. */
export interface RunEnvironment {
  readonly os?: string;
  readonly arch?: string;
  readonly runtime?: string;
  readonly image?: string;
  /** Versions of tools and packages by name. */
  readonly tools?: Readonly<Record<string, string>>;
}

/** Sums over the steps. */
export interface RunTotals {
  /** Number of steps by kind; kinds that do not occur are left out. */
  readonly steps: Readonly<Partial<Record<StepKind, number>>>;
  /** Steps whose status is `error`. */
  readonly errors: number;
  readonly usage?: Usage;
  /** Earliest `startedAt` and latest `endedAt` (or `startedAt`) of the steps. */
  readonly startedAt?: string;
  readonly endedAt?: string;
}

/** Why something of the source is not in the run. */
export type LossReason =
  /** A member that has no place in a run. */
  | "unmapped"
  /** A line or item that could not be read, skipped because the caller said so. */
  | "malformed"
  /** Says again what another member says. */
  | "duplicate"
  /** Not on the path that the conversation took: an edited or abandoned branch. */
  | "abandoned"
  /** Kept, but not as it was: a name that is no safe path, a lone surrogate, a time that is none. */
  | "changed";

/** Something of the source that the run does not hold. */
export interface RunLoss {
  /** JSONPath with `*` for every index, relative to the line or document: `$.message.usage.service_tier`. */
  readonly path: string;
  readonly reason: LossReason;
  /** How often. */
  readonly count: number;
  /** The first lines where, at most 16, from 1, in a source of lines. */
  readonly lines?: readonly number[];
}

/** Parts of a run that a source may not hold at all; what is in the list was not captured, what is empty was. */
export const CAPTURE_PARTS = [
  "agent",
  "environment",
  "inputs",
  "models",
  "outputs",
  "params",
  "system",
  "timestamps",
  "tools",
  "usage",
] as const;

export type CapturePart = (typeof CAPTURE_PARTS)[number];

/** A run that this one was made from. */
export interface RunParent {
  readonly uri: CtxUri;
  /** `seq` of the first step that is not the parent's, when it was forked in the middle. */
  readonly step?: number;
}

/**
 * What a run is, in one canonical JSON of at most 1 MiB: the config blob of its pack, whose digest is its URI.
 * `models`, `tools`, `system`, `inputs`, `outputs`, `loss` and `notCaptured` are always there.
 */
export interface RunHead {
  readonly schema: typeof RUN_SCHEMA;
  readonly source: RunSource;
  /** A title. */
  readonly name?: string;
  readonly agent?: RunAgent;
  readonly session?: RunSession;
  /** In order of first use. */
  readonly models: readonly RunModel[];
  readonly tools: readonly RunTool[];
  /** System prompts, in order of appearance. */
  readonly system: readonly Content[];
  /** Sorted by name, bytewise. */
  readonly inputs: readonly RunFileRef[];
  readonly outputs: readonly RunFileRef[];
  readonly environment?: RunEnvironment;
  readonly steps: { readonly count: number; readonly digest: Digest };
  readonly totals: RunTotals;
  /** Sorted by path and reason. */
  readonly loss: readonly RunLoss[];
  /** Sorted. */
  readonly notCaptured: readonly CapturePart[];
  readonly parents?: readonly RunParent[];
  /** A person's remark, part of the run: what a fork changed and why. */
  readonly note?: string;
  /** Members of the source about the whole run that have no place of their own here. */
  readonly extra?: Content;
}
