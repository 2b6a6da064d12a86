import type { JsonValue } from "@ctxpack/identity";
import { canonicalize } from "@ctxpack/identity";
import type { ContentDraft, RunPart, StepDraft } from "../run/draft.ts";
import { bothExtras } from "../run/extras.ts";
import type { OnLoss } from "../source/fields.ts";
import type { CallBlock, ResultBlock } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { type ReadMessage, readMessage } from "./message.ts";

type Members = { readonly [key: string]: JsonValue };

/** Whoever knows of calls by other means says whether it takes care of one. */
export interface CallKeeper {
  takesCall(call: CallBlock, by: number | undefined): boolean;
  takesResult(result: ResultBlock): boolean;
}

/** Turns messages, one after the other, into steps; results find their calls by id, else by name, oldest first. */
export class Conversation {
  readonly queue: CallQueue = new CallQueue();
  readonly parts: RunPart[] = [];
  readonly #onLoss: OnLoss;
  readonly #unnamed: { id: string; name: string | undefined }[] = [];
  #begun = false;

  readonly #keeper: CallKeeper | undefined;

  constructor(onLoss: OnLoss, keeper?: CallKeeper) {
    this.#onLoss = onLoss;
    this.#keeper = keeper;
  }

  /**
   * Adds a message.
   *
   * @param path JSONPath of the message.
   * @param at what its steps have beside what it says.
   * @returns `seq` of the step that it became first, if any.
   */
  add(value: Members, path: string, at: Partial<StepDraft> = {}): number | undefined {
    const message = readMessage(value, path, this.#onLoss);
    const first = this.queue.next;
    if (message.speaker === "system" && !this.#begun) {
      this.parts.push({ system: message.said ?? { text: "" } });
      if (message.extra !== undefined) this.#onLoss(`${path}.*`, "unmapped");
      return undefined;
    }
    this.#begun = true;
    for (const result of message.results) this.result(result, at);
    if (message.speaker === "assistant") this.#answer(message, at);
    else if (message.said !== undefined && message.speaker !== "tool") {
      this.queue.add({
        ...at,
        kind: message.speaker === "user" ? "user" : "system",
        name: message.role,
        src: { id: message.id, ...at.src },
        result: message.said,
        extra: message.extra,
      });
    } else if (message.extra !== undefined) this.#onLoss(`${path}.*`, "unmapped");
    return this.queue.next > first ? first : undefined;
  }

  /** Adds the call of a tool. */
  call(call: CallBlock, at: Partial<StepDraft>, by: number | undefined): void {
    if (this.#keeper?.takesCall(call, by)) return;
    const id = call.id ?? `#${this.queue.next}`;
    if (call.id === undefined) this.#unnamed.push({ id, name: call.name });
    this.queue.call(id, {
      ...at,
      kind: "tool",
      name: call.name ?? "unnamed",
      by,
      request: call.request,
    });
  }

  /** Completes a call, or adds a result whose call is not known. */
  result(result: ResultBlock, at: Partial<StepDraft>): void {
    if (this.#keeper?.takesResult(result)) return;
    const done = {
      result: result.result,
      status: result.isError ? ("error" as const) : ("ok" as const),
      ...(result.error !== undefined && { error: result.error }),
      ...(at.startedAt !== undefined && { endedAt: at.startedAt }),
    };
    const id = result.id ?? this.#oldest(result.name);
    if (id !== undefined && this.queue.result(id, (step) => ({ ...step, ...done }))) return;
    this.queue.add({
      kind: "tool",
      name: result.name,
      callId: result.id,
      src: at.src,
      request: { absent: "not-captured" },
      ...done,
    });
  }

  /** The parts that are complete. */
  *take(): Generator<RunPart> {
    yield* this.parts.splice(0);
    for (const step of this.queue.ready()) yield { step };
  }

  /** All that is left. */
  *finish(): Generator<RunPart> {
    yield* this.parts.splice(0);
    for (const step of this.queue.rest()) yield { step };
  }

  #answer(message: ReadMessage, at: Partial<StepDraft>): void {
    const by = this.queue.add({
      ...at,
      kind: "llm",
      model: message.model === undefined ? at.model : { ...at.model, served: message.model },
      src: { id: message.id, ...at.src },
      result: message.said,
      reasoning: message.thought,
      usage: message.usage ?? at.usage,
      finishReason: at.finishReason ?? message.finishReason,
      extra: bothExtras(at.extra, message.extra),
    });
    const inside = { parent: at.parent, startedAt: at.startedAt, src: at.src };
    for (const call of message.calls) this.call(call, inside, by);
  }

  #oldest(name: string | undefined): string | undefined {
    const index = this.#unnamed.findIndex((call) => name === undefined || call.name === name);
    return index === -1 ? undefined : this.#unnamed.splice(index, 1)[0]?.id;
  }
}

const MAX_THREADS = 64;

/**
 * Tells which messages of a call were not said before: each call to a model repeats the whole history, and a run tells
 * it once.
 */
export class History {
  readonly #threads: string[][] = [];

  /** Those of `messages` that follow what is known; from then on they are known as well. */
  fresh(messages: readonly Members[]): Members[] {
    const keys = messages.map(keyOf);
    let best: string[] | undefined;
    let length = 0;
    for (const thread of this.#threads) {
      const same = commonPrefix(thread, keys);
      if (same > length) [best, length] = [thread, same];
    }
    if (best === undefined) {
      best = [];
      this.#threads.push(best);
      if (this.#threads.length > MAX_THREADS) this.#threads.shift();
    }
    best.splice(length, best.length, ...keys.slice(length));
    return messages.slice(length);
  }

  /** Notes what was answered to the messages that `fresh` saw last. */
  answered(messages: readonly Members[], answers: readonly Members[]): void {
    const keys = messages.map(keyOf);
    const thread = this.#threads.find((one) => commonPrefix(one, keys) === keys.length);
    thread?.splice(keys.length, thread.length, ...answers.map(keyOf));
  }
}

function commonPrefix(a: readonly string[], b: readonly string[]): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}

/** What a message says, without what differs between its telling as an answer and as history. */
function keyOf(message: Members): string {
  const read = readMessage(message, "$", () => undefined);
  const calls = read.calls.map(({ id, name, request }) => [
    id ?? null,
    name ?? null,
    textOf(request),
  ]);
  const results = read.results.map(({ id, result }) => [id ?? null, textOf(result)]);
  return canonicalize([read.speaker, textOf(read.said), calls, results]);
}

function textOf(content: ContentDraft | undefined): string {
  if (content === undefined) return "";
  if ("text" in content) return content.text;
  if ("value" in content) return JSON.stringify(content.value);
  if ("parts" in content) return content.parts.map(textOf).join("\n");
  return "bytes" in content ? `${content.bytes.length} bytes` : content.absent;
}
