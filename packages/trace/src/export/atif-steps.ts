import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { joinKept } from "../import/atif-kept.ts";
import type { Content } from "../run/content.ts";
import type { RunHead } from "../run/head.ts";
import { sourceText } from "../run/number.ts";
import type { Step, Usage } from "../run/step.ts";
import { type AtifContents, isImage, isMembers } from "./atif-content.ts";

type Members = Record<string, JsonValue>;

/** Members of a step that are no contents. */
const FACTS = [
  "kind",
  "name",
  "parent",
  "by",
  "callId",
  "status",
  "startedAt",
  "endedAt",
  "usage",
  "finishReason",
  "determinism",
  "effects",
] as const;

const CONTENTS = ["request", "result", "reasoning"] as const;

/** What a reader makes of a step by ATIF's own members. */
interface Told extends Partial<Step> {
  /** Of a content: whether it is this one; left out where there is none. */
  readonly whole: { readonly [key in (typeof CONTENTS)[number]]?: boolean };
  /** Whether it takes this for the model and its parameters. */
  readonly hasModel?: boolean;
}

/** Gathers an answer with its calls, which come as steps of their own. */
export class AtifStepWriter {
  readonly #head: RunHead;
  readonly #keepsModels: boolean;
  readonly #contents: AtifContents;
  #written: string[] = [];
  #open: Members | undefined;
  #startedAt: string | undefined;
  /** `seq` of the answer that is open, and whether it is in the step or only its calls are. */
  #answer: number | undefined;
  #isAnswered = false;
  readonly #callIds = new Set<string>();
  #count = 0;
  #hasBegun = false;

  /** @param keepsModels whether the head's models are kept, and named by their places. */
  constructor(head: RunHead, keepsModels: boolean, contents: AtifContents) {
    this.#head = head;
    this.#keepsModels = keepsModels;
    this.#contents = contents;
  }

  async system(content: Content): Promise<void> {
    const { message } = await this.#contents.said(content);
    this.#begin({ source: "system", message }, undefined);
  }

  async add(step: Step): Promise<void> {
    if (step.kind === "tool" || step.kind === "agent") await this.#call(step);
    else if (step.kind === "event" && step.name === "observation" && this.#hasBegun) {
      await this.#observation(step);
    } else if (step.kind === "llm") await this.#answered(step);
    else await this.#other(step);
    this.#hasBegun = true;
  }

  *take(): Generator<string> {
    yield* this.#written.splice(0);
  }

  *finish(): Generator<string> {
    this.#close();
    yield* this.take();
  }

