import { CtxPackError, visible } from "@ctxpack/identity";
import { isTextType } from "../run/content.ts";
import type { ContentDraft } from "../run/draft.ts";
import { MAX_CONTENT } from "../run/limits.ts";
import type { ForkFolder } from "./folder.ts";
import type { ForkBlock, ForkContent, ForkFileRef } from "./form.ts";
import { parseForkJson } from "./parse.ts";

/** A content of a fork, as it is now. */
export async function readContent(folder: ForkFolder, content: ForkContent): Promise<ContentDraft> {
  if (!("parts" in content)) return readBlock(folder, content);
  const parts: ContentDraft[] = [];
  for (const block of content.parts) parts.push(await readBlock(folder, block));
  return { parts };
}

/** The bytes of an input or output, as they are now; undefined when the fork does not have them. */
export async function readFile(
  folder: ForkFolder,
  { file, mediaType }: ForkFileRef,
): Promise<ContentDraft | undefined> {
  if (file === undefined) return undefined;
  const bytes = await folder.read(file, MAX_CONTENT);
  const text = mediaType === undefined || isTextType(mediaType) ? textOf(bytes) : undefined;
  const isBinary = text === undefined || (mediaType === undefined && text.includes("\u0000"));
  // Texts are searched for secrets.
  if (!isBinary) return { text, mediaType: mediaType ?? "text/plain" };
  return { bytes, mediaType: mediaType ?? "application/octet-stream" };
}

async function readBlock(folder: ForkFolder, block: ForkBlock): Promise<ContentDraft> {
  if (!("file" in block)) return block;
  const { file, json, truncated } = block;
  const bytes = await folder.read(file, MAX_CONTENT);
  if (json) return { value: parseForkJson(requireText(file, bytes), file), truncated };
  const mediaType = block.mediaType ?? "text/plain";
  if (!isTextType(mediaType)) return { bytes, mediaType, truncated };
  const text = textOf(bytes);
  return text === undefined ? { bytes, mediaType, truncated } : { text, mediaType, truncated };
}

/** The text of a file that has to be one. */
export function requireText(path: string, bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text !== undefined) return text;
  throw new CtxPackError("CTXPACK_E_TRACE", visible(`${path} is not UTF-8`), { details: { path } });
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
