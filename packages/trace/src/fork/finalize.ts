import { CtxPackError } from "@ctxpack/identity";
import type { ModelDraft, RunPart, StepDraft } from "../run/draft.ts";
import { STEPS_PATH } from "../run/layout.ts";
import { MAX_HEAD, MAX_STEP_LINE } from "../run/limits.ts";
import { readLines } from "../source/lines.ts";
import { ForkFolder } from "./folder.ts";
import { validateFork, validateForkStep } from "./fork.generated.ts";
import {
  FORK_FILE,
  type ForkContent,
  type ForkFileRef,
  type ForkHead,
  type ForkStep,
} from "./form.ts";
import { broken, followForm, parseForkJson } from "./parse.ts";
import { readContent, readFile, requireText } from "./read-content.ts";

/** How a fork is read. */
export interface FinalizeOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Written for a person, these files take more than their canonical form. */
const SPACIOUS = 8;

/**
 * A fork as it is now, as parts for `packRun`: a run whose parent is the run that was forked. Nothing is written: the
 * same files give the same run again. Files that nothing names are left out.
 *
 * @throws CtxPackError `CTXPACK_E_NOT_FOUND` for a folder that is no whole fork, `CTXPACK_E_TRACE` naming file, line
 *   and JSON pointer for what breaks the form, `CTXPACK_E_PATH_NOT_FOUND` for a file that is named and not there.
 */
export async function* finalizeFork(
  path: string,
  options: FinalizeOptions = {},
): AsyncGenerator<RunPart> {
  options.signal?.throwIfAborted();
  const folder = new ForkFolder(path);
  const head = await readHead(folder);
  const { models, tools, system, parent, name, note, agent, session, environment } = head;
  const { notCaptured, extra } = head;
  const source = { format: "fork" };
  const facts = { name, note, agent, session, environment, notCaptured, extra };
  yield { head: { source, parents: [{ uri: parent }], ...facts } };
  for (const model of models) yield { model };
  for (const prompt of system) yield { system: await readContent(folder, prompt) };
  for (const { description, ...tool } of tools) {
    yield { tool: { ...tool, description: await optional(folder, description) } };
  }
  const places = new StepPlaces();
  yield* readSteps(folder, models, places, options);
  for (const file of head.inputs) yield { input: await fileDraft(folder, file, places, "inputs") };
  for (const file of head.outputs)
    yield { output: await fileDraft(folder, file, places, "outputs") };
}

async function readHead(folder: ForkFolder): Promise<ForkHead> {
  let bytes: Uint8Array;
  try {
    bytes = await folder.read(FORK_FILE, SPACIOUS * MAX_HEAD);
  } catch (cause) {
    if (!CtxPackError.isInstance(cause) || cause.code !== "CTXPACK_E_PATH_NOT_FOUND") throw cause;
    throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${folder.folder} is no fork: no ${FORK_FILE}`, {
      cause,
      hint: "fork a run anew; one that was interrupted is not whole",
    });
  }
  const value = parseForkJson(requireText(FORK_FILE, bytes), FORK_FILE);
  return followForm<ForkHead>(validateFork, value, FORK_FILE);
}

async function* readSteps(
  folder: ForkFolder,
  models: readonly ModelDraft[],
  places: StepPlaces,
  { signal }: FinalizeOptions,
): AsyncGenerator<RunPart> {
  const maxLine = SPACIOUS * MAX_STEP_LINE;
  for await (const line of readLines(folder.stream(STEPS_PATH), { maxLine, signal })) {
    signal?.throwIfAborted();
    const where = `${STEPS_PATH}:${line.number}`;
    if (line.tooLong) throw broken(where, `longer than ${maxLine} bytes`);
    const text = requireText(where, line.bytes);
    if (text.trim() === "") continue;
    const step = followForm<ForkStep>(validateForkStep, parseForkJson(text, where), where);
    yield { step: await stepDraft(folder, step, models, places, where) };
  }
}

async function stepDraft(
  folder: ForkFolder,
  step: ForkStep,
  models: readonly ModelDraft[],
  places: StepPlaces,
  where: string,
): Promise<StepDraft> {
  const { seq, model, params, request, result, reasoning, error, ...facts } = step;
  const called = model === undefined ? undefined : models[model];
  if (model !== undefined && called === undefined) {
    throw broken(where, `/model: ${FORK_FILE} has no model ${model}`);
  }
  const draft: StepDraft = {
    ...facts,
    parent: places.of(step.parent, `${where}: /parent`),
    by: places.of(step.by, `${where}: /by`),
    model: called && { ...called, params: params ?? called.params },
    request: await optional(folder, request),
    result: await optional(folder, result),
    reasoning: await optional(folder, reasoning),
    error: error && { type: error.type, message: await optional(folder, error.message) },
  };
  places.add(seq, where);
  return draft;
}

async function fileDraft(
  folder: ForkFolder,
  file: ForkFileRef,
  places: StepPlaces,
  which: string,
): Promise<Extract<RunPart, { input: unknown }>["input"]> {
  const { name, mediaType } = file;
  const producedBy = places.of(file.producedBy, `${FORK_FILE}: /${which}: ${name}: producedBy`);
  return { name, mediaType, producedBy, content: await readFile(folder, file) };
}

async function optional(
  folder: ForkFolder,
  content: ForkContent | undefined,
): Promise<Awaited<ReturnType<typeof readContent>> | undefined> {
  return content === undefined ? undefined : readContent(folder, content);
}

/** Where steps are now, by the number they are known by. */
class StepPlaces {
  readonly #places = new Map<number, number>();
  #count = 0;

  add(seq: number | undefined, where: string): void {
    if (seq !== undefined) {
      if (this.#places.has(seq)) throw broken(where, `/seq: a second step ${seq}`);
      this.#places.set(seq, this.#count);
    }
    this.#count++;
  }

  of(seq: number | undefined, where: string): number | undefined {
    if (seq === undefined) return undefined;
    const place = this.#places.get(seq);
    if (place === undefined) throw broken(where, `no step ${seq} before it`);
    return place;
  }
}
