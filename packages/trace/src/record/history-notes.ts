import { createHash } from "node:crypto";
import type { JsonValue } from "@ctxpack/identity";
import { History } from "../import/conversation.ts";
import { isObject } from "../source/log.ts";
import type { ModelApi } from "./api.ts";
import type { Exchange } from "./exchange.ts";

type Members = { readonly [key: string]: JsonValue };

/** An exchange as a recording holds it: of what every call repeats, only what is new. */
export interface NotedExchange extends Omit<Exchange, "request"> {
  readonly model: JsonValue | undefined;
  /** Members of the request that have no place of their own. */
  readonly params: Members;
  readonly system: JsonValue | undefined;
  /** Missing when they are those of the call before. */
  readonly tools: JsonValue | undefined;
  readonly messages: readonly JsonValue[];
}

/** Members of a request that hold what was said so far. */
const LISTS: Readonly<Record<ModelApi, string>> = {
  "openai-chat": "messages",
  "openai-responses": "input",
  "anthropic-messages": "messages",
};

/** Remembers what earlier calls said. */
export class HistoryNotes {
  readonly #history = new History();
  #tools = "";

  /** The exchange without what is known; from then on it is known as well. */
  note(exchange: Exchange): NotedExchange {
    const { request, ...others } = exchange;
    const members = isObject(request) ? request : {};
    const list = LISTS[exchange.api];
    const { model, tools, system, instructions, [list]: said, ...params } = members;
    const messages = messagesOf(said);
    const fresh = this.#history.fresh(messages);
    this.#history.answered(messages, answersOf(exchange));
    return {
      ...others,
      model,
      params,
      system: system ?? instructions,
      tools: this.#isKnown(tools) ? undefined : tools,
      messages: fresh,
    };
  }

  #isKnown(tools: JsonValue | undefined): boolean {
    const digest = createHash("sha256")
      .update(JSON.stringify(tools ?? null))
      .digest("hex");
    const isKnown = digest === this.#tools;
    this.#tools = digest;
    return isKnown;
  }
}

/** Reasoning that is sent back says nothing that was not recorded, and not every client sends it back. */
function messagesOf(said: JsonValue | undefined): Members[] {
  if (typeof said === "string") return [{ role: "user", content: said }];
  const list = Array.isArray(said) ? (said as readonly JsonValue[]) : [];
  return list.filter(isObject).filter(({ type }) => type !== "reasoning");
}

/** What the next call will repeat. */
function answersOf({ api, answer }: Exchange): Members[] {
  if (!isObject(answer)) return [];
  if (api === "anthropic-messages") return "content" in answer ? [answer] : [];
  if (api === "openai-responses") return messagesOf(answer["output"]);
  const choices = Array.isArray(answer["choices"]) ? (answer["choices"] as JsonValue[]) : [];
  const [first] = choices;
  return isObject(first) && isObject(first["message"]) ? [first["message"]] : [];
}
