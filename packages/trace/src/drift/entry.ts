import { type CtxUri, ORIGIN } from "@ctxpack/identity";
import type { ContentBlock } from "../run/content.ts";
import type { CapturePart } from "../run/head.ts";
import type { StepKind } from "../run/step.ts";

/** The `schema` member of every comparison of runs. */
export const RUN_DIFF_SCHEMA = "ctxpack.run-diff/v1";

/** The `$id` of the JSON Schema of a comparison. */
export const RUN_DIFF_SCHEMA_URI: string = `${ORIGIN}schemas/run-diff.v1.json`;

/** What drifted. */
export const DRIFT_TYPES = [
  /** What the model was told: system prompts, what the user said, what a harness put in between. */
  "prompt_drift",
  /** A tool, agent or retriever was called that was not called before, or no more, or at another place; or it is described otherwise. */
  "tool_drift",
  /** It was called with other arguments. */
  "param_drift",
  /** The model, or a tool for the same call, answered something else. */
  "reasoning_drift",
  /** Another model, or other parameters of it. */
  "model_drift",
  /** Operating system, run time, versions of tools, revision of the code, the agent's own version. */
  "environment_drift",
  /** A file that went in. */
  "input_drift",
  /** A file that came out. */
  "output_drift",
  /** A step failed that did not fail before, no more, or otherwise. */
  "error_drift",
] as const;

export type DriftType = (typeof DRIFT_TYPES)[number];

/** How it drifted, seen from the first run. */
export type DriftChange = "added" | "removed" | "changed" | "moved" | "renamed";

/** One member that differs. */
export interface MemberChange {
  /** JSON pointer into the run, where a content is what it holds: `/steps/4/request/path`. */
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
  /** What the first run has; missing when added. What is longer than 1 KiB is named by its digest. */
  readonly a?: ContentBlock;
  /** What the second run has; missing when removed. */
  readonly b?: ContentBlock;
  /** Of texts: their difference, as unified hunks. */
  readonly text?: string;
  /** Set when `text` is not all of it. */
  readonly cut?: true;
}

/** Why something drifted, as far as what drifted before can explain it. */
export type DriftCause =
  | {
      /** Nothing before it explains it: changed by hand, by chance, or by the world. */
      readonly why: "independent";
    }
  | {
      /** `id` of the entry that this one follows from. */
      readonly entry: number;
      /** `id` of the entry where it began: following `entry` leads there. */
      readonly root: number;
      readonly why: /** The model saw it before it answered. */
        | "seen"
        /** The model that answered is another, or has other parameters. */
        | "model"
        /** The same step was asked something else. */
        | "arguments"
        /** The tool that answered is another version, or described otherwise. */
        | "tool"
        /** It reads what drifted: an input, or a file that an earlier step wrote. */
        | "read"
        /** It ran in another environment. */
        | "environment"
        /** The step that wrote it drifted. */
        | "written"
        /** Something drifted before it; what links the two is not known. */
        | "before";
    };

/** One thing that drifted. */
export interface DriftEntry {
  /** From 1: its position in the list. */
  readonly id: number;
  readonly type: DriftType;
  readonly change: DriftChange;
  /** JSON pointer of what drifted, in the second run unless it was removed; step numbers are those of that run. */
  readonly path: string;
  /** One sentence, without anything that a terminal would obey. */
  readonly description: string;
  readonly cause: DriftCause;
  /** The steps it is about, by `seq`. */
  readonly steps?: { readonly a?: number; readonly b?: number };
  readonly kind?: StepKind;
  /** Of the tool, agent or retriever; in the second run when they differ. */
  readonly name?: string;
  /** In a fixed order; at most 64. None for a step that came or went and holds nothing. */
  readonly changes: readonly MemberChange[];
  /** Set when there are more changes than these: an entry lists 64, and all together 32 MiB. */
  readonly more?: true;
}

/** Where the steps of two runs part. */
export interface Divergence {
  /** `id` of its first entry. */
  readonly entry: number;
  /** The first step that is not the same, in each run; missing where the run has no such step. */
  readonly a?: number;
  readonly b?: number;
}

/** What a comparison comes to. */
export interface DriftSummary {
  readonly a: { readonly uri: CtxUri; readonly steps: number };
  readonly b: { readonly uri: CtxUri; readonly steps: number };
  /** Whether anything drifted. */
  readonly drift: boolean;
  /** Number of entries by type; every type is there. */
  readonly counts: Readonly<Record<DriftType, number>>;
  /** `same` and `changed` are pairs. */
  readonly steps: {
    readonly same: number;
    readonly changed: number;
    readonly added: number;
    readonly removed: number;
    readonly moved: number;
  };
  /** `null` when every step has its like at the same place. */
  readonly firstDivergence: Divergence | null;
  /** Parts that a run's source did not hold: that they are missing there is no drift. */
  readonly notCaptured: readonly CapturePart[];
}

/** Two runs compared: what `trace diff --json` prints. */
export interface RunDiff extends DriftSummary {
  readonly schema: typeof RUN_DIFF_SCHEMA;
  readonly entries: readonly DriftEntry[];
  /** Entries that were counted and are not in the list. */
  readonly omitted: number;
  /** The ignore rules, as given. */
  readonly ignored: readonly string[];
}
