import type { JsonValue } from "@ctxpack/identity";
import { type Content, type ContentBlock, contentBlocks, isStored } from "../run/content.ts";
import { contentPath } from "../run/layout.ts";
import { sourceText } from "../run/number.ts";
import type { Run } from "../run/read.ts";
import type { Step } from "../run/step.ts";
import { parseJson } from "../source/json.ts";

type Members = Record<string, JsonValue>;

/** How a run is exported. */
export interface ExportOptions {
  readonly signal?: AbortSignal | undefined;
}

/** The version that is written for runs that were not read from ATIF. */
const VERSION = "ATIF-v1.7";

/**
 * A run as an ATIF trajectory, as pieces of one JSON text. An answer of a model and the calls it asked for are one step.
 * Steps that ATIF has no source for are steps of `system`, with their kind in `extra`.
 */
export async function* exportAtif(run: Run, options: ExportOptions = {}): AsyncGenerator<string> {
  const { head } = run;
  const isOwn = head.source.format === "atif";
  const extra = head.extra === undefined ? undefined : await jsonOf(run, head.extra, options);
  const own = isOwn && isMembers(extra) ? extra : {};
  const session = head.session?.group ?? head.session?.id ?? run.uri;
  const open: Members = { schema_version: isOwn ? (head.source.version ?? VERSION) : VERSION };
  open["session_id"] = session;
  if (head.session?.id !== undefined && head.session.id !== session)
    open["trajectory_id"] = head.session.id;
  if (head.session?.parent !== undefined) open["continued_trajectory_ref"] = head.session.parent;
  open["agent"] = await agentOf(run, own["agent"], options);
  yield `${sourceText(open).slice(0, -1)},"steps":[`;
  const writer = new StepWriter(run, options);
  for (const content of head.system) await writer.system(content);
  yield* writer.take();
  for await (const step of run.steps(options)) {
    await writer.add(step);
    yield* writer.take();
  }
  yield* writer.finish();
  const close: Members = { final_metrics: own["final_metrics"] ?? metricsOf(run) };
  if (head.note !== undefined) close["notes"] = head.note;
  const more = isOwn ? own["extra"] : extra;
  if (more !== undefined) close["extra"] = isMembers(more) ? more : { value: more };
  yield `],${sourceText(close).slice(1)}\n`;
}

async function agentOf(
  run: Run,
  extra: JsonValue | undefined,
  options: ExportOptions,
): Promise<Members> {
  const { agent, models, tools } = run.head;
  const members: Members = { name: agent?.name ?? "unknown", version: agent?.version ?? "unknown" };
  const model = models[0]?.requested ?? models[0]?.served;
  if (model !== undefined) members["model_name"] = model;
  const definitions: JsonValue[] = [];
  for (const { name, description, schema } of tools) {
    const definition: Members = { name };
    if (description !== undefined)
      definition["description"] = await textOf(run, description, options);
    if (schema !== undefined) definition["parameters"] = await jsonOf(run, schema, options);
    definitions.push({ type: "function", function: definition });
  }
  if (definitions.length > 0) members["tool_definitions"] = definitions;
  if (extra !== undefined) members["extra"] = extra;
  return members;
}

function metricsOf(run: Run): Members {
  const { usage, steps } = run.head.totals;
  const members: Members = {};
  if (usage?.input !== undefined) members["total_prompt_tokens"] = usage.input;
  if (usage?.output !== undefined) members["total_completion_tokens"] = usage.output;
  if (usage?.cacheRead !== undefined) members["total_cached_tokens"] = usage.cacheRead;
  if (usage?.cost !== undefined) members["total_cost_usd"] = usage.cost;
  members["total_steps"] = Object.values(steps).reduce((sum, count) => sum + count, 0);
  return members;
}

/** Gathers an answer with its calls, which come as steps of their own. */
class StepWriter {
  readonly #run: Run;
  readonly #options: ExportOptions;
  #written: string[] = [];
  #open: Members | undefined;
  /** `seq` of the answer that is open. */
  #answer: number | undefined;
  #count = 0;

  constructor(run: Run, options: ExportOptions) {
    this.#run = run;
    this.#options = options;
  }

  async system(content: Content): Promise<void> {
    this.#begin({ source: "system", message: await this.#said(content) }, undefined);
  }

  async add(step: Step): Promise<void> {
    if (step.kind === "tool" || step.kind === "agent") await this.#call(step);
    else if (step.kind === "event" && step.name === "observation" && this.#open !== undefined) {
      this.#observe(await this.#result(step));
    } else if (step.kind === "llm") await this.#answered(step);
    else await this.#other(step);
  }

  *take(): Generator<string> {
    yield* this.#written.splice(0);
  }

  *finish(): Generator<string> {
    this.#close();
    yield* this.take();
  }

