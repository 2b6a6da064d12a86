import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, ModelDraft, RunPart, StepDraft } from "../run/draft.ts";
import type { Fields, OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import { argumentsOf, joined, readBlocks } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { type PatchedFile, patchedFiles } from "./codex-patch.ts";

/** What the program says in the user's name before the user does. */
const INJECTED =
  /^\s*(?:# AGENTS\.md instructions|<(?:environment_context|user_instructions|permissions instructions|INSTRUCTIONS|turn_aborted|skill)\b)/;

/** The answer that a model is giving: its step, and what it has so far. */
interface OpenAnswer {
  readonly seq: number;
  readonly said: ContentDraft[];
  readonly thought: ContentDraft[];
  called: boolean;
}

/** Where a line stands. */
export type At = Pick<StepDraft, "startedAt" | "src">;

/** The steps of a rollout: answers of the model, the calls they ask for, and what comes between. */
export class CodexSteps {
  /** Of the turn that goes on. */
  model: ModelDraft = {};
  cwd: string | undefined;
  readonly #onLoss: OnLoss;
  readonly #queue = new CallQueue();
  /** By call id: what a patch will have written when it comes back without an error. */
  readonly #patches = new Map<string, { seq: number; files: readonly PatchedFile[] }>();
  readonly #outputs: RunPart[] = [];
  #answer: OpenAnswer | undefined;
  #lastAnswer: number | undefined;

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
  }

  /** The `seq` that the next step gets. */
  get next(): number {
    return this.#queue.next;
  }

  /** Parts that are complete; the last answer and at least `keep` steps may still change. */
  *take(keep: number): Generator<RunPart> {
    yield* this.#outputs.splice(0);
    const answering = this.#lastAnswer === undefined ? 0 : this.#queue.next - this.#lastAnswer;
    for (const step of this.#queue.ready(Math.max(answering, keep))) yield { step };
  }

  /** All that is left, after the last line. */
  *finish(): Generator<RunPart> {
    yield* this.#outputs.splice(0);
    for (const step of this.#queue.rest()) yield { step };
  }

  /** Adds a step that ends the answer before it. */
  add(step: StepDraft): void {
    if (step.kind !== "event") this.#answer = undefined;
    this.#queue.add(step);
  }

  amend(seq: number, change: (step: StepDraft) => StepDraft): void {
    this.#queue.amend(seq, change);
  }

  /** Adds what somebody said to the model. */
  hear(role: string, said: ContentDraft, at: At): void {
    const first = "parts" in said ? said.parts[0] : said;
    const injected = first !== undefined && "text" in first && INJECTED.test(first.text);
    this.add({
      ...at,
      kind: role === "user" && !injected ? "user" : "system",
      ...(role !== "user" && role !== "system" && { name: role }),
      result: said,
    });
  }

  /** Adds what the model said. */
  say(said: ContentDraft, at: At): void {
    const answer = this.#open(at, (open) => open.said.length === 0 && !open.called);
    answer.said.push(said);
    this.#queue.amend(answer.seq, (step) => ({ ...step, result: joined(answer.said) }));
  }

  /** Adds what the model thought. */
  think(thought: readonly ContentDraft[], at: At): void {
    if (thought.length === 0) return;
    const answer = this.#open(at, (open) => open.said.length === 0 && !open.called);
    answer.thought.push(...thought);
    this.#queue.amend(answer.seq, (step) => ({ ...step, reasoning: joined(answer.thought) }));
  }

  /** Adds a call of a function or a custom tool. */
  call(item: Fields, at: At): void {
    const name = item.text("name") ?? "unnamed";
    const input = item.text("input");
    const request: ContentDraft =
      input === undefined ? argumentsOf(item.take("arguments")) : { text: input };
    const { id, seq } = this.#begin(name, request, item.text("call_id"), at);
    if (name !== "apply_patch" || input === undefined) return;
    const files = patchedFiles(input, this.cwd);
    const write = files.map((file) => file.name);
    if (write.length > 0) this.#queue.amend(seq, (step) => ({ ...step, effects: { write } }));
    this.#patches.set(id, { seq, files });
  }

  /** Adds a call of a kind of its own, such as `local_shell_call`, `web_search_call`: its members are its request. */
  ownCall(type: string, item: Fields, at: At): void {
    const callId = item.text("call_id");
    const status = item.text("status");
    const name = type.replace(/_call$/, "");
    const request: ContentDraft = { value: item.take("action") ?? item.rest() ?? {} };
    if (callId !== undefined) {
      this.#begin(name, request, callId, at);
      return;
    }
    const by = this.#open(at, () => true);
    by.called = true;
    this.#queue.add({
      ...at,
      kind: "tool",
      name,
      by: by.seq,
      request,
      result: { absent: "not-captured" },
      status: status === "failed" ? "error" : status === "completed" ? "ok" : "unknown",
    });
  }

  /** Adds what a call came back with. */
  output(item: Fields, at: At): void {
    this.#answer = undefined;
    const id = item.text("call_id") ?? "";
    const output = item.take("output");
    const inner = isObject(output) ? output["content"] : output;
    const said = readBlocks(inner ?? "", "$.payload.output", this.#onLoss).said;
    const failed = (isObject(output) && output["success"] === false) || exitCode(inner) !== 0;
    const done = {
      result: joined(said) ?? { text: "" },
      endedAt: at.startedAt,
      status: failed ? ("error" as const) : ("ok" as const),
    };
    const patch = this.#patches.get(id);
    this.#patches.delete(id);
    if (patch !== undefined && !failed) this.#written(patch.files, patch.seq);
    if (this.#queue.result(id, (step) => ({ ...step, ...done }))) return;
    const request = { absent: "not-captured" } as const;
    this.#queue.add({ src: at.src, kind: "tool", callId: id, request, ...done });
  }

  /** Tokens of the answer that was given last. */
  usage(event: Fields): void {
    const info = event.object("info");
    const last = info?.object("last_token_usage");
    if (info !== undefined) info.duplicate("total_token_usage");
    if (last === undefined || this.#lastAnswer === undefined) return;
    const usage = {
      input: last.number("input_tokens"),
      output: last.number("output_tokens"),
      cacheRead: last.number("cached_input_tokens"),
      reasoning: last.number("reasoning_output_tokens"),
    };
    last.duplicate("total_tokens");
    this.#queue.amend(this.#lastAnswer, (step) => ({ ...step, usage }));
  }

  /** Keeps what the end of a command tells beyond the output that the model saw; false when its call is not open. */
  enrich(type: string, event: Fields): boolean {
    const id = event.peek("call_id");
    if (typeof id !== "string" || !this.#queue.isOpen(id)) return false;
    event.take("call_id");
    const extra: JsonValue = { [type]: event.rest() ?? {} };
    return this.#queue.amendCall(id, (step) => ({ ...step, extra }));
  }

  #written(files: readonly PatchedFile[], producedBy: number): void {
    for (const { name, content } of files) {
      const held = content === undefined ? undefined : { text: content };
      this.#outputs.push({ output: { name, content: held, producedBy } });
    }
  }

  #begin(
    name: string,
    request: ContentDraft,
    callId: string | undefined,
    at: At,
  ): { readonly id: string; readonly seq: number } {
    const by = this.#open(at, () => true);
    by.called = true;
    const id = callId ?? `#${this.#queue.next}`;
    return { id, seq: this.#queue.call(id, { ...at, kind: "tool", name, by: by.seq, request }) };
  }

  /** The answer that is being given, or a new one. */
  #open(at: At, fits: (open: OpenAnswer) => boolean): OpenAnswer {
    if (this.#answer === undefined || !fits(this.#answer)) {
      const seq = this.#queue.add({ ...at, kind: "llm", model: this.model });
      this.#answer = { seq, said: [], thought: [], called: false };
      this.#lastAnswer = seq;
    }
    return this.#answer;
  }
}

/** Shell results are JSON with the exit code beside the output; 0 when there is none. */
function exitCode(output: JsonValue | undefined): number {
  if (typeof output !== "string" || !output.startsWith("{")) return 0;
  const code = /"exit_code"\s*:\s*(-?\d{1,9})\b/.exec(output.slice(-512))?.[1];
  return code === undefined ? 0 : Number(code);
}
