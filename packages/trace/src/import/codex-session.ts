import type { ContentDraft, RunPart } from "../run/draft.ts";
import { utcTime } from "../run/time.ts";
import type { Fields, OnLoss } from "../source/fields.ts";
import { joined, readBlocks } from "./blocks.ts";
import { ECHO_WINDOW, Echoes } from "./codex-echoes.ts";
import { type At, CodexSteps } from "./codex-steps.ts";

/** Events that tell again what items tell. */
const BEGINNINGS = new Set([
  "exec_command_begin",
  "mcp_tool_call_begin",
  "patch_apply_begin",
  "web_search_begin",
]);

/** Turns the lines of a rollout, one after the other, into parts of a run. */
export class CodexSession {
  readonly #onLoss: OnLoss;
  readonly #steps: CodexSteps;
  readonly #echoes = new Echoes();
  readonly #parts: RunPart[] = [];
  #provider: string | undefined;
  #cwd: string | undefined;

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
    this.#steps = new CodexSteps(onLoss);
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
    // An echo may still change a step.
    yield* this.#steps.take(ECHO_WINDOW);
  }

  /** All that is left, after the last line. */
  *finish(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    yield* this.#steps.finish();
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
    this.#steps.model = { provider: this.#provider };
    const cwd = meta.text("cwd");
    this.#steps.cwd ??= cwd;
    this.#cwd ??= cwd;
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
          cwd,
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
    this.#cwd ??= cwd;
    if (cwd !== this.#cwd && cwd !== undefined) turn.changed("cwd");
    else this.#parts.push({ head: { session: { cwd } } });
    turn.unmapped("turn_id");
    this.#steps.model = { requested, provider: this.#provider, params: turn.rest() };
  }

  #item(type: string, item: Fields, at: At): void {
    if (type === "message") this.#message(item, at);
    else if (type === "reasoning") this.#reasoning(item, at);
    else if (type.endsWith("_output")) this.#steps.output(item, at);
    else if (type === "function_call" || type === "custom_tool_call") this.#steps.call(item, at);
    else if (type.endsWith("_call")) this.#steps.ownCall(type, item, at);
    else this.#other(type, item, at);
  }

  #message(item: Fields, at: At): void {
    const role = item.text("role") ?? "user";
    const said = joined(
      readBlocks(item.take("content"), "$.payload.content", this.#onLoss).said,
    ) ?? { text: "" };
    const echo = this.#echoes.item(role, said, this.#steps.next);
    if (echo !== undefined) {
      // The item is what the model saw, with its images.
      this.#steps.amend(echo, (step) => ({ ...step, result: said }));
      this.#onLoss("$.payload.message", "duplicate");
      return;
    }
    if (role === "assistant") this.#steps.say(said, at);
    else this.#steps.hear(role, said, at);
  }

  #reasoning(item: Fields, at: At): void {
    const thought: ContentDraft[] = [];
    for (const key of ["summary", "content"]) {
      const said = readBlocks(item.take(key), `$.payload.${key}`, this.#onLoss).said;
      for (const one of said) {
        const echo = this.#echoes.item("reasoning", one, this.#steps.next);
        if (echo === undefined) thought.push(one);
        else this.#onLoss(`$.payload.${key}`, "duplicate");
      }
    }
    if (item.text("encrypted_content") !== undefined) {
      this.#onLoss("$.payload.encrypted_content", "unmapped");
      if (thought.length === 0) thought.push({ absent: "encrypted" });
    }
    this.#steps.think(thought, at);
  }

  #event(type: string, event: Fields, at: At): void {
    if (type === "user_message" || type === "agent_message") this.#echo(type, event, at);
    else if (type === "token_count") this.#steps.usage(event);
    else if (type === "agent_reasoning") this.#thought(event, at);
    else if (BEGINNINGS.has(type)) {
      event.rest();
      this.#onLoss(`$.payload[?@.type==${JSON.stringify(type)}]`, "duplicate");
    } else if (type.endsWith("_end") && this.#steps.enrich(type, event)) return;
    else this.#other(type, event, at);
  }

  /** A message as the screen showed it: the item that the model saw may come before or after. */
  #echo(type: string, event: Fields, at: At): void {
    const text = event.text("message") ?? "";
    const role = type === "user_message" ? "user" : "assistant";
    const images = event.peek("images");
    if (Array.isArray(images) && images.length === 0) event.take("images");
    if (this.#echoes.event(role, text, this.#steps.next)) {
      this.#onLoss("$.payload.message", "duplicate");
    } else if (role === "user") this.#steps.hear("user", { text }, at);
    else this.#steps.say({ text }, at);
  }

  #thought(event: Fields, at: At): void {
    const text = event.text("text") ?? "";
    if (this.#echoes.event("reasoning", text, this.#steps.next)) {
      this.#onLoss("$.payload.text", "duplicate");
    } else this.#steps.think([{ text }], at);
  }

  #compacted(payload: Fields, at: At): void {
    const text = payload.text("message") ?? "";
    this.#steps.add({ ...at, kind: "compaction", result: { text }, extra: payload.rest() });
  }

  #other(type: string, payload: Fields, at: At): void {
    const kind = type === "error" || type === "stream_error" ? "error" : "event";
    const message = kind === "error" ? payload.text("message") : undefined;
    this.#steps.add({
      ...at,
      kind,
      name: type,
      ...(kind === "error" && { status: "error" as const }),
      ...(message !== undefined && { result: { text: message } }),
      extra: payload.rest(),
    });
  }
}
