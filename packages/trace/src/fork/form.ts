import type { CtxUri, JsonValue } from "@ctxpack/identity";
import { ORIGIN } from "@ctxpack/identity";
import type { AbsentContent } from "../run/content.ts";
import type { CapturePart, RunAgent, RunEnvironment, RunSession } from "../run/head.ts";
import type { Step } from "../run/step.ts";

/** The `schema` member of a fork's `run.json`. */
export const FORK_SCHEMA = "ctxpack.fork/v1";

/** The `$id` of the JSON Schema of a fork. */
export const FORK_SCHEMA_URI: string = `${ORIGIN}schemas/fork.v1.json`;

/** The file of a fork that says what it is of; written last, so a folder without it is no whole fork. */
export const FORK_FILE = "run.json";

/** One block of a content of a fork, as its JSON files have it. */
export type ForkBlock =
  | { readonly text: string; readonly mediaType?: string; readonly truncated?: true }
  | { readonly value: JsonValue; readonly truncated?: true }
  | {
      /** A path in the fork, whatever the file is called. */
      readonly file: string;
      readonly mediaType?: string;
      /** The file holds a JSON value: how it is written does not matter. */
      readonly json?: true;
      readonly truncated?: true;
    }
  | AbsentContent;

export type ForkContent = ForkBlock | { readonly parts: readonly ForkBlock[] };

/** An input or output of a fork; without `file` its bytes are not known. */
export interface ForkFileRef {
  readonly name: string;
  readonly file?: string;
  readonly mediaType?: string;
  readonly producedBy?: number;
}

/** What a fork's `run.json` holds. */
export interface ForkHead {
  readonly schema: typeof FORK_SCHEMA;
  readonly parent: CtxUri;
  readonly name?: string;
  readonly note?: string;
  readonly agent?: RunAgent;
  readonly session?: RunSession;
  readonly environment?: RunEnvironment;
  readonly models: readonly {
    readonly requested?: string;
    readonly served?: string;
    readonly provider?: string;
    readonly params?: JsonValue;
  }[];
  readonly tools: readonly {
    readonly name: string;
    readonly description?: ForkContent;
    readonly schema?: JsonValue;
    readonly version?: string;
    readonly server?: string;
    readonly annotations?: JsonValue;
  }[];
  readonly system: readonly ForkContent[];
  readonly inputs: readonly ForkFileRef[];
  readonly outputs: readonly ForkFileRef[];
  readonly notCaptured?: readonly CapturePart[];
  readonly extra?: JsonValue;
}

type Contents = "request" | "result" | "reasoning";

/** A line of a fork's `steps.ndjson`. */
export type ForkStep = Omit<Step, Contents | "seq" | "status" | "error" | "params" | "extra"> & {
  readonly [key in Contents]?: ForkContent;
} & {
  /** What other steps name it by; a new step needs none. */
  readonly seq?: number;
  readonly status?: Step["status"];
  readonly error?: { readonly type?: string; readonly message?: ForkContent };
  readonly params?: JsonValue;
  readonly extra?: JsonValue;
};
