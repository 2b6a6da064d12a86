import type { JsonValue } from "@ctxpack/identity";
import {
  type AbsentContent,
  type Content,
  type ContentBlock,
  isStored,
  type StoredContent,
} from "../run/content.ts";
import type { Run } from "../run/read.ts";
import type { DetailBudget } from "./budget.ts";

/** A content as what it holds, wherever that lies. */
export type Plain =
  | { readonly text: string }
  | { readonly value: JsonValue }
  /** What is neither text nor JSON, or too large to be looked into: compared by digest. */
  | { readonly opaque: StoredContent }
  | AbsentContent
  | { readonly parts: readonly Plain[] };

/** Contents up to this many bytes are looked into; of larger ones only the digests are compared. */
const MAX_COMPARED: number = 1024 * 1024;

/** JSON that nests deeper is compared as the text it is. */
const MAX_DEPTH = 60;

/** How contents are looked into. */
export interface PlainOptions {
  readonly signal?: AbortSignal | undefined;
  /** What may still be read; without one, everything. */
  readonly budget?: DetailBudget | undefined;
}

/** What a content of `run` holds. */
export async function plainContent(
  run: Run,
  content: Content,
  options: PlainOptions = {},
): Promise<Plain> {
  if ("parts" in content) {
    const parts: Plain[] = [];
    for (const part of content.parts) parts.push(await plainBlock(run, part, options));
    return { parts };
  }
  return plainBlock(run, content, options);
}

async function plainBlock(run: Run, block: ContentBlock, options: PlainOptions): Promise<Plain> {
  if ("text" in block) return { text: block.text };
  if ("value" in block) return { value: block.value };
  if (!isStored(block)) return block;
  const [type = ""] = block.mediaType.split(";");
  const json = type === "application/json" || type.endsWith("+json");
  if (block.size > MAX_COMPARED || !(json || type.startsWith("text/"))) return { opaque: block };
  if (options.budget?.read(block.size) === false) return { opaque: block };
  const text = textOf(await run.content(block, options));
  if (text === undefined) return { opaque: block };
  const value = json ? jsonOf(text) : undefined;
  return value === undefined || typeof value === "string" ? { text } : { value };
}

/** Bytes that are no UTF-8 are no text, whatever they say they are. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return text.isWellFormed() && !deeper(value, MAX_DEPTH) ? value : undefined;
  } catch {
    return undefined;
  }
}

function deeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((one: JsonValue) => deeper(one, levels - 1));
}
