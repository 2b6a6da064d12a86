import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft } from "../run/draft.ts";
import { utcTime } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject } from "../source/log.ts";
import { joined, readBlocks } from "./blocks.ts";
import { isMessage, readUsage } from "./message.ts";
import type { Span } from "./spans.ts";

type Members = { readonly [key: string]: JsonValue };

/** Events that say how the state of a sample changed, which its messages tell. */
const DERIVED = new Set(["state", "store", "sample_init"]);
const MAX_DEPTH = 32;

/** The events of a sample as spans: calls of models and tools, spans, steps and subtasks around them, and the rest. */
export function eventSpans(events: readonly JsonValue[], onLoss: OnLoss): Span[] {
  const reader = new EventReader(onLoss);
  reader.read(events, undefined, 0);
  return reader.spans;
}

class EventReader {
  readonly spans: Span[] = [];
  readonly #onLoss: OnLoss;
  /** Steps of the old kind that began and did not end yet. */
  readonly #steps: string[] = [];

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
  }

  read(events: readonly JsonValue[], parentId: string | undefined, depth: number): void {
    for (const event of events) {
      if (isObject(event))
        this.#event(new Fields(event, "$..events[*]", this.#onLoss), parentId, depth);
      else this.#onLoss("$..events[*]", "unmapped");
    }
  }

  #event(event: Fields, inside: string | undefined, depth: number): void {
    const type = event.text("event") ?? "unknown";
    const parentId = event.text("span_id") ?? inside ?? this.#steps.at(-1);
    const common = this.#common(event, parentId);
    event.take("uuid");
    if (type === "model") this.#model(event, common);
    else if (type === "tool") this.#tool(event, common, depth);
    else if (type === "subtask") this.#subtask(event, common, depth);
    else if (type === "span_begin") this.#spanBegin(event, common);
    else if (type === "span_end") event.take("id");
    else if (type === "step") this.#step(event, common);
    else if (DERIVED.has(type)) {
      event.rest();
      this.#onLoss(`$..events[?@.event==${JSON.stringify(type)}]`, "duplicate");
    } else {
      const isError = type === "error";
      this.spans.push({
        ...common,
        kind: isError ? "error" : "event",
        name: type,
        status: isError ? "error" : "ok",
        extra: event.rest(),
      });
    }
    event.close();
  }

  #common(
    event: Fields,
    parentId: string | undefined,
  ): Pick<Span, "id" | "parentId" | "order" | "startedAt" | "endedAt"> {
    const index = String(this.spans.length).padStart(9, "0");
    const time = event.text("timestamp");
    const end = event.text("completed");
    return {
      id: typeof event.peek("uuid") === "string" ? String(event.peek("uuid")) : `#${index}`,
      parentId,
      order: index,
      startedAt: time === undefined ? undefined : utcTime(time),
      endedAt: end === undefined ? undefined : utcTime(end),
    };
  }

  #model(
    event: Fields,
    common: Pick<Span, "id" | "parentId" | "order" | "startedAt" | "endedAt">,
  ): void {
    const requested = event.text("model");
    const output = event.object("output");
    const choices = output?.objects("choices") ?? [];
    const usage = output?.object("usage");
    const answers = choices.flatMap((choice) => {
      const message = choice.take("message");
      return isMessage(message) ? [message] : [];
    });
    const finishReason = choices[0]?.text("stop_reason");
    const error = event.text("error") ?? output?.text("error");
    const served = output?.text("model");
    output?.duplicate("completion");
    event.duplicate("call");
    const choice = event.take("tool_choice");
    const params = event.take("config");
    const tools = event.take("tools");
    const retries = event.take("retries");
    const cache = event.take("cache");
    const input = (event.list("input") ?? []).filter((message): message is Members =>
      isMessage(message),
    );
    this.spans.push({
      ...common,
      kind: "llm",
      name: undefined,
      status: error === undefined ? "ok" : "error",
      error: error === undefined ? undefined : { message: { text: error } },
      model: { requested, served: served === requested ? undefined : served, params },
      usage: usage && readUsage(usage),
      finishReason,
      messages: input,
      answers,
      extra: extraOf({
        tools: Array.isArray(tools) && tools.length === 0 ? undefined : tools,
        tool_choice: choice,
        retries,
        cache,
      }),
    });
  }

  #tool(
    event: Fields,
    common: Pick<Span, "id" | "parentId" | "order" | "startedAt" | "endedAt">,
    depth: number,
  ): void {
    const error = event.object("error");
    const message = error?.text("message");
    const truncated = event.take("truncated") !== undefined;
    const result = readResult(event.take("result"), truncated, this.#onLoss);
    event.take("type");
    event.duplicate("view");
    this.spans.push({
      ...common,
      kind: "tool",
      name: event.text("function"),
      callId: event.text("id"),
      status: error === undefined ? "ok" : "error",
      error:
        error === undefined
          ? undefined
          : {
              type: error.text("type"),
              message: message === undefined ? undefined : { text: message },
            },
      request: { value: event.take("arguments") ?? {} },
      result,
    });
    this.#nested(event, common.id, depth);
  }

  #subtask(
    event: Fields,
    common: Pick<Span, "id" | "parentId" | "order" | "startedAt" | "endedAt">,
    depth: number,
  ): void {
    event.take("type");
    this.spans.push({
      ...common,
      kind: "agent",
      name: event.text("name"),
      status: "ok",
      request: { value: event.take("input") ?? {} },
      result: { value: event.take("result") ?? {} },
    });
    this.#nested(event, common.id, depth);
  }

  #nested(event: Fields, id: string, depth: number): void {
    const events = event.list("events") ?? [];
    if (depth < MAX_DEPTH) this.read(events, id, depth + 1);
    else if (events.length > 0) this.#onLoss("$..events[*].events", "unmapped");
  }

  #spanBegin(
    event: Fields,
    common: Pick<Span, "id" | "parentId" | "order" | "startedAt" | "endedAt">,
  ): void {
    const id = event.text("id") ?? common.id;
    const type = event.text("type");
    const parentId = event.text("parent_id");
    this.spans.push({
      ...common,
      id,
      parentId,
      kind: "agent",
      name: event.text("name"),
      status: "ok",
      extra: extraOf({ type }),
    });
  }

  #step(
    event: Fields,
    common: Pick<Span, "id" | "parentId" | "order" | "startedAt" | "endedAt">,
  ): void {
    const action = event.text("action");
    const type = event.text("type");
    const name = event.text("name");
    if (action === "end") this.#steps.pop();
    else {
      this.spans.push({ ...common, kind: "agent", name, status: "ok", extra: extraOf({ type }) });
      this.#steps.push(common.id);
    }
  }
}

function readResult(
  value: JsonValue | undefined,
  truncated: boolean,
  onLoss: OnLoss,
): ContentDraft {
  const said = joined(readBlocks(value, "$..events[*].result", onLoss).said) ?? { text: "" };
  return truncated && !("parts" in said) && !("absent" in said) ? { ...said, truncated } : said;
}

function extraOf(value: { readonly [key: string]: JsonValue | undefined }): JsonValue | undefined {
  const entries = Object.entries(value).filter(
    (entry): entry is [string, JsonValue] => entry[1] !== undefined,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
