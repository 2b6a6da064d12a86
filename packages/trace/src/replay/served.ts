import { type Content, contentBlocks, isStored } from "../run/content.ts";
import { sourceText } from "../run/number.ts";
import type { Run } from "../run/read.ts";
import { MAX_RECORDED, type ReadRecordedOptions } from "./recorded.ts";

/** Something that a tape serves. */
export type ServedBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "bytes"; readonly bytes: Uint8Array; readonly mediaType: string };

/**
 * A recorded result, as it was: JSON with the digits that it had. Nothing for a call without a result.
 *
 * @throws CtxPackError when the pack does not hold what it says it holds.
 */
export async function servedBlocks(
  run: Run,
  content: Content | undefined,
  options: ReadRecordedOptions = {},
): Promise<ServedBlock[]> {
  const served: ServedBlock[] = [];
  for (const block of content === undefined ? [] : contentBlocks(content)) {
    if ("text" in block) served.push({ type: "text", text: block.text });
    else if ("value" in block) served.push({ type: "text", text: sourceText(block.value) });
    else if (isStored(block)) {
      const bytes = await run.content(block, { ...options, maxBytes: MAX_RECORDED });
      served.push(storedBlock(bytes, block.mediaType));
    }
  }
  return served;
}

function storedBlock(bytes: Uint8Array, mediaType: string): ServedBlock {
  const text =
    mediaType.startsWith("image/") || mediaType.startsWith("audio/") ? undefined : decode(bytes);
  if (text === undefined) return { type: "bytes", bytes, mediaType };
  if (mediaType !== "application/json") return { type: "text", text };
  try {
    return { type: "text", text: sourceText(JSON.parse(text)) };
  } catch {
    return { type: "text", text };
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
