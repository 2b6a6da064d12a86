import type { JsonValue } from "@ctxpack/identity";
import { isObject } from "../source/log.ts";
import type { Assembly } from "./answer.ts";

interface Call {
  id: string | undefined;
  name: string;
  arguments: string;
}

const MAX_CALLS = 4096;

/** The chunks of OpenAI's chat completions; of several choices the first. */
export class ChatAssembly implements Assembly {
  readonly #calls = new Map<number, Call>();
  readonly #facts: Record<string, JsonValue> = {};
  readonly #texts: Record<"content" | "refusal" | "reasoning_content" | "reasoning", string> = {
    content: "",
    refusal: "",
    reasoning_content: "",
    reasoning: "",
  };
  #finish: string | undefined;
  #hasBegun = false;

  get isComplete(): boolean {
    return this.#finish !== undefined;
  }

  add(value: JsonValue): void {
    if (!isObject(value)) return;
    this.#hasBegun = true;
    for (const key of ["id", "model", "usage", "service_tier", "system_fingerprint"]) {
      const fact = value[key];
      if (fact !== undefined && fact !== null) this.#facts[key] = fact;
    }
    const choices = Array.isArray(value["choices"]) ? (value["choices"] as JsonValue[]) : [];
    for (const choice of choices) {
      if (!isObject(choice) || (choice["index"] ?? 0) !== 0) continue;
      if (typeof choice["finish_reason"] === "string") this.#finish = choice["finish_reason"];
      if (isObject(choice["delta"])) this.#delta(choice["delta"]);
    }
  }

  answer(): JsonValue | undefined {
    if (!this.#hasBegun) return undefined;
    const message: Record<string, JsonValue> = {
      role: "assistant",
      content: this.#texts.content || null,
    };
    for (const key of ["refusal", "reasoning_content", "reasoning"] as const) {
      if (this.#texts[key] !== "") message[key] = this.#texts[key];
    }
    if (this.#calls.size > 0) {
      message["tool_calls"] = [...this.#calls.values()].map(({ id, name, arguments: args }) => ({
        ...(id !== undefined && { id }),
        type: "function",
        function: { name, arguments: args },
      }));
    }
    const finish_reason = this.#finish ?? null;
    return { ...this.#facts, choices: [{ index: 0, message, finish_reason }] };
  }

  #delta(delta: { readonly [key: string]: JsonValue }): void {
    for (const key of ["content", "refusal", "reasoning_content", "reasoning"] as const) {
      const text = delta[key];
      if (typeof text === "string") this.#texts[key] += text;
    }
    const calls = Array.isArray(delta["tool_calls"]) ? (delta["tool_calls"] as JsonValue[]) : [];
    for (const call of calls) if (isObject(call)) this.#call(call);
  }

  #call(part: { readonly [key: string]: JsonValue }): void {
    const index = typeof part["index"] === "number" ? part["index"] : this.#calls.size;
    const call = this.#calls.get(index) ?? { id: undefined, name: "", arguments: "" };
    if (this.#calls.size < MAX_CALLS) this.#calls.set(index, call);
    if (typeof part["id"] === "string" && part["id"] !== "") call.id = part["id"];
    const named = part["function"];
    if (!isObject(named)) return;
    if (typeof named["name"] === "string") call.name += named["name"];
    if (typeof named["arguments"] === "string") call.arguments += named["arguments"];
  }
}
