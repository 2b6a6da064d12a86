import type { JsonValue } from "@ctxpack/identity";
import type { AbsentReason } from "./content.ts";
import type {
  CapturePart,
  LossReason,
  RunAgent,
  RunEnvironment,
  RunParent,
  RunSession,
  RunSource,
  RunVcs,
} from "./head.ts";
import type { Effects, Step, StepKind, StepSource, Usage } from "./step.ts";

/** Content before it is searched for secrets, hashed and put in its place. */
export type ContentDraft =
  | {
      readonly text: string;
      readonly mediaType?: string | undefined;
      readonly truncated?: boolean | undefined;
    }
  /** A value as `parseJson` gives it; a bare string counts as text. */
  | { readonly value: JsonValue; readonly truncated?: boolean | undefined }
  | {
      readonly bytes: Uint8Array;
      readonly mediaType: string;
      readonly truncated?: boolean | undefined;
    }
  | { readonly absent: AbsentReason; readonly reference?: string | undefined }
  | { readonly parts: readonly ContentDraft[] };

/** A model call's configuration. The head gets a model once; the step gets its position there. */
export interface ModelDraft {
  readonly requested?: string | undefined;
  readonly served?: string | undefined;
  readonly provider?: string | undefined;
  readonly params?: JsonValue | undefined;
}

/** A {@link Step} before it has its number. Members that are `undefined` are left out. */
export interface StepDraft {
  readonly kind: StepKind;
  readonly name?: string | undefined;
  readonly parent?: number | undefined;
  readonly by?: number | undefined;
  readonly callId?: string | undefined;
  readonly model?: ModelDraft | undefined;
  readonly request?: ContentDraft | undefined;
  readonly result?: ContentDraft | undefined;
  readonly reasoning?: ContentDraft | undefined;
  /** Default `ok`. */
  readonly status?: Step["status"] | undefined;
  readonly error?:
    | { readonly type?: string | undefined; readonly message?: ContentDraft | undefined }
    | undefined;
  readonly startedAt?: string | undefined;
  readonly endedAt?: string | undefined;
  readonly usage?: { readonly [key in keyof Usage]: number | undefined } | undefined;
  readonly finishReason?: string | undefined;
  readonly determinism?: "yes" | "no" | undefined;
  readonly effects?: Effects | undefined;
  readonly src?: { readonly [key in keyof StepSource]: StepSource[key] | undefined } | undefined;
  readonly extra?: JsonValue | undefined;
}

/** A tool as the source describes it. */
export interface ToolDraft {
  readonly name: string;
  readonly description?: ContentDraft | undefined;
  readonly schema?: JsonValue | undefined;
  readonly version?: string | undefined;
  readonly server?: string | undefined;
  readonly annotations?: JsonValue | undefined;
}

/** A file that went in or came out. Without `content` the source names it and does not hold it. */
export interface FileDraft {
  readonly name: string;
  readonly content?: ContentDraft | undefined;
  readonly mediaType?: string | undefined;
  readonly producedBy?: number | undefined;
}

type Facts<T> = { readonly [key in keyof T]?: T[key] | undefined };

/** What is known about the whole run. Parts add up: what was said first stays, and what differs later is a loss. */
export interface HeadDraft {
  readonly source?: Facts<RunSource> | undefined;
  readonly name?: string | undefined;
  readonly agent?: Facts<RunAgent> | undefined;
  readonly session?:
    | (Facts<Omit<RunSession, "vcs">> & { readonly vcs?: Facts<RunVcs> })
    | undefined;
  readonly environment?: Facts<RunEnvironment> | undefined;
  readonly notCaptured?: readonly CapturePart[] | undefined;
  readonly parents?: readonly RunParent[] | undefined;
  readonly note?: string | undefined;
  readonly extra?: JsonValue | undefined;
}

/** Something of the source that the run does not hold, once. */
export interface LossDraft {
  readonly path: string;
  readonly reason: LossReason;
  readonly line?: number | undefined;
  /** Default 1. */
  readonly count?: number | undefined;
}

/**
 * What a run is made of, in order. The n-th `step` is the step with `seq` n: `parent`, `by` and `producedBy` name
 * steps by it. A file given twice under one name is the later one.
 */
export type RunPart =
  | { readonly head: HeadDraft }
  | { readonly system: ContentDraft }
  /** A model that the log names, whether or not a step calls it. */
  | { readonly model: ModelDraft }
  | { readonly tool: ToolDraft }
  | { readonly step: StepDraft }
  | { readonly input: FileDraft }
  | { readonly output: FileDraft }
  | { readonly loss: LossDraft };
