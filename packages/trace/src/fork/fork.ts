import { rm } from "node:fs/promises";
import type { JsonValue } from "@ctxpack/identity";
import type { StoredContent } from "../run/content.ts";
import type { RunFileRef, RunModel, RunTool } from "../run/head.ts";
import { STEPS_PATH } from "../run/layout.ts";
import { sourceText } from "../run/number.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { ForkFolder, type ForkPlace, makeForkFolder } from "./folder.ts";
import { FORK_FILE, FORK_SCHEMA, type ForkFileRef, type ForkHead, type ForkStep } from "./form.ts";
import { prettyText } from "./spelling.ts";
import { ContentWriter } from "./write-content.ts";

/** How a run is forked. */
export interface ForkOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lays a run out as files to be edited, in a new folder:
 *
 * ```
 * run.json       what is known of the run, and which run it is a fork of
 * steps.ndjson   a step a line; lines may go, come and change their places
 * system/        system prompts
 * prompts/       what the user said, and what came between
 * inputs/        files that went in
 * outputs/       files that came out
 * content/       what is too long for a line
 * ```
 *
 * `finalizeFork` makes a run of it again. Numbers are written as the log had them. When it fails, nothing is left.
 *
 * @returns the folder.
 * @throws CtxPackError `CTXPACK_E_CONFLICT` when the folder is there already; what reading a run throws.
 */
export async function forkRun(
  run: Run,
  place: ForkPlace,
  options: ForkOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  const folder = new ForkFolder(await makeForkFolder(run.uri, place));
  try {
    const writer = new ContentWriter(run, folder, options.signal);
    await folder.write(STEPS_PATH, stepLines(run, writer, options.signal));
    const head = await forkHead(run, writer);
    await folder.write(FORK_FILE, `${prettyText(head as unknown as JsonValue)}\n`);
  } catch (cause) {
    // The folder is ours: it was not there before.
    await rm(folder.folder, { recursive: true, force: true });
    throw cause;
  }
  return folder.folder;
}

async function* stepLines(
  run: Run,
  writer: ContentWriter,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  let lines = "";
  for await (const step of run.steps({ signal })) {
    signal?.throwIfAborted();
    lines += `${sourceText((await forkStep(step, writer)) as unknown as JsonValue)}\n`;
    if (lines.length < 65_536) continue;
    yield lines;
    lines = "";
  }
  yield lines;
}

async function forkStep(step: Step, writer: ContentWriter): Promise<ForkStep> {
  const { request, result, reasoning, error, params, extra, ...facts } = step;
  const isPrompt = step.kind === "user" || step.kind === "system";
  const name = isPrompt ? `prompts/${String(step.seq).padStart(4, "0")}-${step.kind}` : undefined;
  const message = error?.message && (await writer.write(error.message));
  return {
    ...facts,
    ...(params && { params: await writer.value(params) }),
    ...(request && { request: await writer.write(request) }),
    ...(reasoning && { reasoning: await writer.write(reasoning) }),
    ...(result && { result: await writer.write(result, name) }),
    ...(error && {
      error: { ...(error.type !== undefined && { type: error.type }), ...(message && { message }) },
    }),
    ...(extra && { extra: await writer.value(extra) }),
  };
}

async function forkHead(run: Run, writer: ContentWriter): Promise<ForkHead> {
  const { name, note, agent, session, environment, notCaptured, extra } = run.head;
  const { models, tools, system, inputs, outputs } = run.head;
  return {
    schema: FORK_SCHEMA,
    parent: run.uri,
    ...(name !== undefined && { name }),
    ...(note !== undefined && { note }),
    ...(agent && { agent }),
    ...(session && { session }),
    ...(environment && { environment }),
    models: await each(models, (model) => forkModel(model, writer)),
    system: await each(system, (prompt, index) => writer.write(prompt, `system/${index + 1}`)),
    inputs: await each(inputs, (file) => forkFile("inputs", file, writer)),
    outputs: await each(outputs, (file) => forkFile("outputs", file, writer)),
    tools: await each(tools, (tool) => forkTool(tool, writer)),
    ...(notCaptured.length > 0 && { notCaptured }),
    ...(extra && { extra: await writer.value(extra) }),
  };
}

async function forkModel(
  { params, ...model }: RunModel,
  writer: ContentWriter,
): Promise<ForkHead["models"][number]> {
  return { ...model, ...(params && { params: await writer.value(params) }) };
}

async function forkTool(
  { description, schema, ...tool }: RunTool,
  writer: ContentWriter,
): Promise<ForkHead["tools"][number]> {
  return {
    ...tool,
    ...(description && { description: await writer.write(description) }),
    ...(schema && { schema: await writer.value(schema) }),
  };
}

async function forkFile(
  which: "inputs" | "outputs",
  { digest, size, ...file }: RunFileRef,
  writer: ContentWriter,
): Promise<ForkFileRef> {
  if (digest === undefined || size === undefined) return file;
  const path = `${which}/${file.name}`;
  const mediaType = file.mediaType ?? "application/octet-stream";
  await writer.file({ digest, size, mediaType } satisfies StoredContent, path);
  return { ...file, file: path };
}

async function each<T, U>(
  list: readonly T[],
  map: (item: T, index: number) => Promise<U>,
): Promise<U[]> {
  const mapped: U[] = [];
  for (const [index, item] of list.entries()) mapped.push(await map(item, index));
  return mapped;
}
