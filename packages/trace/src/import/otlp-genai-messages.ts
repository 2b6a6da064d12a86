import type { JsonValue } from "@ctxpack/identity";
import { parseJson } from "../source/json.ts";
import { isObject } from "../source/log.ts";
import type { Attributes } from "./otlp-attributes.ts";
import type { OtelEvent, OtelSpan } from "./otlp-container.ts";

type Members = { readonly [key: string]: JsonValue };

/** The event that carries what was said, for those who keep it out of the span's attributes (conventions 1.37). */
const DETAILS = "gen_ai.client.inference.operation.details";

/** The attributes of a span, with those of the event that tells what was said. */
export function attributesWithDetails(otel: OtelSpan): ReadonlyMap<string, JsonValue> {
  const details = otel.events.find(({ name }) => name === DETAILS);
  return details === undefined
    ? otel.attributes
    : new Map([...details.attributes, ...otel.attributes]);
}

/** Events of the conventions before 1.37 that hold what a model was given. */
export const PROMPT_EVENTS: readonly string[] = [
  "gen_ai.system.message",
  "gen_ai.user.message",
  "gen_ai.assistant.message",
  "gen_ai.tool.message",
];

/** The event of those conventions that holds what a model answered. */
export const CHOICE = "gen_ai.choice";

/** Messages in an attribute: a list, or its JSON text; a bare text is one message. */
export function messagesOf(value: JsonValue | undefined, role: string): Members[] | undefined {
  if (typeof value === "string") return [{ role, content: value }];
  if (!Array.isArray(value)) return undefined;
  return (value as readonly JsonValue[]).map((item) => {
    const message = typeof item === "string" ? parsed(item) : item;
    return isObject(message) ? message : { role, content: item };
  });
}

/** Numbered attributes of OpenLLMetry, else span events of the conventions before 1.37. */
export function legacy(
  a: Attributes,
  prefix: string,
  otel: OtelSpan,
  events: readonly string[],
): Members[] | undefined {
  const numbered = a.numbered(prefix).map((item) => ({ role: "assistant", ...item }));
  if (numbered.length > 0) return numbered;
  const found = otel.events.filter(({ name }) => events.includes(name));
  if (found.length === 0) return undefined;
  return found.map(({ name, attributes }) => {
    const members = Object.fromEntries(attributes);
    const message =
      typeof members["message"] === "string" ? parsed(members["message"]) : members["message"];
    const role = name === CHOICE ? "assistant" : (name.split(".")[1] ?? "user");
    const { index: _, message: __, "gen_ai.system": ___, ...others } = members;
    const calls =
      typeof others["tool_calls"] === "string" ? { tool_calls: parsed(others["tool_calls"]) } : {};
    return { role, ...others, ...calls, ...(isObject(message) ? message : {}) };
  });
}

/** Whether an event of a span tells what was said. */
export function isSaid(event: OtelEvent): boolean {
  return [...PROMPT_EVENTS, CHOICE, DETAILS].includes(event.name);
}

/** What a model answered, as the Vercel AI SDK writes it. */
export function vercelAnswer(a: Attributes): Members[] | undefined {
  const text = a.text("ai.response.text", "ai.response.object");
  const calls = a.json("ai.response.toolCalls");
  if (text === undefined && calls === undefined) return undefined;
  const tools = Array.isArray(calls) ? (calls as readonly JsonValue[]).filter(isObject) : [];
  return [
    {
      role: "assistant",
      content: text ?? "",
      tool_calls: tools.map(({ toolCallId, toolName, args, input }) => ({
        id: toolCallId ?? null,
        name: toolName ?? null,
        arguments: args ?? input ?? null,
      })),
    },
  ];
}

/** What a JSON text says; text that is no JSON stays text. */
export function parsed(text: string): JsonValue {
  try {
    return parseJson(text).value;
  } catch {
    return text;
  }
}
