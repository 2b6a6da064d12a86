import type { CtxPackError, CtxPackErrorCode } from "../errors.ts";
import { pointerSteps } from "../pointer.ts";
import type { Problem } from "../schema/problem.ts";
import { nodeAt, type SourceNode } from "./node.ts";
import { errorAt, positionAt } from "./place.ts";

/** A text that was read, and the code of errors about it. */
export interface ReadText {
  readonly root: SourceNode;
  readonly text: string;
  readonly file: string;
  readonly code: CtxPackErrorCode;
}

/** The error for the problem that stands first in the text. */
export function problemError(
  problems: readonly [Problem, ...Problem[]],
  { root, text, file, code }: ReadText,
): CtxPackError {
  const problem = problems.reduce((a, b) => (offsetOf(root, b) < offsetOf(root, a) ? b : a));
  const { pointer, message, hint } = problem;
  const place = { file, ...positionAt(text, offsetOf(root, problem)), pointer };
  return errorAt(code, place, message, { hint });
}

/** How a number was written. */
export function literalAt(root: SourceNode, pointer: string): string | undefined {
  const node = nodeAt(root, pointerSteps(pointer));
  return node?.kind === "number" ? node.literal : undefined;
}

/** Where a problem stands: an unknown key at the key, everything else at the value. */
function offsetOf(root: SourceNode, problem: Problem): number {
  const steps = pointerSteps(problem.pointer);
  const last = steps.at(-1);
  const parent = nodeAt(root, steps.slice(0, -1));
  if (problem.atKey === true && parent?.kind === "map") {
    return parent.entries.find((entry) => entry.key === last)?.offset ?? parent.offset;
  }
  return nodeAt(root, steps)?.offset ?? 0;
}
