import { CtxPackError } from "@ctxpack/identity";
import type { Redactor } from "../redact/redactor.ts";
import type { ContentDraft, StepDraft } from "./draft.ts";
import type { Models } from "./models.ts";
import type { ContentPlacer } from "./place.ts";
import type { Effects, Step, StepError, Usage } from "./step.ts";

/** Of names, ids and words, in UTF-16 code units; the rest is cut off. */
export const MAX_WORD = 1024;
const MAX_PATH = 4096;
const MAX_EFFECTS = 256;

/** What a step is built with. */
export interface StepTools {
  readonly placer: ContentPlacer;
  readonly redactor: Redactor;
  readonly models: Models;
}

/**
 * The step with number `seq` of a draft: contents in their places, words without secrets and of bounded length.
 *
 * @throws CtxPackError `CTXPACK_E_TRACE` for a `parent` or `by` that is no earlier step.
 */
export function buildStep(draft: StepDraft, seq: number, tools: StepTools): Step {
  const content = (part: ContentDraft | undefined) =>
    part === undefined ? undefined : tools.placer.place(part);
  const model = draft.model === undefined ? undefined : tools.models.use(draft.model);
  return defined<Step>({
    seq,
    kind: draft.kind,
    name: word(draft.name, tools.redactor),
    parent: earlier("parent", draft.parent, seq),
    by: earlier("by", draft.by, seq),
    callId: word(draft.callId, tools.redactor),
    model: model?.position,
    params: content(model?.params),
    request: content(draft.request),
    result: content(draft.result),
    reasoning: content(draft.reasoning),
    status: draft.status ?? "ok",
    error: draft.error && stepError(draft.error, tools),
    startedAt: draft.startedAt,
    endedAt: draft.endedAt,
    usage: draft.usage && usageOf(draft.usage),
    finishReason: word(draft.finishReason, tools.redactor),
    determinism: draft.determinism,
    effects: draft.effects && effectsOf(draft.effects, tools.redactor),
    src:
      draft.src && emptyAsMissing({ id: word(draft.src.id, tools.redactor), line: draft.src.line }),
    extra: content(draft.extra === undefined ? undefined : { value: draft.extra }),
  });
}

/** A word of a log, as a run keeps it: without secrets, well-formed, of bounded length. */
export function word(text: string | undefined, redactor: Redactor): string | undefined {
  if (text === undefined || text === "") return undefined;
  return clip(redactor.text(text.toWellFormed()), MAX_WORD);
}

/** `record` without the members that are undefined. */
export function defined<T extends object>(
  record: { readonly [key in keyof T]: T[key] | undefined },
): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}

/** {@link defined}, and undefined when nothing is left. */
export function emptyAsMissing<T extends object>(
  record: { readonly [key in keyof T]: T[key] | undefined },
): T | undefined {
  const members = defined<T>(record);
  return Object.keys(members).length === 0 ? undefined : members;
}

function earlier(key: string, value: number | undefined, seq: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value < seq)) return value;
  throw new CtxPackError("CTXPACK_E_TRACE", `step ${seq}: ${key} ${value} is no earlier step`, {
    hint: "a step names the steps it belongs to by their number, and they come first",
    details: { seq, [key]: value },
  });
}

function stepError(draft: NonNullable<StepDraft["error"]>, tools: StepTools): StepError {
  const message = draft.message && tools.placer.place(draft.message);
  return defined<StepError>({ type: word(draft.type, tools.redactor), message });
}

/** Counts that are none are left out: an importer has no other use for them. */
function usageOf(draft: NonNullable<StepDraft["usage"]>): Usage | undefined {
  const entries = Object.entries(draft).filter(([key, value]) => {
    if (value === undefined || value < 0) return false;
    return key === "cost" ? Number.isFinite(value) : Number.isSafeInteger(value);
  });
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as Usage);
}

function effectsOf(draft: Effects, redactor: Redactor): Effects | undefined {
  const list = (paths: readonly string[] | undefined) =>
    paths === undefined || paths.length === 0
      ? undefined
      : paths
          .slice(0, MAX_EFFECTS)
          .map((path) => clip(redactor.text(path.toWellFormed()), MAX_PATH));
  return emptyAsMissing<Effects>({
    read: list(draft.read),
    write: list(draft.write),
    net: list(draft.net),
  });
}

function clip(text: string, limit: number): string {
  // A surrogate pair may have been cut.
  return text.length <= limit ? text : text.slice(0, limit).toWellFormed();
}
