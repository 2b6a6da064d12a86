import { createHash } from "node:crypto";
import { CtxPackError, type Digest, type JsonValue, visible } from "@ctxpack/identity";
import { abortable } from "./abortable.ts";
import { JsonSyntaxError, type ParsedJson, parseJson } from "./json.ts";
import { readLines } from "./lines.ts";

/** Of a line of a log, in bytes. */
const MAX_LOG_LINE: number = 64 * 1024 * 1024;

/** Of a log that has to be read whole, in bytes. */
export const MAX_DOCUMENT: number = 256 * 1024 * 1024;

/** How much of a log is looked at to tell what it is, in bytes: first, and at most when that does not tell. */
const SNIFF: number = 64 * 1024;
const MAX_SNIFF: number = 4 * 1024 * 1024;

/** Lines that were passed over, of which the place is kept until somebody asks; the others are counted. */
const MAX_SKIPPED = 1000;

/** A place of a log that could not be read. */
export interface Malformed {
  /** From 1; 0 when it is no matter of a line. */
  readonly line: number;
  readonly message: string;
}

/** How a log is read. */
export interface LogOptions {
  /** What errors call the log. */
  readonly file: string;
  /** Whether lines that cannot be read are passed over instead of ending the import. */
  readonly skipMalformed: boolean;
  /** Told of every line that was passed over. */
  readonly onMalformed?: ((malformed: Malformed) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A line of a log that is JSON. */
export interface LogLine extends ParsedJson {
  /** From 1. */
  readonly line: number;
}

/** The bytes of a log, hashed as they go by. They can be read once. */
export class LogSource {
  readonly options: LogOptions;
  /** Whether a last line that no `\n` ended is passed over when it cannot be read: its writer may have been killed. */
  skipsUnended = false;
  readonly #rest: AsyncIterator<Uint8Array>;
  #head: Uint8Array = new Uint8Array();
  #isWhole = false;
  readonly #hash = createHash("sha256");
  #size = 0;
  #digest: Digest | undefined;
  #skipped: Malformed[] = [];
  #skippedMore = 0;

  private constructor(rest: AsyncIterator<Uint8Array>, options: LogOptions) {
    this.#rest = rest;
    this.options = options;
  }

  static async open(
    input: Uint8Array | AsyncIterable<Uint8Array>,
    options: LogOptions,
  ): Promise<LogSource> {
    const log = new LogSource(abortable(chunksOf(input), options.signal), options);
    await log.#look(SNIFF);
    return log;
  }

  /** The first bytes, to tell what it is. */
  get head(): Uint8Array {
    return this.#head;
  }

  /**
   * Makes `head` longer, for texts may be long. Only before the log is read.
   *
   * @returns whether it is longer now.
   */
  async lookFurther(): Promise<boolean> {
    const { length } = this.#head;
    if (length < MAX_SNIFF) await this.#look(MAX_SNIFF);
    return this.#head.length > length;
  }

  async #look(least: number): Promise<void> {
    const pieces = [this.#head];
    let size = this.#head.length;
    while (size < least && !this.#isWhole) {
      const { done, value } = await this.#rest.next();
      if (done) this.#isWhole = true;
      else {
        pieces.push(value.slice());
        size += value.length;
      }
    }
    this.#head = Buffer.concat(pieces);
  }

  /** Digest and size of the log, once it was read to its end. */
  get facts(): { readonly digest: Digest; readonly size: number } {
    this.#digest ??= `sha256:${this.#hash.digest("hex")}`;
    return { digest: this.#digest, size: this.#size };
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    if (this.head.length > 0) yield this.#seen(this.head);
    for (;;) {
      const { done, value } = await this.#rest.next();
      if (done) return;
      yield this.#seen(value);
    }
  }

  /**
   * The whole log.
   *
   * @throws CtxPackError `CTXPACK_E_TOO_LARGE` beyond {@link MAX_DOCUMENT}.
   */
  async whole(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.bytes()) {
      this.keepWhole();
      pieces.push(piece.slice());
    }
    return Buffer.concat(pieces);
  }

  /**
   * For an importer that keeps what it read: ends it when that is too much.
   *
   * @throws CtxPackError `CTXPACK_E_TOO_LARGE` once more than {@link MAX_DOCUMENT} bytes were read.
   */
  keepWhole(): void {
    if (this.#size <= MAX_DOCUMENT) return;
    const { file } = this.options;
    throw new CtxPackError(
      "CTXPACK_E_TOO_LARGE",
      `${visible(file)}: more than ${MAX_DOCUMENT} bytes in a log that has to be read whole`,
      { hint: "split the log", details: { file, expected: MAX_DOCUMENT } },
    );
  }

  /**
   * The one JSON value that the log is.
   *
   * @throws CtxPackError `CTXPACK_E_TRACE`, with the line, when it is none.
   */
  async document(): Promise<ParsedJson> {
    const text = decode(await this.whole());
    if (text === undefined) throw this.broken(0, "not UTF-8");
    try {
      return parseJson(text);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      throw this.broken(text.slice(0, error.offset).split("\n").length, error.message);
    }
  }

  /**
   * The lines of the log that are JSON; empty ones are none.
   *
   * @throws CtxPackError `CTXPACK_E_TRACE`, with the line, for one that is not, unless those are passed over.
   */
  async *lines(): AsyncGenerator<LogLine> {
    const { signal } = this.options;
    for await (const line of readLines(this.bytes(), { maxLine: MAX_LOG_LINE, signal })) {
      const parsed = line.tooLong ? `longer than ${MAX_LOG_LINE} bytes` : readLine(line.bytes);
      if (parsed === undefined) continue;
      if (typeof parsed !== "string") yield { ...parsed, line: line.number };
      else if (this.skipsUnended && !line.ended) this.#skip(line.number, parsed);
      else this.malformed(line.number, parsed);
    }
  }

  /** The values of a log that is one JSON value or lines of them. */
  async *values(): AsyncGenerator<JsonValue> {
    if (this.isLines) for await (const { value } of this.lines()) yield value;
    else yield (await this.document()).value;
  }

  /** Whether the log is lines of JSON: a document over several lines begins with one that is none. */
  get isLines(): boolean {
    const text = new TextDecoder().decode(this.head).trimStart();
    const end = text.indexOf("\n");
    if (end === -1 && !this.#isWhole) return true;
    const first = readLine(new TextEncoder().encode(end === -1 ? text : text.slice(0, end)));
    return typeof first === "object";
  }

  /**
   * Reports a line that is not what it should be.
   *
   * @throws CtxPackError `CTXPACK_E_TRACE` unless such lines are passed over.
   */
  malformed(line: number, message: string): void {
    if (!this.options.skipMalformed) throw this.broken(line, message);
    this.#skip(line, message);
  }

  #skip(line: number, message: string): void {
    if (this.#skipped.length < MAX_SKIPPED) this.#skipped.push({ line, message });
    else this.#skippedMore++;
    this.options.onMalformed?.({ line, message });
  }

  /** Lines that were passed over since the last call: the first of them, and how many more there were. */
  takeSkipped(): { readonly lines: readonly Malformed[]; readonly more: number } {
    const taken = { lines: this.#skipped, more: this.#skippedMore };
    this.#skipped = [];
    this.#skippedMore = 0;
    return taken;
  }

  /** The error for a log that cannot be read. */
  broken(line: number, message: string): CtxPackError {
    const { file } = this.options;
    const place = line > 0 ? `${file}:${line}` : file;
    return new CtxPackError("CTXPACK_E_TRACE", visible(`${place}: ${message}`), {
      hint: line > 0 ? "--skip-malformed passes over lines that cannot be read" : undefined,
      details: { file, line },
    });
  }

  #seen(bytes: Uint8Array): Uint8Array {
    this.#hash.update(bytes);
    this.#size += bytes.length;
    return bytes;
  }
}

/** The JSON of a line, why it is none, or undefined for an empty one. */
function readLine(bytes: Uint8Array): ParsedJson | string | undefined {
  const text = decode(bytes);
  if (text === undefined) return "not UTF-8";
  if (text.trim() === "") return undefined;
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return `not JSON: ${error.message} (column ${error.offset + 1})`;
  }
}

/** A byte order mark at the beginning is passed over. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The input in pieces of at most {@link SNIFF} bytes, however it comes: the head is looked at by regular expressions. */
async function* chunksOf(
  input: Uint8Array | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  for await (const chunk of input instanceof Uint8Array ? [input] : input) {
    for (let at = 0; at < chunk.length; at += SNIFF) yield chunk.subarray(at, at + SNIFF);
  }
}

/** A value that has members. */
export function isObject(
  value: JsonValue | undefined,
): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
