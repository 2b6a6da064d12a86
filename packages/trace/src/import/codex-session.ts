import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, ModelDraft, RunPart, StepDraft } from "../run/draft.ts";
import { utcTime } from "../run/time.ts";
import type { Fields, OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import { argumentsOf, joined, readBlocks } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { ECHO_WINDOW, Echoes } from "./codex-echoes.ts";
import { patchedFiles } from "./codex-patch.ts";

/** What the program says in the user's name before the user does. */
const INJECTED =
  /^\s*(?:# AGENTS\.md instructions|<(?:environment_context|user_instructions|permissions instructions|INSTRUCTIONS|turn_aborted|skill)\b)/;

/** Events that tell again what items tell. */
const BEGINNINGS = new Set([
  "exec_command_begin",
  "mcp_tool_call_begin",
  "patch_apply_begin",
  "web_search_begin",
]);

/** The answer that a model is giving: its step, and what it has so far. */
interface OpenAnswer {
  readonly seq: number;
  readonly said: ContentDraft[];
  readonly thought: ContentDraft[];
  called: boolean;
}

/** Where a line stands. */
type At = Pick<StepDraft, "startedAt" | "src">;

/** Turns the lines of a rollout, one after the other, into parts of a run. */
export class CodexSession {
  readonly #onLoss: OnLoss;
  readonly #queue = new CallQueue();
  readonly #echoes = new Echoes();
  readonly #parts: RunPart[] = [];
  #model: ModelDraft = {};
  #provider: string | undefined;
  #cwd: string | undefined;
  #answer: OpenAnswer | undefined;
  #lastAnswer: number | undefined;

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
    this.#parts.push({ head: { notCaptured: ["environment", "tools"] } });
  }

  /** Reads one line. */
  read(line: Fields, number: number): void {
    const time = line.text("timestamp");
    const startedAt = time === undefined ? undefined : utcTime(time);
    if (time !== undefined && startedAt === undefined) line.changed("timestamp");
    const at: At = { startedAt, src: { line: number } };
    const type = line.text("type");
    const payload = line.object("payload");
    if (payload === undefined) this.#bare(type, line, at);
    else if (type === "session_meta") this.#session(payload);
    else if (type === "turn_context") this.#turn(payload);
    else if (type === "response_item") this.#item(payload.text("type") ?? "unknown", payload, at);
    else if (type === "event_msg") this.#event(payload.text("type") ?? "unknown", payload, at);
    else if (type === "compacted") this.#compacted(payload, at);
    else this.#other(type ?? "unknown", payload, at);
  }

  /** The parts that are complete. */
  *take(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    const answering = this.#lastAnswer === undefined ? 0 : this.#queue.next - this.#lastAnswer;
    const keep = Math.max(answering, ECHO_WINDOW);
    for (const step of this.#queue.ready(keep)) yield { step };
  }

  /** All that is left, after the last line. */
  *finish(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    for (const step of this.#queue.rest()) yield { step };
  }

  #bare(type: string | undefined, line: Fields, at: At): void {
    if (type !== undefined) this.#item(type, line, at);
    else if (line.has("id")) this.#session(line);
    else this.#other("unknown", line, at);
  }

  #session(meta: Fields): void {
    const git = meta.object("git");
    const instructions =
      meta.object("base_instructions")?.text("text") ?? meta.text("instructions");
    this.#provider = meta.text("model_provider");
    this.#model = { provider: this.#provider };
    this.#cwd ??= meta.peek("cwd") as string | undefined;
    meta.duplicate("timestamp");
    const vcs = git && {
      type: "git",
      revision: git.text("commit_hash"),
      branch: git.text("branch"),
      remote: git.text("repository_url"),
    };
    this.#parts.push({
      head: {
        agent: { name: meta.text("originator") ?? "codex", version: meta.text("cli_version") },
        session: {
          id: meta.text("id"),
          parent: meta.text("forked_from_id"),
          cwd: meta.text("cwd"),
          ...(vcs && { vcs }),
        },
        ...(instructions === undefined && { notCaptured: ["system"] as const }),
      },
    });
    if (instructions !== undefined) this.#parts.push({ system: { text: instructions } });
  }

  #turn(turn: Fields): void {
    const requested = turn.text("model");
    const cwd = turn.text("cwd");
    this.#parts.push({ head: { session: { cwd } } });
    turn.take("turn_id");
    this.#model = { requested, provider: this.#provider, params: turn.rest() };
  }

  #item(type: string, item: Fields, at: At): void {
    if (type === "message") this.#message(item, at);
    else if (type === "reasoning") this.#reasoning(item, at);
    else if (type.endsWith("_output")) this.#output(item, at);
    else if (type === "function_call" || type === "custom_tool_call") this.#call(item, at);
    else if (type.endsWith("_call")) this.#ownCall(type, item, at);
    else this.#other(type, item, at);
  }

  #message(item: Fields, at: At): void {
    const role = item.text("role") ?? "user";
    const said = joined(
      readBlocks(item.take("content"), "$.payload.content", this.#onLoss).said,
    ) ?? { text: "" };
    const echo = this.#echoes.item(role, said, this.#queue.next);
    if (echo !== undefined) {
      // The item is what the model saw, with its images.
      this.#queue.amend(echo, (step) => ({ ...step, result: said }));
      this.#onLoss("$.payload.message", "duplicate");
      return;
    }
    if (role === "assistant") this.#say(said, at);
    else this.#heard(role, said, at);
  }

  #heard(role: string, said: ContentDraft, at: At): void {
    this.#answer = undefined;
    const first = "parts" in said ? said.parts[0] : said;
    const injected = first !== undefined && "text" in first && INJECTED.test(first.text);
    this.#queue.add({
      ...at,
      kind: role === "user" && !injected ? "user" : "system",
      ...(role !== "user" && role !== "system" && { name: role }),
      result: said,
    });
  }

  #say(said: ContentDraft, at: At): void {
    const answer = this.#open(at, (open) => open.said.length === 0 && !open.called);
    answer.said.push(said);
    this.#queue.amend(answer.seq, (step) => ({ ...step, result: joined(answer.said) }));
  }

  #reasoning(item: Fields, at: At): void {
    const thought: ContentDraft[] = [];
    for (const key of ["summary", "content"]) {
      thought.push(...readBlocks(item.take(key), `$.payload.${key}`, this.#onLoss).said);
    }
    if (item.text("encrypted_content") !== undefined) {
      this.#onLoss("$.payload.encrypted_content", "unmapped");
      if (thought.length === 0) thought.push({ absent: "encrypted" });
    }
    const answer = this.#open(at, (open) => open.said.length === 0 && !open.called);
    answer.thought.push(...thought);
    this.#queue.amend(answer.seq, (step) => ({ ...step, reasoning: joined(answer.thought) }));
  }

  /** The answer that is being given, or a new one. */
  #open(at: At, fits: (open: OpenAnswer) => boolean): OpenAnswer {
    if (this.#answer === undefined || !fits(this.#answer)) {
      const seq = this.#queue.add({ ...at, kind: "llm", model: this.#model });
      this.#answer = { seq, said: [], thought: [], called: false };
      this.#lastAnswer = seq;
    }
    return this.#answer;
  }

  #call(item: Fields, at: At): void {
    const name = item.text("name") ?? "unnamed";
    const input = item.text("input");
    const request: ContentDraft =
      input === undefined ? argumentsOf(item.take("arguments")) : { text: input };
    this.#begin(name, request, item.text("call_id"), at);
    if (name === "apply_patch" && input !== undefined) this.#patched(input);
  }

  /** A call of a kind of its own, such as `local_shell_call`, `web_search_call`: its members are its request. */
  #ownCall(type: string, item: Fields, at: At): void {
    const callId = item.text("call_id");
    const status = item.text("status");
    item.take("id");
    const request: ContentDraft = { value: item.take("action") ?? item.rest() ?? {} };
    if (callId !== undefined) this.#begin(type.replace(/_call$/, ""), request, callId, at);
    else {
      const by = this.#open(at, () => true);
      by.called = true;
      this.#queue.add({
        ...at,
        kind: "tool",
        name: type.replace(/_call$/, ""),
        by: by.seq,
        request,
        result: { absent: "not-captured" },
        status: status === "failed" ? "error" : status === "completed" ? "ok" : "unknown",
      });
    }
  }

  #begin(name: string, request: ContentDraft, callId: string | undefined, at: At): void {
    const by = this.#open(at, () => true);
    by.called = true;
    const id = callId ?? `#${this.#queue.next}`;
    this.#queue.call(id, { ...at, kind: "tool", name, by: by.seq, request });
  }

  #patched(patch: string): void {
    const files = patchedFiles(patch, this.#cwd);
    const seq = this.#queue.next - 1;
    const write = files.map(({ name }) => name);
    if (write.length > 0) this.#queue.amend(seq, (step) => ({ ...step, effects: { write } }));
    for (const { name, content } of files) {
      const held = content === undefined ? undefined : { text: content };
      this.#parts.push({ output: { name, content: held, producedBy: seq } });
    }
  }

  #output(item: Fields, at: At): void {
    this.#answer = undefined;
    const id = item.text("call_id") ?? "";
    const output = item.peek("output");
    const inner = isObject(output) ? output["content"] : output;
    const ok = isObject(output) ? output["success"] : undefined;
    item.take("output");
    const result = joined(readBlocks(inner ?? "", "$.payload.output", this.#onLoss).said) ?? {
      text: "",
    };
    const failed = ok === false || exitCode(inner) !== 0;
    const done = {
      result,
      endedAt: at.startedAt,
      status: failed ? ("error" as const) : ("ok" as const),
    };
    if (this.#queue.result(id, (step) => ({ ...step, ...done }))) return;
    const request = { absent: "not-captured" } as const;
    this.#queue.add({ src: at.src, kind: "tool", callId: id, request, ...done });
  }

  #event(type: string, event: Fields, at: At): void {
    if (type === "user_message" || type === "agent_message") this.#echo(type, event, at);
    else if (type === "token_count") this.#usage(event);
    else if (type.startsWith("agent_reasoning")) {
      event.rest();
      this.#onLoss(`$.payload[?@.type==${JSON.stringify(type)}]`, "duplicate");
    } else if (BEGINNINGS.has(type)) {
      event.rest();
      this.#onLoss(`$.payload[?@.type==${JSON.stringify(type)}]`, "duplicate");
    } else if (type.endsWith("_end") && this.#enrich(type, event)) return;
    else this.#other(type, event, at);
  }

  /** A message as the screen showed it: the item that the model saw may come before or after. */
  #echo(type: string, event: Fields, at: At): void {
    const text = event.text("message") ?? "";
    const role = type === "user_message" ? "user" : "assistant";
    event.take("images");
    if (this.#echoes.event(role, text, this.#queue.next)) {
      this.#onLoss("$.payload.message", "duplicate");
    } else if (role === "user") this.#heard("user", { text }, at);
    else this.#say({ text }, at);
  }

  #usage(event: Fields): void {
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

  /** What the end of a command tells beyond the output that the model saw. */
  #enrich(type: string, event: Fields): boolean {
    const id = event.peek("call_id");
    if (typeof id !== "string" || !this.#queue.isOpen(id)) return false;
    event.take("call_id");
    const extra = event.rest() ?? {};
    return this.#queue.amendCall(id, (step) => ({
      ...step,
      extra: { [type]: extra } as JsonValue,
    }));
  }

  #compacted(payload: Fields, at: At): void {
    this.#answer = undefined;
    const text = payload.text("message") ?? "";
    this.#queue.add({ ...at, kind: "compaction", result: { text }, extra: payload.rest() });
  }

  #other(type: string, payload: Fields, at: At): void {
    const kind = type === "error" || type === "stream_error" ? "error" : "event";
    const message = kind === "error" ? payload.text("message") : undefined;
    this.#queue.add({
      ...at,
      kind,
      name: type,
      ...(kind === "error" && { status: "error" as const }),
      ...(message !== undefined && { result: { text: message } }),
      extra: payload.rest(),
    });
  }
}

/** Shell results are JSON with the exit code beside the output; 0 when there is none. */
function exitCode(output: JsonValue | undefined): number {
  if (typeof output !== "string" || !output.startsWith("{")) return 0;
  const code = /"exit_code"\s*:\s*(-?\d{1,9})\b/.exec(output.slice(-512))?.[1];
  return code === undefined ? 0 : Number(code);
}
