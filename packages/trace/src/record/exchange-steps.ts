import type { JsonValue } from "@ctxpack/identity";
import type { Conversation } from "../import/conversation.ts";
import type { LossNotes } from "../import/imported.ts";
import { isMessage, readUsage } from "../import/message.ts";
import { toolOf } from "../import/messages.ts";
import type { ModelDraft, StepDraft } from "../run/draft.ts";
import { bothExtras } from "../run/extras.ts";
import { utcTime } from "../run/time.ts";
import { Fields } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import { responsesMessage } from "./responses-message.ts";

type Members = { readonly [key: string]: JsonValue };

/** Turns the exchanges of a recording into steps. */
export class ExchangeSteps {
  readonly #talk: Conversation;
  readonly #notes: LossNotes;

  constructor(talk: Conversation, notes: LossNotes) {
    this.#talk = talk;
    this.#notes = notes;
  }

  add(exchange: Members): void {
    const fields = new Fields(exchange, "$.exchange", this.#notes.note);
    const { parts } = this.#talk;
    const system = fields.take("system");
    if (system !== undefined) parts.push({ system: { value: system } });
    for (const tool of fields.objects("tools")) parts.push({ tool: toolOf(tool) });
    const startedAt = utcTime(fields.text("startedAt") ?? "");
    const endedAt = utcTime(fields.text("endedAt") ?? "");
    for (const message of fields.list("messages") ?? []) {
      if (isMessage(message)) this.#talk.add(message, "$.exchange.messages[*]", { startedAt });
      else this.#talk.queue.add({ kind: "event", name: "item", extra: message, startedAt });
    }
    const model: ModelDraft = {
      requested: fields.id("model"),
      provider: fields.text("provider"),
      params: fields.take("params"),
    };
    const problem = fields.text("problem");
    const extra = problem === undefined ? undefined : { problem };
    this.#answer(fields, { model, startedAt, endedAt, extra, ...(extra && { status: "unknown" }) });
    fields.close();
  }

  #answer(fields: Fields, at: Partial<StepDraft>): void {
    const api = fields.text("api");
    const status = fields.number("httpStatus");
    const answer = fields.take("answer");
    const message = isObject(answer) ? answerMessage(api, answer) : undefined;
    if (status === undefined || status >= 400 || message === undefined) {
      this.#failed(status, answer, at);
      return;
    }
    const { usage, finish, others } = message;
    const open = new Fields(
      isObject(usage) ? usage : {},
      "$.exchange.answer.usage",
      this.#notes.note,
    );
    const before = this.#talk.queue.next;
    this.#talk.add(message.value, "$.exchange.answer", {
      ...at,
      model: { ...at.model, served: message.model },
      usage: isObject(usage) ? readUsage(open) : undefined,
      finishReason: finish,
      extra: bothExtras(at.extra, others && { choices: others }),
    });
    open.close();
    // Its tools were called once the answer was there.
    for (let seq = before + 1; seq < this.#talk.queue.next; seq++) {
      this.#talk.queue.amend(seq, (call) => ({
        ...call,
        startedAt: at.endedAt,
        endedAt: undefined,
      }));
    }
  }

  #failed(status: number | undefined, answer: JsonValue | undefined, at: Partial<StepDraft>): void {
    const isError = status === undefined || status >= 400;
    const type = status === undefined ? "unreachable" : `http ${status}`;
    const message = answer === undefined ? undefined : { value: answer };
    this.#talk.queue.add({
      ...at,
      kind: "llm",
      status: isError ? "error" : "unknown",
      result: isError ? undefined : { absent: "not-captured" },
      ...(isError && { error: { type, message } }),
    });
  }
}

interface AnswerMessage {
  readonly value: Members;
  readonly model: string | undefined;
  readonly usage: JsonValue | undefined;
  readonly finish: string | undefined;
  /** Answers beside the first, which the conversation goes on from. */
  readonly others?: readonly JsonValue[] | undefined;
}

/** The message of an answer, and what stands beside it. */
function answerMessage(api: string | undefined, answer: Members): AnswerMessage | undefined {
  const { model, usage, id, choices, status, stop_reason: stop } = answer;
  const word = (value: JsonValue | undefined) => (typeof value === "string" ? value : undefined);
  const beside = { model: word(model), usage, ...(typeof id === "string" && { id }) };
  if (api === "openai-responses") {
    const value = { ...responsesMessage(answer), ...(typeof id === "string" && { id }) };
    return { ...beside, value, finish: word(status) };
  }
  if (api === "anthropic-messages") {
    if (!Array.isArray(answer["content"])) return undefined;
    const { model: _m, usage: _u, stop_reason: _s, type: _t, ...value } = answer;
    return { ...beside, value, finish: word(stop) };
  }
  const [first, ...others] = Array.isArray(choices) ? (choices as readonly JsonValue[]) : [];
  if (!isObject(first) || !isObject(first["message"])) return undefined;
  const value = { ...first["message"], ...(typeof id === "string" && { id }) };
  return {
    ...beside,
    value,
    finish: word(first["finish_reason"]),
    ...(others.length > 0 && { others }),
  };
}
