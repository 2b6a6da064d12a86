import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, StepDraft } from "../run/draft.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { parseJson } from "../source/json.ts";
import { isObject } from "../source/log.ts";

/** A call that a message asks for. */
export interface CallBlock {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly request: ContentDraft;
}

/** The answer to a call that a message brings. */
export interface ResultBlock {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly result: ContentDraft;
  readonly isError: boolean;
  /** What is told about the error beside the result. */
  readonly error?: StepDraft["error"];
}

/** The content of one message, told apart by what it is. */
export interface MessageBlocks {
  readonly said: ContentDraft[];
  readonly thought: ContentDraft[];
  readonly calls: CallBlock[];
  readonly results: ResultBlock[];
}

/**
 * Reads the content of a message: a string, or blocks as Anthropic, OpenAI (chat and responses) and Gemini have them.
 * A block of a kind that is not known is kept as it is.
 *
 * @param path JSONPath of `content`.
 */
export function readBlocks(
  content: JsonValue | undefined,
  path: string,
  onLoss: OnLoss,
): MessageBlocks {
  const blocks: MessageBlocks = { said: [], thought: [], calls: [], results: [] };
  if (typeof content === "string") blocks.said.push({ text: content });
  else if (isObject(content)) readBlock(content, path, blocks, onLoss);
  else if (Array.isArray(content)) {
    for (const item of content as readonly JsonValue[]) {
      if (typeof item === "string") blocks.said.push({ text: item });
      else if (isObject(item)) readBlock(item, `${path}[*]`, blocks, onLoss);
      else if (item !== null) blocks.said.push({ value: item });
    }
  } else if (content !== undefined && content !== null) blocks.said.push({ value: content });
  return blocks;
}

/** One content of several: undefined for none. */
export function joined(drafts: readonly ContentDraft[]): ContentDraft | undefined {
  const [first] = drafts;
  return drafts.length > 1 ? { parts: drafts } : first;
}

/** Arguments that a model wrote: JSON when they are, text when not. */
export function argumentsOf(value: JsonValue | undefined): ContentDraft {
  if (value === undefined || value === null) return { value: {} };
  if (typeof value !== "string") return { value };
  if (value.trim() === "") return { value: {} };
  try {
    const parsed = parseJson(value).value;
    return typeof parsed === "string" ? { text: value } : { value: parsed };
  } catch {
    return { text: value };
  }
}

type Reader = (block: Fields, into: MessageBlocks, onLoss: OnLoss, path: string) => void;

const readers: Readonly<Record<string, Reader>> = {
  text: readText,
  input_text: readText,
  output_text: readText,
  summary_text: readText,
  refusal: (block, into) => into.said.push({ text: block.text("refusal") ?? "" }),
  thinking: (block, into) => into.thought.push({ text: block.text("thinking") ?? "" }),
  reasoning: readReasoning,
  redacted_thinking: (block, into) => {
    block.unmapped("data");
    into.thought.push({ absent: "encrypted" });
  },
  tool_use: readToolUse,
  server_tool_use: readToolUse,
  mcp_tool_use: readToolUse,
  tool_call: readToolUse,
  server_tool_call: readToolUse,
  tool_call_response: readToolResult,
  server_tool_call_response: readToolResult,
  tool_result: readToolResult,
  mcp_tool_result: readToolResult,
  web_search_tool_result: readToolResult,
  image: readMedia,
  document: readMedia,
  image_url: readMedia,
  input_image: readMedia,
  input_audio: readMedia,
  input_file: readMedia,
  file: readMedia,
  blob: readMedia,
  uri: readMedia,
};

function readBlock(
  value: { readonly [key: string]: JsonValue },
  path: string,
  into: MessageBlocks,
  onLoss: OnLoss,
): void {
  const block = new Fields(value, path, onLoss);
  const type = block.peek("type");
  const reader =
    typeof type === "string" && Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (reader === undefined) readUntyped(block, value, into);
  else {
    block.take("type");
    reader(block, into, onLoss, path);
  }
  block.close();
}

