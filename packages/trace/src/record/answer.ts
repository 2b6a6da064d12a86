import type { JsonValue } from "@ctxpack/identity";
import { parseJson } from "../source/json.ts";
import { AnthropicAssembly } from "./anthropic-stream.ts";
import type { ModelApi } from "./api.ts";
import { ChatAssembly } from "./chat-stream.ts";
import { ResponsesAssembly } from "./responses-stream.ts";
import { type SseEvent, SseReader } from "./sse.ts";

/** Of an answer that is kept, in bytes; what is larger passes by unrecorded. */
const MAX_ANSWER: number = 32 * 1024 * 1024;

/** Puts the pieces of a streamed answer together. */
export interface Assembly {
  /** Takes the value of one event. */
  add(value: JsonValue, event: string): void;
  /** The answer as the API gives it when it is not streamed; undefined before anything came. */
  answer(): JsonValue | undefined;
  /** Whether the stream said that it is at its end. */
  readonly isComplete: boolean;
}

/** What was read of an answer. */
export interface ReadAnswer {
  readonly answer: JsonValue | undefined;
  /** Why it is not all there is. */
  readonly problem: string | undefined;
}

const ASSEMBLIES: Readonly<Record<ModelApi, () => Assembly>> = {
  "openai-chat": () => new ChatAssembly(),
  "openai-responses": () => new ResponsesAssembly(),
  "anthropic-messages": () => new AnthropicAssembly(),
};

/** Reads the answer of a model while its bytes go by. */
export class AnswerReader {
  readonly #sse: SseReader | undefined;
  readonly #assembly: Assembly;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #malformed = 0;

  constructor(api: ModelApi, contentType: string) {
    this.#assembly = ASSEMBLIES[api]();
    this.#sse = /^text\/event-stream\b/i.test(contentType) ? new SseReader() : undefined;
  }

  push(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > MAX_ANSWER) this.#pieces = [];
    else if (this.#sse === undefined) this.#pieces.push(bytes.slice());
    else for (const event of this.#sse.push(bytes)) this.#take(event);
  }

  /** @param broken why no more bytes came, if not because this was all. */
  finish(broken?: string): ReadAnswer {
    if (this.#size > MAX_ANSWER) {
      return { answer: undefined, problem: `more than ${MAX_ANSWER} bytes` };
    }
    if (this.#sse === undefined) return this.#whole(broken);
    const isWhole = this.#assembly.isComplete && this.#malformed === 0;
    const problem = isWhole ? undefined : (broken ?? "the stream ended before the answer did");
    return { answer: this.#assembly.answer(), problem };
  }

  #whole(broken: string | undefined): ReadAnswer {
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(this.#pieces));
      return { answer: parseJson(text).value, problem: broken };
    } catch {
      return { answer: undefined, problem: broken ?? "not JSON" };
    }
  }

  #take(event: SseEvent): void {
    if (event.data === "[DONE]") return;
    try {
      this.#assembly.add(parseJson(event.data).value, event.event);
    } catch {
      this.#malformed++;
    }
  }
}
