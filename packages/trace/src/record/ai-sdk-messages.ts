import type { JsonValue } from "@ctxpack/identity";
import { isObject } from "../source/log.ts";

type Members = { readonly [key: string]: JsonValue };

/** A prompt of the AI SDK as messages of a chat. Files are kept as they are. */
export function promptMessages(prompt: JsonValue | undefined): Members[] {
  const list = Array.isArray(prompt) ? (prompt as readonly JsonValue[]) : [];
  return list.filter(isObject).map((message) => {
    const { role, content } = message;
    return { role: role ?? "user", ...contentMembers(content ?? "") };
  });
}

/** What a model answered, as the message of a chat that the next prompt repeats. */
export function answerMessage(content: JsonValue | undefined): Members {
  return { role: "assistant", ...contentMembers(content ?? []) };
}

function contentMembers(content: JsonValue): Members {
  if (!Array.isArray(content)) return { content };
  const blocks: JsonValue[] = [];
  const calls: JsonValue[] = [];
  for (const part of content as readonly JsonValue[]) {
    if (!isObject(part)) continue;
    if (part["type"] === "tool-call") calls.push(callOf(part));
    else blocks.push(blockOf(part));
  }
  return { content: blocks, ...(calls.length > 0 && { tool_calls: calls }) };
}

function callOf(part: Members): JsonValue {
  const { input, toolName, toolCallId } = part;
  const args = typeof input === "string" ? input : JSON.stringify(input ?? {});
  return {
    id: toolCallId ?? null,
    type: "function",
    function: { name: toolName ?? "unnamed", arguments: args },
  };
}

function blockOf(part: Members): JsonValue {
  const { type, text } = part;
  if (type === "text") return { type: "text", text: text ?? "" };
  if (type === "reasoning") return { type: "thinking", thinking: text ?? "" };
  if (type !== "tool-result") return part;
  const output = part["output"] ?? part["result"] ?? null;
  const kind = isObject(output) ? String(output["type"]) : "";
  const value = isObject(output) && "value" in output ? (output["value"] ?? null) : output;
  const isError =
    kind.startsWith("error") || kind === "execution-denied" || part["isError"] === true;
  return {
    type: "tool_result",
    tool_use_id: part["toolCallId"] ?? null,
    content: value,
    ...(isError && { is_error: true }),
  };
}
