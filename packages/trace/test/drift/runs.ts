import type { Run, RunPart, StepDraft } from "../../src/index.ts";
import { packInMemory, reread } from "../run/memory.ts";

/** A run of these parts, packed and read back. */
export async function runOf(...parts: readonly RunPart[]): Promise<Run> {
  return reread(await packInMemory(parts));
}

/** A run of these steps. */
export function stepsOf(...steps: readonly StepDraft[]): Promise<Run> {
  return runOf(...steps.map((step) => ({ step })));
}

export function user(text: string): StepDraft {
  return { kind: "user", result: { text } };
}

export function llm(text: string, more: Partial<StepDraft> = {}): StepDraft {
  return { kind: "llm", model: { requested: "m-1" }, result: { text }, ...more };
}

export function tool(
  name: string,
  request: { readonly [key: string]: string | number },
  result: string,
  more: Partial<StepDraft> = {},
): StepDraft {
  return { kind: "tool", name, request: { value: request }, result: { text: result }, ...more };
}
