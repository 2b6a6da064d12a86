import type { JsonValue } from "@ctxpack/identity";
import { parseJson } from "../source/json.ts";
import { isObject } from "../source/log.ts";
import type { Assembly } from "./answer.ts";

type Members = { readonly [key: string]: JsonValue };

/** Text of a block by the delta that brings it, and the member that it belongs to. */
const DELTAS: Readonly<Record<string, readonly [from: string, to: string]>> = {
  text_delta: ["text", "text"],
  thinking_delta: ["thinking", "thinking"],
  signature_delta: ["signature", "signature"],
};

/** The events of Anthropic's messages. */
export class AnthropicAssembly implements Assembly {
  readonly #blocks = new Map<number, { block: Record<string, JsonValue>; input: string }>();
  #message: Record<string, JsonValue> | undefined;
  #isComplete = false;

  get isComplete(): boolean {
    return this.#isComplete;
  }

  add(value: JsonValue): void {
    if (!isObject(value)) return;
    const { type, index, message, content_block: block, delta, usage } = value;
    if (type === "message_start" && isObject(message)) this.#message = { ...message };
    if (type === "message_stop") this.#isComplete = true;
    if (type === "message_delta") this.#change(delta, usage);
    if (typeof index !== "number") return;
    if (type === "content_block_start" && isObject(block)) {
      this.#blocks.set(index, { block: { ...block }, input: "" });
    }
    if (type === "content_block_delta" && isObject(delta)) this.#extend(index, delta);
  }

  answer(): JsonValue | undefined {
    if (this.#message === undefined) return undefined;
    const blocks = [...this.#blocks].sort(([a], [b]) => a - b).map(([, one]) => one);
    const content = blocks.map(({ block, input }): JsonValue => {
      return input === "" ? block : { ...block, input: inputOf(input) };
    });
    return { ...this.#message, role: "assistant", content };
  }

  #change(delta: JsonValue | undefined, usage: JsonValue | undefined): void {
    const known = this.#message?.["usage"];
    this.#message = {
      ...this.#message,
      ...(isObject(delta) ? delta : {}),
      usage: { ...(isObject(known) ? known : {}), ...(isObject(usage) ? usage : {}) },
    };
  }

  #extend(index: number, delta: Members): void {
    const open = this.#blocks.get(index);
    if (open === undefined) return;
    const { type, partial_json: json } = delta;
    if (type === "input_json_delta" && typeof json === "string") open.input += json;
    const place =
      typeof type === "string" && Object.hasOwn(DELTAS, type) ? DELTAS[type] : undefined;
    if (place === undefined) return;
    const [from, to] = place;
    const [before, more] = [open.block[to], delta[from]];
    if (typeof more === "string")
      open.block[to] = (typeof before === "string" ? before : "") + more;
  }
}

function inputOf(json: string): JsonValue {
  try {
    return parseJson(json).value;
  } catch {
    // Cut off: kept as the text it is.
    return json;
  }
}
