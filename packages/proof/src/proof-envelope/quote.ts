import { hash } from "node:crypto";
import { open } from "node:fs/promises";
import { CtxPackError } from "@ctxpack/identity";

/** Bytes of a range of lines, at most. */
const MAX_LINES_BYTES = 16 << 20;

const CHUNK = 1 << 16;

/** What is said to stand in a file. */
export interface Passage {
  readonly lines?: { readonly start: number; readonly end: number };
  readonly quote?: string;
  readonly quoteSha256?: string;
}

/** What is wrong with a passage. */
export type PassageFault = "lines" | "quote" | "quote-hash";

/**
 * Whether a passage stands in the file at `path`: the lines exist; the quote is in them, or anywhere where there are
 * none; the digest is of the quote, or of the lines (joined by LF, without the last line end) where there is no quote.
 * CRLF counts as LF. Reads the file once, piece by piece.
 *
 * @throws CtxPackError `CTXPACK_E_TOO_LARGE` for lines of more than 16 MiB; system errors of reading.
 */
export async function passageFault(
  path: string,
  passage: Passage,
  signal: AbortSignal | undefined,
): Promise<PassageFault | undefined> {
  const { lines, quote, quoteSha256 } = passage;
  if (quote !== undefined && quoteSha256 !== undefined && sha256Hex(quote) !== quoteSha256) {
    return "quote-hash";
  }
  if (lines === undefined) {
    const missing = quote !== undefined && !(await contains(path, quote, signal));
    return missing ? "quote" : undefined;
  }
  const text = await readLines(path, lines, signal);
  if (text === undefined) return "lines";
  if (quote !== undefined) return text.includes(unix(quote)) ? undefined : "quote";
  return quoteSha256 !== undefined && sha256Hex(text) !== quoteSha256 ? "quote-hash" : undefined;
}

/** SHA-256 of a text's UTF-8, in hex. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}

/** Lines of a file as one text, undefined when it has fewer. */
export async function readLines(
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const kept: Buffer[] = [];
  let size = 0;
  let line = 1;
  let rest = false;
  for await (const chunk of chunks(path, signal)) {
    let from = 0;
    while (from < chunk.length && line <= end) {
      const lineFeed = chunk.indexOf(10, from);
      const to = lineFeed === -1 ? chunk.length : lineFeed + 1;
      if (line >= start) {
        kept.push(Buffer.from(chunk.subarray(from, to)));
        size += to - from;
      }
      if (lineFeed !== -1) line++;
      rest = lineFeed === -1;
      from = to;
    }
    if (size > MAX_LINES_BYTES) {
      throw new CtxPackError(
        "CTXPACK_E_TOO_LARGE",
        `${path}: lines ${start} to ${end} have more than ${MAX_LINES_BYTES} bytes`,
      );
    }
    if (line > end) break;
  }
  // A last line without a line end is one too.
  const count = rest ? line : line - 1;
  if (count < end) return undefined;
  return unix(Buffer.concat(kept).toString()).replace(/\n$/, "");
}

/** Whether a text stands anywhere in a file, with either kind of line end. */
async function contains(
  path: string,
  quote: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const wanted = [unix(quote), unix(quote).replaceAll("\n", "\r\n")].map((text) =>
    Buffer.from(text),
  );
  const overlap = Math.max(...wanted.map((bytes) => bytes.length)) - 1;
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks(path, signal)) {
    const window = Buffer.concat([tail, chunk]);
    if (wanted.some((bytes) => window.includes(bytes))) return true;
    tail = window.subarray(Math.max(0, window.length - overlap));
  }
  return false;
}

/** The bytes of a file, into the same buffer again and again. */
async function* chunks(path: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  await using file = await open(path);
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, CHUNK);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function unix(text: string): string {
  return text.replaceAll("\r\n", "\n");
}