  async #answered(step: Step): Promise<void> {
    const said = step.result && (await this.#contents.said(step.result));
    const members: Members = { source: "agent", message: said?.message ?? "" };
    const model = step.model === undefined ? undefined : this.#head.models[step.model];
    const name = model?.served ?? model?.requested;
    if (name !== undefined) members["model_name"] = name;
    const params = step.params ?? model?.params;
    const values = params === undefined ? {} : await this.#contents.value(params);
    const effort = isMembers(values) ? values["reasoning_effort"] : undefined;
    if (effort !== undefined) members["reasoning_effort"] = effort;
    const thought = step.reasoning && (await this.#contents.text(step.reasoning));
    if (thought !== undefined) members["reasoning_content"] = thought.text;
    const { input, output, cacheRead, cost } = step.usage ?? {};
    const metrics: Members = {};
    if (input !== undefined) metrics["prompt_tokens"] = input;
    if (output !== undefined) metrics["completion_tokens"] = output;
    if (cacheRead !== undefined) metrics["cached_tokens"] = cacheRead;
    if (cost !== undefined) metrics["cost_usd"] = cost;
    if (Object.keys(metrics).length > 0) members["metrics"] = metrics;
    const usage = Object.fromEntries(
      Object.entries({ input, output, cacheRead, cost }).filter(([, value]) => value !== undefined),
    ) as Usage;
    const isEffort =
      canonicalize(values) ===
      canonicalize(effort === undefined ? {} : { reasoning_effort: effort });
    const kept = await this.#kept(step, {
      kind: "llm",
      ...(step.startedAt !== undefined && { startedAt: step.startedAt }),
      ...(Object.keys(metrics).length > 0 && { usage }),
      whole: {
        result: said?.isWhole ?? false,
        ...(thought !== undefined && { reasoning: thought.isWhole }),
      },
      hasModel:
        !this.#keepsModels && isEffort && (model !== undefined || this.#head.models.length === 0),
    });
    await this.#addExtra(members, step, kept);
    this.#begin(members, step);
    this.#answer = step.seq;
    this.#isAnswered = true;
  }

  async #call(step: Step): Promise<void> {
    const isNew =
      this.#open === undefined ||
      this.#answer === undefined ||
      (step.by !== undefined && step.by !== this.#answer);
    if (isNew) {
      const extra = joinKept(undefined, { answered: false });
      this.#begin({ source: "agent", message: "", ...(extra !== undefined && { extra }) }, step);
      this.#answer = step.by ?? step.seq;
    }
    const id = this.#callId(step);
    const { value, isWhole } = await this.#arguments(step.request);
    const name = step.name ?? "unnamed";
    const call: Members = { tool_call_id: id, function_name: name, arguments: value };
    const extra = step.extra && (await this.#contents.value(step.extra));
    const reference = isReference(extra) ? extra : undefined;
    const { result, isTold } = await this.#result(step.result, reference !== undefined);
    // A call without a result is one that nothing came back from.
    const isOpen =
      step.status === "unknown" && step.result !== undefined && isNotCaptured(step.result);
    const kept = await this.#kept(step, {
      kind: "tool",
      name,
      callId: id,
      status: isOpen ? "unknown" : "ok",
      ...(this.#isAnswered && this.#answer !== undefined && { by: this.#answer }),
      ...(this.#startedAt !== undefined && { startedAt: this.#startedAt }),
      whole: { request: isWhole, result: isOpen || isTold },
    });
    const beside = joinKept(reference === undefined ? extra : undefined, kept);
    if (beside !== undefined) call["extra"] = beside;
    const open = this.#open as Members;
    open["tool_calls"] = [...((open["tool_calls"] as JsonValue[] | undefined) ?? []), call];
    if (!isOpen) this.#observe({ source_call_id: id, ...result, ...reference });
  }

  /** What came from nobody's call: it ends the calls of the answer, for theirs are told before. */
  async #observation(step: Step): Promise<void> {
    const { result, isTold } = await this.#result(step.result, false);
    const kept = await this.#kept(step, {
      kind: "event",
      name: "observation",
      ...(this.#startedAt !== undefined && { startedAt: this.#startedAt }),
      whole: { result: isTold },
    });
    const extra = joinKept(step.extra && (await this.#contents.value(step.extra)), kept);
    this.#observe({ ...result, ...(extra !== undefined && { extra }) });
    this.#answer = undefined;
  }

  async #other(step: Step): Promise<void> {
    const source = step.kind === "user" ? "user" : "system";
    const shown = step.result ?? step.request;
    const said = shown && (await this.#contents.said(shown));
    const members: Members = { source, message: said?.message ?? "" };
    const kept = await this.#kept(step, {
      kind: source,
      ...(step.startedAt !== undefined && { startedAt: step.startedAt }),
      whole: { result: step.result !== undefined && said?.isWhole === true },
    });
    // Without it, what a trajectory begins with from `system` is a system prompt.
    if (source === "system" && !this.#hasBegun) kept["kind"] = step.kind;
    await this.#addExtra(members, step, kept);
    this.#begin(members, step);
  }

  /** Members of a step that are not what a reader makes of it; null for those that are not there. */
  async #kept(step: Step, told: Told): Promise<Members> {
    const kept: Members = {};
    const defaults: Partial<Step> = { status: "ok", ...told };
    for (const key of FACTS) {
      const is = (step[key] ?? null) as unknown as JsonValue;
      const would = (defaults[key] ?? null) as unknown as JsonValue;
      if (canonicalize(is) !== canonicalize(would)) kept[key] = is;
    }
    for (const key of CONTENTS) {
      const content = step[key];
      if (told.whole[key] === true) continue;
      if (content !== undefined) kept[key] = await this.#contents.whole(content);
      else if (told.whole[key] === false) kept[key] = null;
    }
    const { model, params, error } = step;
    if (told.hasModel !== true && (model !== undefined || step.kind === "llm")) {
      kept["model"] = model ?? null;
    }
    if (told.hasModel !== true && params !== undefined) {
      kept["params"] = await this.#contents.value(params);
    }
    if (error !== undefined) {
      const { type, message } = error;
      kept["error"] = {
        ...(type !== undefined && { type }),
        ...(message && { message: await this.#contents.whole(message) }),
      };
    }
    return kept;
  }

  /** `result` without content is one that lies elsewhere. */
  async #result(
    content: Content | undefined,
    isReference: boolean,
  ): Promise<{ readonly result: Members; readonly isTold: boolean }> {
    if (content === undefined) return { result: {}, isTold: false };
    if ("absent" in content && !isImage(content)) {
      const isTold = isReference && content.absent === "external";
      return { result: {}, isTold };
    }
    const { message, isWhole } = await this.#contents.said(content);
    return { result: { content: message }, isTold: isWhole };
  }

  async #arguments(
    content: Content | undefined,
  ): Promise<{ readonly value: JsonValue; readonly isWhole: boolean }> {
    if (content === undefined || "absent" in content) return { value: {}, isWhole: false };
    const value = await this.#contents.value(content);
    if (!isMembers(value)) return { value: { input: value }, isWhole: false };
    return { value, isWhole: !("truncated" in content) };
  }

  /** The id of a call, unless another call of the step has it. */
  #callId(step: Step): string {
    let id = step.callId ?? `call_${step.seq}`;
    while (this.#callIds.has(id)) id += `_${step.seq}`;
    this.#callIds.add(id);
    return id;
  }

  async #addExtra(members: Members, step: Step, kept: Members): Promise<void> {
    const extra = joinKept(step.extra && (await this.#contents.value(step.extra)), kept);
    if (extra !== undefined) members["extra"] = extra;
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
    this.#startedAt = step?.startedAt;
    this.#open = Object.assign(open, members);
    this.#answer = undefined;
    this.#isAnswered = false;
    this.#callIds.clear();
  }

  #close(): void {
    if (this.#open === undefined) return;
    this.#written.push(`${this.#count > 1 ? "," : ""}${sourceText(this.#open)}`);
    this.#open = undefined;
  }
}

function isNotCaptured(content: Content): boolean {
  return (
    "absent" in content && content.absent === "not-captured" && content.reference === undefined
  );
}

/** Whether an extra names the trajectory of a sub-agent, which a result has a place for. */
function isReference(extra: JsonValue | undefined): extra is Members {
  if (!isMembers(extra) || extra["subagent_trajectory_ref"] === undefined) return false;
  return Object.keys(extra).every((key) => ["subagent_trajectory_ref", "extra"].includes(key));
}
