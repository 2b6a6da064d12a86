import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart, StepDraft } from "../run/draft.ts";
import { utcTime } from "../run/time.ts";
import type { Fields, OnLoss } from "../source/fields.ts";
import { joined, type MessageBlocks, readBlocks } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { isAgentTool, toolEffects } from "./claude-tools.ts";
import { FileTracker } from "./file-tracker.ts";

/** Lines that say what the program did with its own files, not what happened in the run. */
const HOUSEKEEPING = new Set(["progress", "file-history-snapshot"]);

/** Texts that the program puts in the user's mouth. */
const WRAPPER =
  /^\s*(?:<(?:command-name|command-message|local-command-|system-reminder|bash-(?:input|stdout|stderr)|task-notification|user-memory-input)|Caveat: )/;

/** The answer of a model that is being written: one message may come in several lines. */
interface OpenAnswer {
  readonly id: string;
  readonly seq: number;
  readonly said: ContentDraft[];
  readonly thought: ContentDraft[];
}

/** Turns the lines of a session, one after the other, into parts of a run. */
export class ClaudeSession {
  readonly #onLoss: OnLoss;
  readonly #queue = new CallQueue();
  readonly #files = new FileTracker();
  readonly #parts: RunPart[] = [];
  /** By agentId: `seq` of the call that started the sub-agent. */
  readonly #agents = new Map<string, number>();
  /** By prompt: `seq` of the call that started a sub-agent with it. */
  readonly #prompts = new Map<string, number>();
  readonly #calls = new Map<string, { seq: number; name: string; input: JsonValue }>();
  #answer: OpenAnswer | undefined;
  #hasName = false;
  #cwd: string | undefined;
  /** What the first line that had it said about the session, by member. */
  readonly #said = new Map<string, string>();

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
    this.#parts.push({
      head: {
        agent: { name: "claude-code" },
        notCaptured: ["environment", "params", "system", "tools"],
      },
    });
  }

  /** Reads one line. */
  read(line: Fields, number: number): void {
    const type = line.text("type") ?? "";
    this.#session(line);
    const startedAt = timeOf(line);
    const uuid = line.peek("uuid");
    const at = {
      startedAt,
      src: { id: typeof uuid === "string" ? uuid : undefined, line: number },
    };
    const parent = this.#parentOf(line);
    if (type === "user") this.#user(line, { ...at, parent });
    else if (type === "assistant") this.#assistant(line, { ...at, parent });
    else if (type === "summary") this.#summary(line, at);
    else if (HOUSEKEEPING.has(type)) {
      line.rest();
      this.#onLoss(`$[?@.type==${JSON.stringify(type)}]`, "unmapped");
    } else this.#event(type || "unknown", line, { ...at, parent });
  }

  /** The parts that are complete. */
  *take(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    // The last step may still be added to by the next line of the same message.
    for (const step of this.#queue.ready(this.#answer === undefined ? 0 : 1)) yield { step };
  }

  /** All that is left, after the last line. */
  *finish(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    for (const step of this.#queue.rest()) yield { step };
    yield* this.#files.parts();
  }

  /** What every line says again about the session; what a later one says otherwise has no place. */
  #session(line: Fields): void {
    const cwd = this.#once(line, "cwd");
    this.#cwd ??= cwd;
    this.#files.cwd ??= cwd;
    const branch = this.#once(line, "gitBranch");
    this.#parts.push({
      head: {
        agent: { version: this.#once(line, "version") },
        session: {
          id: this.#once(line, "sessionId"),
          cwd,
          ...(branch ? { vcs: { type: "git", branch } } : {}),
        },
      },
    });
  }

  #once(line: Fields, key: string): string | undefined {
    const text = line.text(key);
    if (text === undefined || text === "") return undefined;
    const first = this.#said.get(key);
    if (first === undefined) this.#said.set(key, text);
    else if (text !== first) line.changed(key);
    return first ?? text;
  }

  #parentOf(line: Fields): number | undefined {
    if (line.peek("isSidechain") !== true) {
      line.take("isSidechain");
      return undefined;
    }
    const seq = this.#agentCall(line);
    // Whose sub-agent it was is told by the parent, or not at all.
    if (seq !== undefined) for (const key of ["isSidechain", "agentId"]) line.take(key);
    return seq;
  }

  #agentCall(line: Fields): number | undefined {
    const agent = line.peek("agentId");
    const known = typeof agent === "string" ? this.#agents.get(agent) : undefined;
    if (known !== undefined) return known;
    const message = line.peek("message");
    const content = typeof message === "object" && message !== null ? Object(message).content : "";
    const prompt = typeof content === "string" ? content : String(content?.[0]?.text ?? "");
    const seq = this.#prompts.get(prompt);
    if (typeof agent === "string" && seq !== undefined) this.#agents.set(agent, seq);
    return seq;
  }

  #user(line: Fields, at: Partial<StepDraft>): void {
    const message = line.object("message");
    message?.text("role");
    const blocks = readBlocks(
      message?.take("content") ?? line.take("content"),
      "$.message.content",
      this.#onLoss,
    );
    const extra = line.take("toolUseResult");
    for (const [index, result] of blocks.results.entries()) {
      this.#result(result, index === 0 ? extra : undefined, line, at);
    }
    const said = joined(blocks.said);
    if (said === undefined) return;
    line.take("uuid");
    this.#answer = undefined;
    const isSummary = line.boolean("isCompactSummary") === true;
    const isOurs = line.boolean("isMeta") === true || isWrapper(said);
    const kind = isSummary ? "compaction" : isOurs ? "system" : "user";
    this.#queue.add({ ...at, kind, result: said });
  }

  #result(
    result: MessageBlocks["results"][number],
    extra: JsonValue | undefined,
    line: Fields,
    at: Partial<StepDraft>,
  ): void {
    const id = result.id ?? "";
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    const done: Partial<StepDraft> = {
      result: result.result,
      status: result.isError ? "error" : "ok",
      endedAt: at.startedAt,
      ...(extra !== undefined &&
        !sameText(extra, result.result) && { extra: { toolUseResult: extra } }),
    };
    const agent = line.peek("agentId") ?? agentOf(extra);
    if (typeof agent === "string" && call !== undefined) this.#agents.set(agent, call.seq);
    if (call !== undefined && !result.isError) {
      this.#files.done(call.name, call.input, extra, call.seq);
    }
    if (this.#queue.result(id, (step) => ({ ...step, ...done }))) return;
    line.take("uuid");
    const lost = { absent: "not-captured" } as const;
    this.#queue.add({
      ...at,
      kind: "tool",
      callId: id,
      request: lost,
      ...done,
      startedAt: undefined,
    });
  }

  #assistant(line: Fields, at: Partial<StepDraft>): void {
    const message = line.object("message");
    message?.text("type");
    message?.text("role");
    // Joins the lines of an answer, and is told as lost.
    const id = String(message?.peek("id") ?? "");
    const blocks = readBlocks(message?.take("content"), "$.message.content", this.#onLoss);
    const usage = usageOf(message?.object("usage"));
    const finishReason = message?.text("stop_reason");
    const isError = line.boolean("isApiErrorMessage") === true;
    if (this.#answer === undefined || id === "" || this.#answer.id !== id) {
      line.take("uuid");
      const seq = this.#queue.add({
        ...at,
        kind: "llm",
        model: { requested: message?.text("model"), provider: "anthropic" },
        ...(isError && { status: "error" as const }),
      });
      this.#answer = { id, seq, said: [], thought: [] };
    } else message?.text("model");
    this.#amend(blocks, { usage, finishReason });
    for (const call of blocks.calls) this.#call(call, at);
  }

  /** Adds blocks to the answer; its usage is that of its last line. */
  #amend(blocks: MessageBlocks, rest: Partial<StepDraft>): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    answer.said.push(...blocks.said);
    answer.thought.push(...blocks.thought);
    const known = this.#queue.amend(answer.seq, (step) => ({
      ...step,
      result: joined(answer.said),
      reasoning: joined(answer.thought),
      usage: rest.usage ?? step.usage,
      finishReason: rest.finishReason ?? step.finishReason,
    }));
    if (!known) this.#onLoss("$.message.content", "unmapped");
  }

  #call(call: MessageBlocks["calls"][number], at: Partial<StepDraft>): void {
    const name = call.name ?? "unnamed";
    const input: JsonValue = "value" in call.request ? call.request.value : {};
    const id = call.id ?? `#${this.#queue.next}`;
    const seq = this.#queue.call(id, {
      ...at,
      kind: isAgentTool(name) ? "agent" : "tool",
      name,
      by: this.#answer?.seq,
      request: call.request,
      effects: toolEffects(name, input, this.#cwd),
    });
    this.#calls.set(id, { seq, name, input });
    const prompt = Object(input).prompt as unknown;
    if (isAgentTool(name) && typeof prompt === "string") this.#prompts.set(prompt, seq);
  }

  #summary(line: Fields, at: Partial<StepDraft>): void {
    const text = line.text("summary") ?? "";
    if (this.#hasName) line.take("uuid");
    if (!this.#hasName) this.#parts.push({ head: { name: text } });
    else this.#queue.add({ ...at, kind: "event", name: "summary", result: { text } });
    this.#hasName = true;
  }

  #event(type: string, line: Fields, at: Partial<StepDraft>): void {
    this.#answer = undefined;
    line.take("uuid");
    const subtype = line.text("subtype");
    const content = line.text("content");
    const extra = line.rest();
    this.#queue.add({
      ...at,
      kind: "event",
      name: subtype === undefined ? type : `${type}/${subtype}`,
      ...(content !== undefined && { result: { text: content } }),
      ...(extra !== undefined && { extra }),
    });
  }
}

