import type { JsonValue } from "@ctxpack/identity";

/** A part of a stream of the AI SDK, as far as it matters here. */
type Part = { readonly [key: string]: unknown };

/** What came of a call. */
export interface AiSdkAnswer {
  readonly content: JsonValue;
  readonly finishReason: unknown;
  readonly usage: unknown;
  readonly response: Part | undefined;
}

/** Puts the parts of a stream of the AI SDK together as `doGenerate` would have given them. */
export class AiSdkAssembly {
  readonly #content: Record<string, JsonValue>[] = [];
  readonly #open = new Map<string, Record<string, JsonValue>>();
  #finish: Part | undefined;
  #response: Part | undefined;
  /** What an `error` part said. */
  error: string | undefined;

  get isComplete(): boolean {
    return this.#finish !== undefined;
  }

  add(part: unknown): void {
    if (typeof part !== "object" || part === null) return;
    const members = part as Part;
    const type = String(members["type"]);
    const begins = /^(text|reasoning)-start$/.exec(type)?.[1];
    if (begins !== undefined) this.#begin(begins, String(members["id"]));
    else if (/^(text|reasoning)-delta$/.test(type)) this.#extend(members, type);
    else if (type === "tool-call") this.#call(members);
    else if (type === "finish") this.#finish = members;
    else if (type === "response-metadata") this.#response = { ...this.#response, ...members };
    else if (type === "error") this.error = messageOf(members["error"]);
  }

  answer(): AiSdkAnswer {
    return {
      content: this.#content,
      finishReason: this.#finish?.["finishReason"],
      usage: this.#finish?.["usage"],
      response: this.#response && { ...this.#response },
    };
  }

  #begin(type: string, id: string): Record<string, JsonValue> {
    const block = { type, text: "" };
    this.#content.push(block);
    this.#open.set(`${type} ${id}`, block);
    return block;
  }

  #extend(part: Part, type: string): void {
    const kind = type.replace("-delta", "");
    const id = String(part["id"]);
    const block = this.#open.get(`${kind} ${id}`) ?? this.#begin(kind, id);
    if (typeof part["delta"] === "string") block["text"] = `${block["text"]}${part["delta"]}`;
  }

  #call({ toolCallId, toolName, input }: Part): void {
    this.#content.push({
      type: "tool-call",
      toolCallId: String(toolCallId),
      toolName: String(toolName),
      input: typeof input === "string" ? input : JSON.stringify(input ?? {}),
    });
  }
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
