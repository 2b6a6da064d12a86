import {
  CtxPackError,
  canonicalBytes,
  type Digest,
  type JsonValue,
  sha256,
} from "@ctxpack/identity";
import type { Redactor } from "../redact/redactor.ts";
import type { AbsentContent, Content, ContentBlock, StoredContent } from "./content.ts";
import { INLINE_LIMIT } from "./content.ts";
import type { ContentDraft } from "./draft.ts";
import { contentPath, type RunFile } from "./layout.ts";
import { MAX_CONTENT, MAX_VALUE_NESTING } from "./limits.ts";
import { sourceText } from "./number.ts";

/**
 * Puts contents where they belong: short ones into the line, long ones into files, each file once. What a content
 * holds decides its form, so equal contents look equal wherever they stand.
 */
export class ContentPlacer {
  readonly #redactor: Redactor;
  /** Hex of the contents that are files already. */
  readonly #written = new Set<Digest>();
  #pending: RunFile[] = [];
  #bytes = 0;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** Number of files so far. */
  get count(): number {
    return this.#written.size;
  }

  /** Sum of their sizes in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The files that came up since the last call. */
  takeFiles(): RunFile[] {
    const files = this.#pending;
    this.#pending = [];
    return files;
  }

  /**
   * @throws CtxPackError `CTXPACK_E_TOO_LARGE` for a content of more than {@link MAX_CONTENT} bytes.
   */
  place(draft: ContentDraft): Content {
    if ("parts" in draft) {
      const parts = draft.parts.flatMap((part) => this.#blocks(part));
      const [first] = parts;
      if (first === undefined) return { text: "" };
      return parts.length === 1 ? first : { parts };
    }
    return this.#block(draft);
  }

  /** The bytes of a file that went in or came out: always a file of the pack. */
  store(draft: ContentDraft, mediaType?: string): StoredContent | AbsentContent {
    if ("absent" in draft)
      return { absent: draft.absent, ...optional("reference", draft.reference) };
    if ("parts" in draft)
      return this.#storeValue(this.#redactor.value(plainParts(draft)), mediaType);
    if ("bytes" in draft) return this.#storeBytes(draft.bytes, mediaType ?? draft.mediaType);
    if ("text" in draft) {
      const text = this.#redactor.text(draft.text.toWellFormed());
      return this.#storeBytes(encode(text), mediaType ?? draft.mediaType ?? "text/plain");
    }
    // A text is its characters, not JSON of them: the digest of a file has to be the file's.
    if (typeof draft.value === "string") return this.store({ text: draft.value }, mediaType);
    return this.#storeValue(this.#redactor.value(draft.value), mediaType);
  }

  #blocks(draft: ContentDraft): ContentBlock[] {
    return "parts" in draft
      ? draft.parts.flatMap((part) => this.#blocks(part))
      : [this.#block(draft)];
  }

  #block(draft: Exclude<ContentDraft, { readonly parts: unknown }>): ContentBlock {
    if ("absent" in draft)
      return { absent: draft.absent, ...optional("reference", this.#safe(draft.reference)) };
    const truncated = draft.truncated ? ({ truncated: true } as const) : {};
    if ("bytes" in draft)
      return { ...this.#storeBytes(draft.bytes, draft.mediaType), ...truncated };
    if ("text" in draft) return { ...this.#text(draft.text, draft.mediaType), ...truncated };
    const { value } = draft;
    return {
      ...(typeof value === "string" ? this.#text(value) : this.#value(value)),
      ...truncated,
    };
  }

  #text(text: string, mediaType?: string): ContentBlock {
    const safe = this.#redactor.text(text.toWellFormed());
    const type = mediaType === undefined || mediaType === "text/plain" ? undefined : mediaType;
    // A UTF-16 unit takes at least one byte: nothing long is encoded to be thrown away.
    if (safe.length > INLINE_LIMIT) return this.#storeBytes(encode(safe), type ?? "text/plain");
    const bytes = encode(safe);
    if (bytes.length > INLINE_LIMIT) return this.#storeBytes(bytes, type ?? "text/plain");
    return { text: safe, ...optional("mediaType", type) };
  }

  #value(value: JsonValue): ContentBlock {
    const safe = this.#redactor.value(value);
    if (nestsDeeper(safe, MAX_VALUE_NESTING))
      return this.#text(sourceText(safe), "application/json");
    const bytes = canonicalBytes(safe);
    return bytes.length > INLINE_LIMIT
      ? this.#storeBytes(bytes, "application/json")
      : { value: safe };
  }

  #storeValue(safe: JsonValue, mediaType = "application/json"): StoredContent {
    const deep = nestsDeeper(safe, MAX_VALUE_NESTING);
    return this.#storeBytes(deep ? encode(sourceText(safe)) : canonicalBytes(safe), mediaType);
  }

  #storeBytes(bytes: Uint8Array, mediaType: string): StoredContent {
    const size = bytes.length;
    if (size > MAX_CONTENT) {
      throw new CtxPackError(
        "CTXPACK_E_TOO_LARGE",
        `a content of ${size} bytes; the limit is ${MAX_CONTENT}`,
        {
          hint: "keep results of this size as files beside the log",
          details: { found: size, expected: MAX_CONTENT },
        },
      );
    }
    const digest = sha256(bytes);
    if (!this.#written.has(digest)) {
      this.#written.add(digest);
      this.#bytes += size;
      this.#pending.push({ path: contentPath(digest), bytes });
    }
    return {
      digest,
      mediaType: mediaType.toWellFormed().slice(0, 128) || "application/octet-stream",
      size,
    };
  }

  #safe(text: string | undefined): string | undefined {
    return text === undefined ? undefined : this.#redactor.text(text.toWellFormed()).slice(0, 4096);
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: V });
}

/** A file made of several blocks is kept as a JSON list of their texts and values. */
function plainParts(draft: { readonly parts: readonly ContentDraft[] }): JsonValue {
  return draft.parts.map((part): JsonValue => {
    if ("parts" in part) return plainParts(part);
    if ("text" in part) return part.text;
    if ("value" in part) return part.value;
    if ("bytes" in part) return Buffer.from(part.bytes).toString("base64");
    return null;
  });
}

function nestsDeeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member: JsonValue) => nestsDeeper(member, levels - 1));
}
