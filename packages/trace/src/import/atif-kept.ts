import type { JsonValue } from "@ctxpack/identity";
import { withBytes } from "../record/part-bytes.ts";
import { validateRecording } from "../record/recording.generated.ts";
import type { ModelDraft, RunPart, StepDraft } from "../run/draft.ts";
import { utcTime } from "../run/time.ts";
import { isObject } from "../source/log.ts";

/** The member of an `extra` that holds what a run has and ATIF has no place for. */
export const KEPT = "ctxpack";

type Members = { readonly [key: string]: JsonValue };

/** An `extra` of ATIF: what the log had there, and what is kept beside it. */
interface SplitExtra {
  readonly extra: JsonValue | undefined;
  readonly kept: Members | undefined;
}

/** One `extra` of both; undefined when there is nothing. {@link splitKept} takes it apart again. */
export function joinKept(extra: JsonValue | undefined, kept: Members): JsonValue | undefined {
  const members = isObject(extra) && !Object.hasOwn(extra, KEPT) ? extra : undefined;
  if (Object.keys(kept).length === 0 && (extra === undefined || members !== undefined))
    return extra;
  if (members !== undefined && Object.keys(members).length > 0) return { ...members, [KEPT]: kept };
  return { [KEPT]: extra === undefined ? kept : { ...kept, extra } };
}

export function splitKept(value: JsonValue | undefined): SplitExtra {
  if (!isObject(value)) return { extra: value, kept: undefined };
  const { [KEPT]: all, ...others } = value;
  if (!isObject(all)) return { extra: value, kept: undefined };
  const { extra, ...kept } = all;
  const beside = Object.keys(others).length === 0 ? undefined : others;
  return { extra: extra ?? beside, kept };
}

/** The parts of a run's head that are kept; undefined for what is none. */
export function keptParts(kept: Members): RunPart[] | undefined {
  const { parts } = kept;
  if (!Array.isArray(parts)) return undefined;
  const read: RunPart[] = [];
  for (const part of parts as readonly JsonValue[]) {
    if (!isObject(part) || "step" in part || "loss" in part) return undefined;
    if (!validateRecording({ part })) return undefined;
    const draft = withBytes(part as unknown as RunPart);
    // Where it was read from is this log now.
    read.push("head" in draft ? { head: { ...draft.head, source: undefined } } : draft);
  }
  return read;
}

/**
 * What a step had that is other than its trajectory tells, undefined members for what it had not.
 *
 * @param next number of the step.
 * @param models of the run, which it names by their places.
 * @returns undefined for what is of another form.
 */
export function keptStep(
  kept: Members,
  next: number,
  models: readonly ModelDraft[],
): Partial<StepDraft> | undefined {
  const { answered: _, model: place, params, ...members } = kept;
  const entries = Object.entries(members);
  const told = Object.fromEntries(entries.filter(([, value]) => value !== null));
  const part = { step: { kind: "event", ...told } };
  if (!validateRecording({ part })) return undefined;
  const { step } = withBytes(part as unknown as RunPart) as { readonly step: StepDraft };
  if ([step.parent, step.by].some((seq) => seq !== undefined && seq >= next)) return undefined;
  const model = typeof place === "number" ? models[place] : undefined;
  if (typeof place === "number" && model === undefined) return undefined;
  const known = entries.map(([key]) => [key, step[key as keyof StepDraft]] as const);
  return {
    ...(Object.fromEntries(known) as Partial<StepDraft>),
    ...(step.startedAt !== undefined && { startedAt: utcTime(step.startedAt) }),
    ...(step.endedAt !== undefined && { endedAt: utcTime(step.endedAt) }),
    ...(place !== undefined && { model: model && withParams(model, params) }),
  };
}

function withParams(model: ModelDraft, params: JsonValue | undefined): ModelDraft {
  return params === undefined ? model : { ...model, params };
}