function timeOf(line: Fields): string | undefined {
  const text = line.text("timestamp");
  const time = text === undefined ? undefined : utcTime(text);
  if (text !== undefined && time === undefined) line.changed("timestamp");
  return time;
}

/** Claude counts input tokens without those of the cache. */
function usageOf(usage: Fields | undefined): StepDraft["usage"] {
  if (usage === undefined) return undefined;
  const cacheRead = usage.number("cache_read_input_tokens");
  const cacheWrite = usage.number("cache_creation_input_tokens");
  const input = usage.number("input_tokens");
  return {
    input: input === undefined ? undefined : input + (cacheRead ?? 0) + (cacheWrite ?? 0),
    output: usage.number("output_tokens"),
    cacheRead,
    cacheWrite,
  };
}

function isWrapper(said: ContentDraft): boolean {
  const first = "parts" in said ? said.parts[0] : said;
  const all = "parts" in said ? said.parts : [said];
  return first !== undefined && all.every((part) => "text" in part && WRAPPER.test(part.text));
}

/** Whether the structured result says what the plain one says. */
function sameText(extra: JsonValue, result: ContentDraft): boolean {
  return typeof extra === "string" && "text" in result && extra.includes(result.text);
}

function agentOf(extra: JsonValue | undefined): JsonValue | undefined {
  return typeof extra === "object" && extra !== null ? Object(extra).agentId : undefined;
}
