import type { Content } from "./content.ts";

/** What kind of thing happened. */
export const STEP_KINDS = [
  /** Somebody asked: a prompt. */
  "user",
  /** Instructions that came between, not by the user: context that a harness put in. */
  "system",
  /** A model answered. */
  "llm",
  /** A tool was called: `name`, `request`, `result`. */
  "tool",
  /** An agent, sub-agent, chain or task: other steps have it as their `parent`. */
  "agent",
  /** Something was looked up: a retriever, a memory, a resource. */
  "retrieval",
  /** The history was replaced by a shorter one. */
  "compaction",
  /** What went wrong, where it belongs to no other step. */
  "error",
  /** Anything else that the source tells. */
  "event",
] as const;

export type StepKind = (typeof STEP_KINDS)[number];

/** Tokens, as counted by whoever served the model. */
export interface Usage {
  /** All input tokens, those read from and written to a cache included. */
  readonly input?: number;
  /** All output tokens, those for reasoning included. */
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly reasoning?: number;
  /** In US dollars, as the source says. */
  readonly cost?: number;
}

/** What a step touched, as far as the source or the tool's arguments tell. */
export interface Effects {
  /** File paths as the source names them, relative to the session's folder where they lie in it. */
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  /** Hosts or URLs. */
  readonly net?: readonly string[];
}

/** Where in the source a step was found. */
export interface StepSource {
  /** What the source calls it: a uuid, a span id, an index. */
  readonly id?: string;
  /** From 1, of a source of lines. */
  readonly line?: number;
}

/** How a step failed. */
export interface StepError {
  /** The source's word for the kind of error, such as `timeout`. */
  readonly type?: string;
  readonly message?: Content;
}

/**
 * One thing that happened in a run: one canonical line of `steps.ndjson`. A member that is not there says that the
 * source has no such thing for a step of its kind; what should be there and is not is an absent {@link Content}.
 */
export interface Step {
  /** From 0, in order: the number of the line. */
  readonly seq: number;
  readonly kind: StepKind;
  /** Of the tool, agent, retriever or event; of a user step the role or the name, where it is not `user`. */
  readonly name?: string;
  /** `seq` of the agent step that this one is part of; always an earlier line. */
  readonly parent?: number;
  /** `seq` of the llm step that asked for this tool call; always an earlier line. */
  readonly by?: number;
  /** What joins a request and its result in the source. */
  readonly callId?: string;
  /** Position in the head's `models`. */
  readonly model?: number;
  /** Parameters of this call, when they are not those that the head has for the model. */
  readonly params?: Content;
  /** Arguments of a tool, query of a retriever, task of an agent. Of an llm step: what the steps before do not tell. */
  readonly request?: Content;
  /** What was said (user, system, llm) or came back (tool, agent, retrieval). */
  readonly result?: Content;
  /** What a model thought before it answered. */
  readonly reasoning?: Content;
  /** `unknown`: the source does not say, or the result never came. */
  readonly status: "ok" | "error" | "unknown";
  readonly error?: StepError;
  /** UTC, RFC 3339 with `Z`, up to nanoseconds, without trailing zeros. */
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly usage?: Usage;
  /** Why the model stopped, in its provider's words. */
  readonly finishReason?: string;
  /** Whether the same request gives the same result; most sources do not say: `unknown` is then left out. */
  readonly determinism?: "yes" | "no";
  readonly effects?: Effects;
  readonly src?: StepSource;
  /** Members of the source that have no place of their own here, as they were. */
  readonly extra?: Content;
}
