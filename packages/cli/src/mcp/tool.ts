import type { CtxPack } from "@ctxpack/client";
import type { Roots } from "./roots.ts";

/** What a tool has to work with. */
export interface ToolContext {
  readonly ctx: CtxPack;
  readonly roots: Roots;
  /** Whether it may change anything but the store's own cache. */
  readonly allowWrite: boolean;
  readonly signal: AbortSignal;
}

/** A JSON Schema of an object whose members are told one by one. */
interface ArgumentSchema {
  readonly type: "object";
  readonly properties: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

/** One tool: what a client is told of it, and what it does. Arguments were held against `input`. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: ArgumentSchema;
  /** Offered with `--allow-write` only. */
  readonly writes?: true;
  /** Offered in any case, and may write folders of the user with `--allow-write`. */
  readonly mayWrite?: true;
  /** A call may ask a registry. */
  readonly openWorld: boolean;
  call(args: Readonly<Record<string, unknown>>, context: ToolContext): Promise<object>;
}

/** Keeps the types of the arguments for `call`, which the schema vouches for, then forgets them. */
export function defineTool<Args>(
  tool: Omit<Tool, "call"> & { call(args: Args, context: ToolContext): Promise<object> },
): Tool {
  return tool as unknown as Tool;
}

/** Schemas of what several tools take. */
export const URI: object = {
  type: "string",
  maxLength: 80,
  description: "ctx://sha256:<64 hex>, or its first 6 digits or more when the store has it",
};

export const PANTRY: object = {
  type: "string",
  maxLength: 4096,
  description: "a configured pantry by name or address, or oci:FOLDER inside the roots",
};

export const CONTRACT: object = {
  description:
    "path of a contract file (.json, .yaml), or the contract itself; its paths count from the first root",
  anyOf: [{ type: "string", minLength: 1, maxLength: 4096 }, { type: "object" }],
};
