import type { Digest, JsonValue } from "@ctxpack/identity";

/** Text and JSON up to this many bytes of UTF-8 stand in the line itself; longer ones are a file of the pack. */
export const INLINE_LIMIT = 1024;

/** Why there is nothing where something was. An empty text is no absence: it is `{"text":""}`. */
export type AbsentReason =
  /** The source does not hold it: it was never recorded, or the result never came. */
  | "not-captured"
  /** It lies elsewhere, under `reference`. */
  | "external"
  /** The source holds it so that only somebody else can read it. */
  | "encrypted";

/** Text of at most {@link INLINE_LIMIT} bytes. */
export interface TextContent {
  readonly text: string;
  /** `text/plain` when it is not there. */
  readonly mediaType?: string;
  /** The source says that this is not all of it. */
  readonly truncated?: true;
}

/** A JSON value whose canonical form takes at most {@link INLINE_LIMIT} bytes; never a bare string. */
export interface ValueContent {
  readonly value: JsonValue;
  readonly truncated?: true;
}

/** What lies in the pack as `content/<hex>`. */
export interface StoredContent {
  readonly digest: Digest;
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  readonly truncated?: true;
}

/** What is not there, and why. */
export interface AbsentContent {
  readonly absent: AbsentReason;
  /** What the source calls the place where it lies: a URI, a file id. Never followed by us. */
  readonly reference?: string;
}

/** One block of a content of several. */
export type ContentBlock = TextContent | ValueContent | StoredContent | AbsentContent;

/** Blocks of different kinds, such as text and an image, in order. At least two: one block stands for itself. */
export interface PartsContent {
  readonly parts: readonly ContentBlock[];
}

/** What was said, asked or answered. */
export type Content = ContentBlock | PartsContent;

/** The blocks of a content: its parts, or itself. */
export function contentBlocks(content: Content): readonly ContentBlock[] {
  return "parts" in content ? content.parts : [content];
}

/** Whether the bytes of a block are a file of the pack. */
export function isStored(block: ContentBlock): block is StoredContent {
  return "digest" in block;
}

/** Whether bytes of this media type are text, by the type's name: `text/*`, JSON and what is built on it. */
export function isTextType(mediaType: string): boolean {
  const type = (mediaType.split(";")[0] ?? "").trim().toLowerCase();
  return type.startsWith("text/") || type === "application/json" || type.endsWith("+json");
}
