import { canonicalize, type JsonValue } from "@ctxpack/identity";
import {
  type Content,
  type ContentBlock,
  contentBlocks,
  isStored,
  isTextType,
  type StoredContent,
} from "../run/content.ts";
import { contentPath } from "../run/layout.ts";
import type { Run } from "../run/read.ts";
import { parseJson } from "../source/json.ts";

type Members = { readonly [key: string]: JsonValue };

/** A content as an ATIF message. */
export interface Said {
  readonly message: JsonValue;
  /** Whether who reads the message gets this content. */
  readonly isWhole: boolean;
}

/** Writes the contents of a run as ATIF, and in the form that a recording has them. */
export class AtifContents {
  readonly #run: Run;
  readonly #signal: AbortSignal | undefined;

  constructor(run: Run, signal: AbortSignal | undefined) {
    this.#run = run;
    this.#signal = signal;
  }

  /** A message: text, or blocks when there are images in it. */
  async said(content: Content): Promise<Said> {
    const blocks = contentBlocks(content);
    if (!blocks.some(isImage)) {
      const { text, isWhole } = await this.text(content);
      return { message: text, isWhole };
    }
    const message: JsonValue[] = [];
    let isWhole = true;
    for (const block of blocks) {
      if (isStored(block) && isImage(block)) {
        const source = { media_type: block.mediaType, path: contentPath(block.digest) };
        message.push({ type: "image", source });
        isWhole = false;
      } else if ("absent" in block) {
        message.push({ type: "image", source: { path: block.reference ?? "" } });
        isWhole &&= isImage(block);
      } else {
        const told = await this.#textOf(block);
        message.push({ type: "text", text: told.text ?? "" });
        isWhole &&= told.isWhole;
      }
    }
    return { message, isWhole };
  }

  /** A content as text alone. */
  async text(content: Content): Promise<{ readonly text: string; readonly isWhole: boolean }> {
    const texts: string[] = [];
    let isWhole = !("parts" in content);
    for (const block of contentBlocks(content)) {
      const told = await this.#textOf(block);
      if (told.text !== undefined) texts.push(told.text);
      isWhole &&= told.isWhole;
    }
    return { text: texts.join("\n"), isWhole };
  }

  /** A content as a JSON value; text that is none stays text. */
  async value(content: Content): Promise<JsonValue> {
    if ("value" in content) return content.value;
    const { text } = await this.text(content);
    const isJson = "mediaType" in content && content.mediaType === "application/json";
    return isJson ? readValue(text) : text;
  }

  /** A content in the form of a recording, from which it is read back as it is. */
  async whole(content: Content): Promise<JsonValue> {
    if (!("parts" in content)) return this.#wholeBlock(content);
    const parts: JsonValue[] = [];
    for (const block of content.parts) parts.push(await this.#wholeBlock(block));
    return { parts };
  }

  async #wholeBlock(block: ContentBlock): Promise<Members> {
    if (!isStored(block)) return { ...block };
    const bytes = await this.#bytes(block);
    const text = isTextType(block.mediaType) ? utf8(bytes) : undefined;
    const content =
      text === undefined ? { bytes: { $bytes: Buffer.from(bytes).toString("base64") } } : { text };
    return {
      ...content,
      mediaType: block.mediaType,
      ...(block.truncated && { truncated: true }),
    };
  }

  async #textOf(
    block: ContentBlock,
  ): Promise<{ readonly text: string | undefined; readonly isWhole: boolean }> {
    if ("absent" in block) return { text: undefined, isWhole: false };
    if ("value" in block) return { text: canonicalize(block.value), isWhole: false };
    if ("text" in block) {
      return { text: block.text, isWhole: !block.mediaType && !block.truncated };
    }
    if (!isTextType(block.mediaType)) return { text: undefined, isWhole: false };
    const bytes = await this.#bytes(block);
    const text = utf8(bytes);
    const isPlain = block.mediaType === "text/plain" && !block.truncated;
    return {
      text: text ?? new TextDecoder().decode(bytes),
      isWhole: isPlain && text !== undefined,
    };
  }

  #bytes(stored: StoredContent): Promise<Uint8Array> {
    return this.#run.content(stored, { signal: this.#signal });
  }
}

/** Whether a block is an image that lies somewhere: in the pack, or where the log says. */
export function isImage(block: ContentBlock): boolean {
  if ("absent" in block) return block.absent === "external" && block.reference !== undefined;
  return isStored(block) && block.mediaType.startsWith("image/");
}

export function isMembers(value: JsonValue | undefined): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The value of JSON text: canonical text is a value of a run already, other text is as its source wrote it. */
function readValue(text: string): JsonValue {
  try {
    const value = JSON.parse(text) as JsonValue;
    return canonicalize(value) === text ? value : parseJson(text).value;
  } catch {
    return text;
  }
}
