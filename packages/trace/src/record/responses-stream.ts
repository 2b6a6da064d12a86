import type { JsonValue } from "@ctxpack/identity";
import { isObject } from "../source/log.ts";
import type { Assembly } from "./answer.ts";

/** The events of OpenAI's responses: the last one brings the whole; before it there are the items that are done. */
export class ResponsesAssembly implements Assembly {
  readonly #items: JsonValue[] = [];
  #begun: { readonly [key: string]: JsonValue } | undefined;
  #response: JsonValue | undefined;

  get isComplete(): boolean {
    return this.#response !== undefined;
  }

  add(value: JsonValue): void {
    if (!isObject(value)) return;
    const { type, response, item } = value;
    if (type === "response.output_item.done" && item !== undefined) this.#items.push(item);
    if (!isObject(response)) return;
    if (["response.completed", "response.incomplete", "response.failed"].includes(String(type))) {
      this.#response = response;
    } else this.#begun ??= response;
  }

  answer(): JsonValue | undefined {
    if (this.#response !== undefined) return this.#response;
    if (this.#begun === undefined && this.#items.length === 0) return undefined;
    return { ...this.#begun, output: this.#items };
  }
}
