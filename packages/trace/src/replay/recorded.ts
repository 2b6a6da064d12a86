import { canonicalize, type JsonValue } from "@ctxpack/identity";
import { type Content, contentBlocks, isStored } from "../run/content.ts";
import type { Run } from "../run/read.ts";
import { parseJson } from "../source/json.ts";

/** Of a recorded content that is compared or served, in bytes. */
export const MAX_RECORDED: number = 64 * 1024 * 1024;

/** How a recorded content is read. */
export interface ReadRecordedOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A recorded content as text: its blocks, one after the other. */
export interface RecordedText {
  readonly text: string;
  /** Whether it is one JSON value. */
  readonly isJson: boolean;
  /** Whether the record says that this is only its beginning. */
  readonly isTruncated: boolean;
}

/**
 * The text of a recorded content; undefined when some of it is absent or no text.
 *
 * @throws CtxPackError when the pack does not hold what it says it holds, or it is over {@link MAX_RECORDED}.
 */
export async function recordedText(
  run: Run,
  content: Content,
  options: ReadRecordedOptions = {},
): Promise<RecordedText | undefined> {
  const blocks = contentBlocks(content);
  const texts: string[] = [];
  for (const block of blocks) {
    if (isStored(block) && !isText(block.mediaType)) return undefined;
    const text = await run.text(block, { ...options, maxBytes: MAX_RECORDED });
    if (text === undefined) return undefined;
    texts.push(text);
  }
  const [first] = blocks;
  return {
    text: texts.join("\n"),
    isJson:
      blocks.length === 1 &&
      first !== undefined &&
      ("value" in first || (isStored(first) && first.mediaType === "application/json")),
    isTruncated: blocks.some((block) => "truncated" in block),
  };
}

/** The arguments of a recorded call as a value; undefined when the record does not hold them. */
export async function recordedArguments(
  run: Run,
  request: Content | undefined,
  options: ReadRecordedOptions = {},
): Promise<JsonValue | undefined> {
  if (request === undefined) return {};
  if ("value" in request) return request.value;
  const recorded = await recordedText(run, request, options);
  if (recorded === undefined || recorded.isTruncated) return undefined;
  return recorded.isJson ? argumentValue(recorded.text) : recorded.text;
}

/** Arguments as a run has them: JSON text, or a value. Text that is no JSON stays text. */
export function argumentValue(given: JsonValue | undefined): JsonValue {
  if (given === undefined || given === null) return {};
  const text = typeof given === "string" ? given : JSON.stringify(given);
  if (text.trim() === "") return {};
  try {
    const { value } = parseJson(text);
    return typeof value === "string" ? text : value;
  } catch {
    return text;
  }
}

/** Canonical text of a JSON text; undefined for what is none. */
export function canonicalText(text: string): string | undefined {
  try {
    return canonicalize(parseJson(text).value);
  } catch {
    return undefined;
  }
}

function isText(mediaType: string): boolean {
  return /^text\/|^application\/(?:[a-z.+-]+\+)?json|xml|yaml/.test(mediaType);
}
