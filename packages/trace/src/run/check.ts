import { CtxPackError, type CtxPackErrorCode, visible } from "@ctxpack/identity";
import { schemaProblems, type Validator } from "@ctxpack/identity/schema";
import { isSafeName } from "./file-name.ts";
import type { RunHead } from "./head.ts";
import { validateRun, validateStep } from "./run.generated.ts";
import type { Step } from "./step.ts";

/**
 * Holds a value against the rules of a run head.
 *
 * @param what names it in errors.
 * @throws CtxPackError with `code`, naming the JSON pointer.
 */
export function checkHead(
  value: unknown,
  what: string,
  code: CtxPackErrorCode = "CTXPACK_E_TRACE",
): RunHead {
  follow(validateRun, value, what, code);
  const head = value as RunHead;
  checkFiles(head, "inputs", what, code);
  checkFiles(head, "outputs", what, code);
  return head;
}

/**
 * Holds a value against the rules of a step.
 *
 * @throws CtxPackError with `code`, naming the JSON pointer.
 */
export function checkStep(
  value: unknown,
  what: string,
  code: CtxPackErrorCode = "CTXPACK_E_TRACE",
): Step {
  follow(validateStep, value, what, code);
  const step = value as Step;
  for (const key of ["parent", "by"] as const) {
    const other = step[key];
    if (other !== undefined && other >= step.seq) {
      throw broken(`${what}: /${key}: ${other} is no earlier step`, code);
    }
  }
  return step;
}

function follow(validate: Validator, value: unknown, what: string, code: CtxPackErrorCode): void {
  if (validate(value)) return;
  const [problem] = schemaProblems(validate, value, () => undefined);
  const text = problem === undefined ? "not of the expected form" : problem.message;
  throw broken(`${what}: ${problem?.pointer ?? ""}: ${text}`, code);
}

function checkFiles(
  head: RunHead,
  key: "inputs" | "outputs",
  what: string,
  code: CtxPackErrorCode,
): void {
  const names = new Set<string>();
  for (const [index, { name, producedBy }] of head[key].entries()) {
    const place = `${what}: /${key}/${index}`;
    if (!isSafeName(name)) throw broken(`${place}/name: no safe relative path`, code);
    if (names.has(name)) throw broken(`${place}/name: twice`, code);
    if (producedBy !== undefined && producedBy >= head.steps.count) {
      throw broken(`${place}/producedBy: there is no step ${producedBy}`, code);
    }
    names.add(name);
  }
}

function broken(message: string, code: CtxPackErrorCode): CtxPackError {
  return new CtxPackError(code, visible(message), {
    hint: "a run's format is in docs/trace.md and schemas/run.v1.json",
  });
}
