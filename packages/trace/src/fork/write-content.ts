import { canonicalBytes, type Digest, type JsonValue, sha256 } from "@ctxpack/identity";
import {
  type Content,
  type ContentBlock,
  contentBlocks,
  isStored,
  type StoredContent,
} from "../run/content.ts";
import { contentPath } from "../run/layout.ts";
import type { Run } from "../run/read.ts";
import type { ForkFolder } from "./folder.ts";
import type { ForkBlock, ForkContent } from "./form.ts";
import { prettyText } from "./spelling.ts";

/** Puts the contents of a run into a fork: what is long, and what is there to be edited, as files of their own. */
export class ContentWriter {
  readonly #run: Run;
  readonly #folder: ForkFolder;
  readonly #signal: AbortSignal | undefined;
  /** What lies below `content/` already. */
  readonly #written = new Map<Digest, ForkBlock>();

  constructor(run: Run, folder: ForkFolder, signal: AbortSignal | undefined) {
    this.#run = run;
    this.#folder = folder;
    this.#signal = signal;
  }

  /** A content as the fork has it. With `name` its text or value is a file of that name, without ending. */
  async write(content: Content, name?: string): Promise<ForkContent> {
    if (!("parts" in content)) return this.#block(content, name);
    const parts: ForkBlock[] = [];
    for (const [index, block] of content.parts.entries()) {
      parts.push(await this.#block(block, name === undefined ? undefined : `${name}.${index + 1}`));
    }
    return { parts };
  }

  /** The value that a content holds; of what is no JSON, its text. */
  async value(content: Content): Promise<JsonValue> {
    const [block] = contentBlocks(content);
    if (block && "value" in block) return block.value;
    if (block && isStored(block)) {
      const bytes = await this.#run.content(block, { signal: this.#signal });
      return jsonOf(block, bytes) ?? new TextDecoder().decode(bytes);
    }
    return block && "text" in block ? block.text : null;
  }

  /** The bytes of an input or output, as a file of that name. */
  async file(stored: StoredContent, path: string): Promise<void> {
    await this.#folder.write(path, await this.#run.content(stored, { signal: this.#signal }));
  }

  async #block(block: ContentBlock, name: string | undefined): Promise<ForkBlock> {
    if (isStored(block)) return this.#stored(block, name);
    if (name === undefined || "absent" in block) return block;
    const truncated = block.truncated ? ({ truncated: true } as const) : {};
    if ("value" in block) {
      await this.#folder.write(`${name}.json`, `${prettyText(block.value)}\n`);
      return { file: `${name}.json`, json: true, ...truncated };
    }
    const { text, mediaType } = block;
    await this.#folder.write(`${name}.txt`, text);
    return { file: `${name}.txt`, ...(mediaType && { mediaType }), ...truncated };
  }

  async #stored(block: StoredContent, name: string | undefined): Promise<ForkBlock> {
    const truncated = block.truncated ? ({ truncated: true } as const) : {};
    // One content may be that of many steps, and of several media types.
    const known = name === undefined ? this.#written.get(block.digest) : undefined;
    if (known && "file" in known) {
      const { truncated: _, mediaType: __, ...same } = known;
      return { ...same, ...(!same.json && typed(block)), ...truncated };
    }
    const bytes = await this.#run.content(block, { signal: this.#signal });
    const value = jsonOf(block, bytes);
    const path = `${name ?? contentPath(block.digest)}${ending(block, value)}`;
    await this.#folder.write(path, value === undefined ? bytes : `${prettyText(value)}\n`);
    const written: ForkBlock =
      value === undefined ? { file: path, ...typed(block) } : { file: path, json: true };
    if (name === undefined) this.#written.set(block.digest, written);
    return { ...written, ...truncated };
  }
}

function typed({ mediaType }: StoredContent): { readonly mediaType?: string } {
  return mediaType === "text/plain" ? {} : { mediaType };
}

function ending({ mediaType }: StoredContent, value: JsonValue | undefined): string {
  if (value !== undefined) return ".json";
  return mediaType.startsWith("text/") ? ".txt" : "";
}

/** The JSON value of a content that is kept as one: its canonical form is its bytes. */
function jsonOf({ mediaType, digest }: StoredContent, bytes: Uint8Array): JsonValue | undefined {
  if (mediaType !== "application/json") return undefined;
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as JsonValue;
    const isValue = typeof value !== "string" && sha256(canonicalBytes(value)) === digest;
    return isValue ? value : undefined;
  } catch {
    return undefined;
  }
}
