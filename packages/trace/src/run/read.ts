import { createHash } from "node:crypto";
import {
  CtxPackError,
  type CtxUri,
  canonicalize,
  type Digest,
  type JsonValue,
  sha256,
  uriOf,
} from "@ctxpack/identity";
import { readLines } from "../source/lines.ts";
import { checkHead, checkStep } from "./check.ts";
import { type ContentBlock, isStored, type StoredContent } from "./content.ts";
import type { RunHead } from "./head.ts";
import { contentPath, STEPS_PATH } from "./layout.ts";
import { MAX_CONTENT, MAX_HEAD, MAX_STEP_LINE } from "./limits.ts";
import type { Step } from "./step.ts";

/** Where the files of a run's pack are: a store, a folder, memory. */
export interface RunFiles {
  /**
   * The bytes of one file of the pack's tree.
   *
   * @throws CtxPackError `CTXPACK_E_NOT_FOUND` when there is none.
   */
  read(
    path: string,
    options: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<Uint8Array>;
}

/** How a run is read. */
export interface ReadRunOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How a content is read. */
export interface ReadContentOptions extends ReadRunOptions {
  /** In bytes; a larger content is refused before it is read. Default {@link MAX_CONTENT}. */
  readonly maxBytes?: number | undefined;
}

const LINES = { maxLine: MAX_STEP_LINE, stopAtTooLong: true };

/** A run that was packed. Nothing of it is believed before it was hashed. */
export class Run {
  readonly head: RunHead;
  /** The URI: the digest of the head's bytes. */
  readonly uri: CtxUri;
  readonly #files: RunFiles;

  constructor(head: RunHead, uri: CtxUri, files: RunFiles) {
    this.head = head;
    this.uri = uri;
    this.#files = files;
  }

  /**
   * The steps, one after the other, each checked; memory does not grow with their number. Whether they are the steps
   * of this run is known after the last one: what was done with the others until then has to be undone by the caller.
   *
   * @throws CtxPackError `CTXPACK_E_PACK` for a line that is no canonical step, `CTXPACK_E_DIGEST_MISMATCH` at the
   *   end when count or digest are not those of the head.
   */
  async *steps(options: ReadRunOptions = {}): AsyncGenerator<Step> {
    const { count, digest } = this.head.steps;
    const hash = createHash("sha256");
    let seq = 0;
    const bytes = this.#files.read(STEPS_PATH, options);
    for await (const line of readLines(bytes, { ...LINES, ...options })) {
      const what = `${STEPS_PATH}:${line.number}`;
      if (line.tooLong) throw damaged(`${what}: longer than ${MAX_STEP_LINE} bytes`);
      if (seq >= count)
        throw mismatch(`${STEPS_PATH} has more than the ${count} steps of its head`);
      hash.update(line.bytes).update(line.ended ? "\n" : "");
      yield readStep(line.bytes, seq++, what);
    }
    if (seq !== count) throw mismatch(`${STEPS_PATH} has ${seq} steps, its head says ${count}`);
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) throw mismatch(`${STEPS_PATH} is ${found}, its head says ${digest}`);
  }

  /**
   * The bytes of a content that is a file of the pack.
   *
   * @throws CtxPackError `CTXPACK_E_TOO_LARGE` when it says it has more than `maxBytes`, `CTXPACK_E_SIZE_MISMATCH`
   *   or `CTXPACK_E_DIGEST_MISMATCH` when it is not what its name says.
   */
  async content(
    stored: Pick<StoredContent, "digest" | "size">,
    options: ReadContentOptions = {},
  ): Promise<Uint8Array> {
    const path = contentPath(stored.digest);
    const limit = options.maxBytes ?? MAX_CONTENT;
    if (stored.size > limit) {
      throw new CtxPackError(
        "CTXPACK_E_TOO_LARGE",
        `${path}: ${stored.size} bytes; the limit is ${limit}`,
      );
    }
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of this.#files.read(path, { signal: options.signal })) {
      options.signal?.throwIfAborted();
      size += piece.length;
      if (size > stored.size) break;
      pieces.push(piece.slice());
    }
    if (size !== stored.size) {
      const more = size > stored.size ? "more than" : `${size} bytes,`;
      throw new CtxPackError(
        "CTXPACK_E_SIZE_MISMATCH",
        `${path}: ${more} the ${stored.size} bytes expected`,
      );
    }
    const bytes = Buffer.concat(pieces);
    checkDigest(bytes, stored.digest, path);
    return bytes;
  }

  /** The text of a block: that in the line, or that of its file. JSON values are canonical text. */
  async text(block: ContentBlock, options: ReadContentOptions = {}): Promise<string | undefined> {
    if ("text" in block) return block.text;
    if ("value" in block) return canonicalize(block.value);
    return isStored(block)
      ? new TextDecoder().decode(await this.content(block, options))
      : undefined;
  }
}

/**
 * A run that was packed, from its config blob and the files of its tree.
 *
 * @throws CtxPackError `CTXPACK_E_PACK` for a config blob that is no canonical run head.
 */
export function readRun(config: Uint8Array, files: RunFiles): Run {
  return new Run(parseRunHead(config), uriOf(sha256(config)), files);
}

/**
 * The head that a config blob holds.
 *
 * @throws CtxPackError `CTXPACK_E_PACK` when it is no canonical run head.
 */
export function parseRunHead(config: Uint8Array): RunHead {
  if (config.length > MAX_HEAD) throw damaged(`the run head has more than ${MAX_HEAD} bytes`);
  return checkHead(parseCanonical(config, "the run head"), "the run head", "CTXPACK_E_PACK");
}

function readStep(bytes: Uint8Array, seq: number, what: string): Step {
  const step = checkStep(parseCanonical(bytes, what), what, "CTXPACK_E_PACK");
  if (step.seq !== seq) throw damaged(`${what}: seq is ${step.seq}, expected ${seq}`);
  return step;
}

/** What is not canonical could be read in more than one way, and would be another run by the same words. */
function parseCanonical(bytes: Uint8Array, what: string): JsonValue {
  let text: string;
  let value: JsonValue;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text) as JsonValue;
    if (canonicalize(value) === text) return value;
  } catch (cause) {
    throw damaged(`${what}: no canonical JSON`, cause);
  }
  throw damaged(`${what}: JSON that is not canonical`);
}

function checkDigest(bytes: Uint8Array, digest: Digest, path: string): void {
  const found = sha256(bytes);
  if (found !== digest) throw mismatch(`${path}: its bytes are ${found}`);
}

function mismatch(message: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", message, {
    hint: "the pack is damaged; fetch it again",
  });
}

function damaged(message: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_PACK", message, {
    cause,
    hint: "this is no run that ctxpack wrote",
  });
}