function readText(block: Fields, into: MessageBlocks): void {
  into.said.push({ text: block.text("text") ?? block.text("content") ?? "" });
}

function readReasoning(block: Fields, into: MessageBlocks, onLoss: OnLoss, path: string): void {
  const text = block.text("text") ?? block.text("reasoning") ?? block.text("content");
  if (text !== undefined && text !== "") into.thought.push({ text });
  for (const key of ["summary", "content"]) {
    const inner = readBlocks(block.list(key), `${path}.${key}`, onLoss);
    into.thought.push(...inner.said);
  }
  if (block.has("encrypted_content") && block.peek("encrypted_content") !== null) {
    block.unmapped("encrypted_content");
    if (into.thought.length === 0) into.thought.push({ absent: "encrypted" });
  }
}

function readToolUse(block: Fields, into: MessageBlocks): void {
  into.calls.push({
    id: block.text("id"),
    name: block.text("name"),
    request: argumentsOf(block.take("input") ?? block.take("arguments")),
  });
}

function readToolResult(block: Fields, into: MessageBlocks, onLoss: OnLoss, path: string): void {
  const answer = block.take("content") ?? block.take("response") ?? block.take("result");
  const content = readBlocks(answer, `${path}.content`, onLoss);
  into.results.push({
    id: block.text("tool_use_id") ?? block.text("id"),
    name: block.text("name"),
    // A result without content is an empty one: the call came back.
    result: joined(content.said) ?? { text: "" },
    isError: block.boolean("is_error") ?? false,
  });
}

/** Bytes in the message, or a word about where they are. */
function readMedia(block: Fields, into: MessageBlocks): void {
  const source = block.object("source");
  const data =
    source?.text("data") ?? block.object("input_audio")?.text("data") ?? block.text("content");
  const type = source?.text("media_type") ?? block.text("mime_type") ?? "application/octet-stream";
  source?.text("type");
  const file = block.object("file");
  const url =
    source?.text("url") ??
    source?.text("path") ??
    block.object("image_url")?.text("url") ??
    block.text("image_url") ??
    block.text("image") ??
    file?.text("file_data") ??
    block.text("file_data") ??
    block.text("uri");
  const reference =
    url ?? file?.text("file_id") ?? block.text("file_id") ?? source?.text("file_id");
  if (data !== undefined) into.said.push({ bytes: Buffer.from(data, "base64"), mediaType: type });
  else into.said.push(mediaOf(reference));
}

/** What a URL of a message stands for: its bytes when it holds them. */
function mediaOf(url: string | undefined): ContentDraft {
  const data = /^data:([^;,]*)(?:;[^;,]+)*;base64,/.exec(url?.slice(0, 256) ?? "");
  if (url === undefined || data === null) return { absent: "external", reference: url };
  const bytes = Buffer.from(url.slice(data[0].length), "base64");
  return { bytes, mediaType: data[1] || "application/octet-stream" };
}

/** A block that says by its members what it is, as Gemini's do; else it stays a value. */
function readUntyped(
  block: Fields,
  value: { readonly [key: string]: JsonValue },
  into: MessageBlocks,
): void {
  const call = block.object("functionCall");
  const answer = block.object("functionResponse");
  if (call !== undefined) {
    into.calls.push({
      id: call.text("id"),
      name: call.text("name"),
      request: argumentsOf(call.take("args")),
    });
  } else if (answer !== undefined) {
    into.results.push({
      id: answer.text("id"),
      name: answer.text("name"),
      result: { value: answer.take("response") ?? {} },
      isError: false,
    });
  } else if (block.keys.length === 1 && typeof block.peek("text") === "string") {
    readText(block, into);
  } else {
    block.rest();
    into.said.push({ value });
  }
}
