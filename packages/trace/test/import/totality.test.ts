import { readdirSync } from "node:fs";
import type { JsonValue } from "@ctxpack/identity";
import { expect, test } from "vitest";
import { parseJson, type RunHead } from "../../src/index.ts";
import type { MemoryPack } from "../run/memory.ts";
import { fixture, packAll } from "./read.ts";

/** Words of the formats themselves: they decide what a step is, and are not repeated in it. */
const VOCABULARY = new Set(
  `assistant observation response_item session_meta turn_context event_msg user_message agent_message
   function_call function_call_output custom_tool_call custom_tool_call_output local_shell_call input_text
   output_text summary_text reasoning message tool_use tool_result thinking tool_call tool_call_response function
   resourceSpans tools/call tools/list resources/read initialize notifications/initialized prompts GENERATION DEFAULT
   STATUS_CODE_OK SpanKind.INTERNAL OverflowError chat execute_tool invoke_agent application/json begin generate
   input state score solver success completed queue-operation compact_boundary client server sha256 image base64
   developer system external codex_cli_rs chat.completion chain exception span_begin span_end RETRIEVER CHAIN jsonrpc_request
   notification lifecycle gen_ai.client.inference.operation.details`.split(/\s+/),
);

/** Attributes whose names say where in a run their values are. */
const CONVENTIONS =
  /^(?:gen_ai|openinference|llm|exception)\.|^(?:error\.type|(?:in|out)put\.value|tool\.(?:name|call\.id)|session\.id)$/;

/** Below a loss whose path names no member: a line or an item that is left out, an event of such a kind. */
const UNNAMED: Readonly<Record<string, readonly string[]>> = {
  "claude-code/rewind-compact.jsonl": ["First attempt", "First answer"],
  "inspect/popularity.json": ["replace", "/output/model"],
  "mcp/calculator.json": ["DELETE"],
  "mcp/clock.jsonl": ["summary", "the bell tower of the old town"],
};

/** Logs whose document is not repeated here: their whole is one zip, or has no samples. */
const names = readdirSync(new URL("../fixtures/", import.meta.url), {
  recursive: true,
  encoding: "utf8",
})
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => /\.jsonl?$/.test(name) && name !== "inspect/nan.json");

test.each(names)(
  "every text of %s is in its run, or below a path that is told as lost",
  async (name) => {
    const bytes = await fixture(name);
    const packs = await packAll(bytes, { skipMalformed: true });
    const kept = packs
      .flatMap((pack) => [pack.config, ...pack.tree.values()])
      .map((file) => unescaped(Buffer.from(file).toString()))
      .join("\n");
    const lost = new Set(packs.flatMap(({ head }) => head.loss.map(lastMember)));
    const missing = leaves(bytes).filter(({ text, members }) => {
      const isTold = members.some((member) => lost.has(member));
      if (isTold || UNNAMED[name]?.includes(text)) return false;
      return !kept.includes(unescaped(text)) && !isBytes(text, packs) && !words(text, kept);
    });
    expect(missing).toEqual([]);
  },
);

/** Base64 in a log is bytes in a run. */
function isBytes(text: string, packs: readonly MemoryPack[]): boolean {
  const bytes = Buffer.from(text, "base64");
  return packs.some(({ tree }) => [...tree.values()].some((file) => bytes.equals(file)));
}

/** `execute_tool get_weather`: a name made of what else is told. */
function words(text: string, kept: string): boolean {
  const [verb = "", noun = "", ...more] = text.split(" ");
  return more.length === 0 && VOCABULARY.has(verb) && noun !== "" && kept.includes(unescaped(noun));
}

interface Leaf {
  readonly text: string;
  /** Names of the members that it lies in. */
  readonly members: readonly string[];
}

function leaves(bytes: Uint8Array): Leaf[] {
  const text = Buffer.from(bytes).toString();
  const found: Leaf[] = [];
  for (const value of valuesOf(text)) walk(value, [], found);
  return found;
}

function valuesOf(text: string): JsonValue[] {
  try {
    return [parseJson(text).value];
  } catch {
    return text.split("\n").flatMap((line) => {
      try {
        return [parseJson(line).value];
      } catch {
        // Malformed lines are losses by their number.
        return [];
      }
    });
  }
}

function walk(value: JsonValue, members: readonly string[], into: Leaf[]): void {
  if (typeof value === "string") {
    const isReference = /^(?:tc|attachment):\/\//.test(value);
    if (isReference || (members.at(-1) === "key" && CONVENTIONS.test(value))) return;
    const isTime =
      /^\d{4}-\d{2}-\d{2}T/.test(value) || members.some((name) => /unix_?nano$/i.test(name));
    if (value.length < 5 || isTime || VOCABULARY.has(value)) return;
    // JSON inside JSON is taken apart.
    if (/^\s*[[{]/.test(value)) {
      try {
        walk(parseJson(value).value, members, into);
        return;
      } catch {
        // A text that only looks like it.
      }
    }
    into.push({ text: value, members });
  } else if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) walk(item, members, into);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) walk(member, [...members, key], into);
  }
}

function lastMember({ path }: RunHead["loss"][number]): string {
  return /\["([^"]+)"\]$/.exec(path)?.[1] ?? /([^.[\]*]+)(?:\[\*\])?$/.exec(path)?.[1] ?? path;
}

/** Without what escaping and case of ids do to a text. */
function unescaped(text: string): string {
  return text.toLowerCase().replaceAll(/^0x|\\[nrt"\\]|\\u[0-9a-f]{4}|[\s"\\]/g, "");
}
