import type { JsonValue } from "@ctxpack/identity";
import { isObject } from "../source/log.ts";

type Members = { readonly [key: string]: JsonValue };

/** The items of one of OpenAI's responses as one message: they are what the model answered at once. */
export function responsesMessage(response: Members): Members {
  const items = Array.isArray(response["output"])
    ? (response["output"] as readonly JsonValue[])
    : [];
  const content: JsonValue[] = [];
  const tool_calls: JsonValue[] = [];
  const thoughts: string[] = [];
  for (const item of items) {
    if (!isObject(item)) continue;
    const { type, content: said, call_id: id, name } = item;
    if (type === "message" && Array.isArray(said)) content.push(...(said as JsonValue[]));
    else if (type === "reasoning") thoughts.push(...summaryOf(item));
    else if (type === "function_call" || type === "custom_tool_call") {
      const given = item["arguments"] ?? item["input"] ?? "";
      tool_calls.push({
        id: id ?? null,
        type: "function",
        function: { name: name ?? "unnamed", arguments: given },
      });
    } else content.push(item);
  }
  return {
    role: "assistant",
    content,
    ...(tool_calls.length > 0 && { tool_calls }),
    ...(thoughts.length > 0 && { reasoning_content: thoughts.join("\n\n") }),
  };
}

function summaryOf(item: Members): string[] {
  const blocks = ["summary", "content"].flatMap((key) => {
    const list = item[key];
    return Array.isArray(list) ? (list as readonly JsonValue[]) : [];
  });
  return blocks.flatMap((block) =>
    isObject(block) && typeof block["text"] === "string" ? [block["text"]] : [],
  );
}
