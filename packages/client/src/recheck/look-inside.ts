import { CtxPackError } from "@ctxpack/identity";
import type { OutputDifference } from "../difference.ts";
import type { ContentFile, Contents } from "./contents.ts";
import { type Content, differenceIn, firstByte } from "./first-byte.ts";
import { firstPointer, jsonFormOf } from "./json-pointer.ts";

/** So much is read of each side, all files together, in bytes. */
const MOST_READ = 256 << 20;

/** So long it may take, in ms. */
const MOST_MS = 10_000;

/** JSON files up to this size are parsed, in bytes. */
const MOST_JSON = 4 << 20;

/**
 * Says of files that differ where they do so first: the byte, and in a JSON file the value. Bounded in size and time;
 * what was not looked into, or is not at hand, stays as it is.
 */
export async function lookInside(
  differences: readonly OutputDifference[],
  before: Contents,
  after: Contents,
  signal: AbortSignal,
): Promise<readonly OutputDifference[]> {
  const look = new Look(before, after, signal);
  return await look.into(differences);
}

class Look {
  readonly #before: Contents;
  readonly #after: Contents;
  readonly #signal: AbortSignal;
  readonly #deadline: AbortSignal;
  #bytesLeft = MOST_READ;

  constructor(before: Contents, after: Contents, signal: AbortSignal) {
    this.#before = before;
    this.#after = after;
    this.#signal = signal;
    this.#deadline = AbortSignal.any([signal, AbortSignal.timeout(MOST_MS)]);
  }

  async into(differences: readonly OutputDifference[]): Promise<readonly OutputDifference[]> {
    const changed = differences.filter(({ kind }) => kind === "changed").map(({ path }) => path);
    const isReady = await this.#attempt(async () => {
      for (const side of [this.#before, this.#after]) await side.prepare?.(changed, this.#deadline);
      return true;
    });
    if (!isReady) return differences;
    const seen: OutputDifference[] = [];
    for (const difference of differences) {
      const where = await this.#attempt(() => this.#locate(difference));
      seen.push({ ...difference, ...where });
    }
    return seen;
  }

  /** That files differ is known; where is not worth failing for. */
  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    this.#signal.throwIfAborted();
    if (this.#deadline.aborted) return undefined;
    try {
      return await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      const isKnown = CtxPackError.isInstance(error) || isOfSystem(error);
      if (!isKnown && !this.#deadline.aborted) throw error;
      return undefined;
    }
  }

  async #locate({ path, kind }: OutputDifference): Promise<Partial<OutputDifference> | undefined> {
    if (kind !== "changed" || this.#bytesLeft <= 0) return undefined;
    const [before, after] = [this.#before.file(path), this.#after.file(path)];
    if (before === undefined || after === undefined) return undefined;
    const form = jsonFormOf(path);
    if (form !== undefined && Math.max(before.size, after.size) <= MOST_JSON) {
      const [a, b] = [await this.#whole(before), await this.#whole(after)];
      const byte = firstOf(a, b);
      const pointer = byte === undefined ? undefined : firstPointer(a, b, form);
      return { ...(byte !== undefined && { byte }), ...(pointer !== undefined && { pointer }) };
    }
    const [a, b] = [before.read(this.#deadline), after.read(this.#deadline)];
    const { byte, read } = await firstByte(a, b, this.#bytesLeft);
    this.#bytesLeft -= read;
    return byte === undefined ? undefined : { byte };
  }

  async #whole(file: ContentFile): Promise<Uint8Array> {
    this.#bytesLeft -= file.size;
    return await whole(file.read(this.#deadline));
  }
}

/** The first byte that differs: of contents in one piece. */
function firstOf(a: Uint8Array, b: Uint8Array): number | undefined {
  const shorter = Math.min(a.length, b.length);
  const at = differenceIn(a.subarray(0, shorter), b.subarray(0, shorter));
  if (at >= 0) return at;
  return a.length === b.length ? undefined : shorter;
}

async function whole(content: Content): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What somebody has removed meanwhile, say. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