  async #answered(step: Step): Promise<void> {
    const members: Members = {
      source: "agent",
      message: step.result === undefined ? "" : await this.#said(step.result),
    };
    const model = step.model === undefined ? undefined : this.#run.head.models[step.model];
    const name = model?.served ?? model?.requested;
    if (name !== undefined) members["model_name"] = name;
    const params = step.params ?? model?.params;
    const values =
      params === undefined ? undefined : await jsonOf(this.#run, params, this.#options);
    if (isMembers(values) && values["reasoning_effort"] !== undefined) {
      members["reasoning_effort"] = values["reasoning_effort"];
    }
    if (step.reasoning !== undefined)
      members["reasoning_content"] = await textOf(this.#run, step.reasoning, this.#options);
    const metrics: Members = {};
    const { input, output, cacheRead, cost } = step.usage ?? {};
    if (input !== undefined) metrics["prompt_tokens"] = input;
    if (output !== undefined) metrics["completion_tokens"] = output;
    if (cacheRead !== undefined) metrics["cached_tokens"] = cacheRead;
    if (cost !== undefined) metrics["cost_usd"] = cost;
    if (Object.keys(metrics).length > 0) members["metrics"] = metrics;
    await this.#addExtra(members, step);
    this.#begin(members, step);
    this.#answer = step.seq;
  }

  async #call(step: Step): Promise<void> {
    if (
      this.#open === undefined ||
      this.#answer === undefined ||
      (step.by !== undefined && step.by !== this.#answer)
    ) {
      this.#begin({ source: "agent", message: "" }, step);
      this.#answer = step.by ?? step.seq;
    }
    const call: Members = {
      tool_call_id: step.callId ?? `call_${step.seq}`,
      function_name: step.name ?? "unnamed",
      arguments: await this.#arguments(step),
    };
    const extra =
      step.extra === undefined ? undefined : await jsonOf(this.#run, step.extra, this.#options);
    const isReference = isMembers(extra) && extra["subagent_trajectory_ref"] !== undefined;
    if (extra !== undefined && !isReference) call["extra"] = extra;
    const open = this.#open as Members;
    open["tool_calls"] = [...((open["tool_calls"] as JsonValue[] | undefined) ?? []), call];
    const isAnswered =
      step.result !== undefined &&
      !("absent" in step.result && step.result.absent === "not-captured");
    if (!isAnswered) return;
    const result = { source_call_id: call["tool_call_id"] ?? null, ...(await this.#result(step)) };
    this.#observe(isReference ? { ...result, ...extra } : result);
  }

  async #other(step: Step): Promise<void> {
    const source = step.kind === "user" ? "user" : "system";
    const said = step.result ?? step.request;
    const members: Members = { source, message: said === undefined ? "" : await this.#said(said) };
    await this.#addExtra(members, step);
    if (step.kind !== source) {
      const known = isMembers(members["extra"]) ? members["extra"] : {};
      members["extra"] = {
        ...known,
        kind: step.kind,
        ...(step.name !== undefined && { name: step.name }),
      };
    }
    this.#begin(members, step);
  }

  async #result(step: Step): Promise<Members> {
    const { result } = step;
    // A trajectory of a sub-agent is named elsewhere; an image that lies elsewhere is named here.
    const isElsewhere =
      result !== undefined &&
      "absent" in result &&
      result.absent === "external" &&
      !isImage(result);
    return result === undefined || isElsewhere ? {} : { content: await this.#said(result) };
  }

  async #arguments(step: Step): Promise<JsonValue> {
    const value =
      step.request === undefined ? {} : await jsonOf(this.#run, step.request, this.#options);
    return isMembers(value) ? value : { input: value ?? null };
  }

  async #addExtra(members: Members, step: Step): Promise<void> {
    if (step.extra !== undefined)
      members["extra"] = (await jsonOf(this.#run, step.extra, this.#options)) ?? null;
  }

  #observe(result: Members): void {
    if (this.#open === undefined) return;
    const known = this.#open["observation"] as { results: JsonValue[] } | undefined;
    this.#open["observation"] = { results: [...(known?.results ?? []), result] };
  }

  #begin(members: Members, step: Step | undefined): void {
    this.#close();
    const open: Members = { step_id: ++this.#count };
    if (step?.startedAt !== undefined) open["timestamp"] = step.startedAt;
    this.#open = Object.assign(open, members);
    this.#answer = undefined;
  }

  #close(): void {
    if (this.#open === undefined) return;
    this.#written.push(`${this.#count > 1 ? "," : ""}${sourceText(this.#open)}`);
    this.#open = undefined;
  }

  /** A message: text, or blocks when there are images in it. */
  async #said(content: Content): Promise<JsonValue> {
    const blocks = contentBlocks(content);
    if (!blocks.some(isImage)) return textOf(this.#run, content, this.#options);
    const parts: JsonValue[] = [];
    for (const block of blocks) {
      if (isStored(block) && isImage(block)) {
        parts.push({
          type: "image",
          source: { media_type: block.mediaType, path: contentPath(block.digest) },
        });
      } else if ("absent" in block)
        parts.push({ type: "image", source: { path: block.reference ?? "" } });
      else parts.push({ type: "text", text: (await this.#run.text(block, this.#options)) ?? "" });
    }
    return parts;
  }
}

function isImage(block: ContentBlock): boolean {
  if ("absent" in block) return block.absent === "external" && block.reference !== undefined;
  return isStored(block) && block.mediaType.startsWith("image/");
}

async function textOf(run: Run, content: Content, options: ExportOptions): Promise<string> {
  const texts: string[] = [];
  for (const block of contentBlocks(content)) {
    const text = await run.text(block, options);
    if (text !== undefined) texts.push(text);
  }
  return texts.join("\n");
}

/** A content as a JSON value; text that is none stays text. */
async function jsonOf(run: Run, content: Content, options: ExportOptions): Promise<JsonValue> {
  if ("value" in content) return content.value;
  const text = await textOf(run, content, options);
  const isJson =
    isStored(content as ContentBlock) &&
    (content as { mediaType: string }).mediaType === "application/json";
  return isJson ? parseJson(text).value : text;
}

function isMembers(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
