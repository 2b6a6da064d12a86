import { fits } from "./answer.ts";

/** A part of a file, as `ctx_read` answers with it. */
export interface FilePart {
  readonly path: string;
  /** Of the whole file, in bytes. */
  readonly size: number;
  /** Where the part begins, in bytes. */
  readonly offset: number;
  readonly text?: string;
  readonly base64?: string;
  /** The offset of what comes after the part; absent at the end of the file. */
  readonly next?: number;
}

/**
 * As many of the bytes, from the first on, as an answer has room for: what is text may be six times as long in JSON.
 * One byte at least, if there is one.
 */
export function partOf(
  { path, size, offset }: Pick<FilePart, "path" | "size" | "offset">,
  bytes: Buffer,
): FilePart {
  for (let length = bytes.length; ; length = Math.floor((length * 3) / 4)) {
    const part = bytes.subarray(0, length);
    const text = decode(part, offset + length >= size);
    const next = offset + (text?.bytes ?? length);
    const answer = {
      path,
      size,
      offset,
      ...(text ? { text: text.text } : { base64: part.toString("base64") }),
      ...(next < size && { next }),
    };
    if (length <= 1 || fits(answer)) return answer;
  }
}

/** The bytes as text, up to the last whole character; `undefined` when they are none. */
function decode(bytes: Buffer, isEnd: boolean): { text: string; bytes: number } | undefined {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let less = 0; less <= (isEnd ? 0 : 3) && less < Math.max(bytes.length, 1); less++) {
    const part = bytes.subarray(0, bytes.length - less);
    try {
      return { text: decoder.decode(part), bytes: part.length };
    } catch {
      // A character may be cut at the end.
    }
  }
  return undefined;
}
