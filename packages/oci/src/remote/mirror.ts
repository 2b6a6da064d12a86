import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Descriptor } from "../descriptor.ts";
import { isBlobDigest } from "../digest.ts";
import type {
  FetchOptions,
  OperationOptions,
  ReadOnlyTarget,
  ReferrerLister,
  ReferrerOptions,
  TagLister,
} from "../target.ts";
import { Verifier } from "../verify.ts";
import type { Repository } from "./repository.ts";

/** A repository that can be read only, through mirrors too. */
export type MirroredRepository = ReadOnlyTarget & TagLister & ReferrerLister;

/**
 * Reads a repository through mirrors: what has a digest from the first mirror that has it, else from the
 * repository itself; a tag from the repository itself, for a mirror may lag behind, and from a mirror only when the
 * repository cannot be reached, and never without `tags` (true unless said). Every byte is verified wherever it comes from;
 * what a tag leads to cannot be.
 */
export function mirrored(
  primary: Repository,
  mirrors: readonly Repository[],
  options: {
    readonly tags?: boolean | undefined;
    readonly onWarning?: ((text: string) => void) | undefined;
  } = {},
): MirroredRepository {
  return new Mirrored(primary, mirrors, options);
}

class Mirrored implements MirroredRepository {
  readonly #primary: Repository;
  readonly #mirrors: readonly Repository[];
  readonly #withTags: boolean;
  readonly #warn: (text: string) => void;
  /** Not asked again: one that was down is down for the next blob too. */
  readonly #failed = new Set<Repository>();
  /** Who gave the end of a blob, which cannot be verified: not asked when somebody then wants the whole. */
  readonly #unproven = new Map<Digest, Set<Repository>>();

  constructor(
    primary: Repository,
    mirrors: readonly Repository[],
    { tags = true, onWarning = () => {} }: NonNullable<Parameters<typeof mirrored>[2]>,
  ) {
    this.#primary = primary;
    this.#mirrors = mirrors;
    this.#withTags = tags;
    this.#warn = onWarning;
  }

  async exists(d: Descriptor, options: OperationOptions = {}): Promise<boolean> {
    return this.#primary.exists(d, options);
  }

  async *fetch(d: Descriptor, options: FetchOptions = {}): AsyncGenerator<Uint8Array> {
    const { offset, length } = options.range ?? { offset: 0, length: d.size };
    const mirrors = this.#alive();
    if (offset > 0 || length < d.size) {
      const used = offset + length === d.size ? this.#unprovenOf(d) : new Set<Repository>();
      yield* this.#chunks(d, offset, offset + length, { ...options, mirrors, used });
      return;
    }
    const used = new Set<Repository>();
    const unproven = this.#unproven.get(d.digest);
    const trusted = mirrors.filter((mirror) => unproven?.has(mirror) !== true);
    // Verified here though the caller may do it too: who sent other bytes is not to be asked once more.
    const verifier = new Verifier(d);
    try {
      for await (const chunk of this.#chunks(d, 0, d.size, {
        ...options,
        mirrors: trusted,
        used,
      })) {
        verifier.update(chunk);
        yield chunk;
      }
      verifier.end();
    } catch (error) {
      if (isMismatch(error)) for (const mirror of used) this.#passOver(mirror, error, undefined);
      throw error;
    }
  }

  #unprovenOf({ digest }: Descriptor): Set<Repository> {
    const known = this.#unproven.get(digest) ?? new Set();
    this.#unproven.set(digest, known);
    return known;
  }

  /** What one source has given is not given twice: the next one goes on where it stopped. */
  async *#chunks(
    d: Descriptor,
    start: number,
    end: number,
    { mirrors, used, ...options }: FetchOptions & Sources,
  ): AsyncGenerator<Uint8Array> {
    let at = start;
    for (const mirror of mirrors) {
      try {
        const range = { offset: at, length: end - at };
        for await (const chunk of mirror.fetch(d, { ...options, range })) {
          at += chunk.length;
          used.add(mirror);
          yield chunk;
        }
        return;
      } catch (error) {
        this.#passOver(mirror, error, options.signal);
      }
    }
    const range = { offset: at, length: end - at };
    yield* this.#primary.fetch(d, { ...options, range });
  }

  async resolve(reference: string, options: OperationOptions = {}): Promise<Descriptor> {
    const first = isBlobDigest(reference) ? this.#alive() : [];
    for (const mirror of first) {
      try {
        return await mirror.resolve(reference, options);
      } catch (error) {
        this.#passOver(mirror, error, options.signal);
      }
    }
    try {
      return await this.#primary.resolve(reference, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isDown(error) || !(this.#withTags || isBlobDigest(reference))) throw error;
      for (const mirror of this.#alive()) {
        try {
          const found = await mirror.resolve(reference, options);
          this.#warn(
            `${this.#primary.address} cannot be reached: ${reference} is what the mirror ${mirror.address} has`,
          );
          return found;
        } catch (cause) {
          this.#passOver(mirror, cause, options.signal);
        }
      }
      throw error;
    }
  }

  tags(options: OperationOptions = {}): AsyncIterable<string> {
    return this.#primary.tags(options);
  }

  referrers(subject: Descriptor, options: ReferrerOptions = {}): AsyncIterable<Descriptor> {
    return this.#primary.referrers(subject, options);
  }

  #alive(): readonly Repository[] {
    return this.#mirrors.filter((mirror) => !this.#failed.has(mirror));
  }

  /** A mirror that does not have it is asked for the next thing; one that fails is not. */
  #passOver(mirror: Repository, error: unknown, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    if (error.code === "CTXPACK_E_NOT_FOUND") return;
    this.#failed.add(mirror);
    this.#warn(`the mirror ${mirror.address} was passed over: ${error.message}`);
  }
}

interface Sources {
  /** Asked in this order, before the repository itself. */
  readonly mirrors: readonly Repository[];
  /** Those that gave something are added. */
  readonly used: Set<Repository>;
}

function isMismatch(error: unknown): boolean {
  return (
    CtxPackError.isInstance(error) &&
    (error.code === "CTXPACK_E_DIGEST_MISMATCH" || error.code === "CTXPACK_E_SIZE_MISMATCH")
  );
}

function isDown(error: unknown): boolean {
  return CtxPackError.isInstance(error) && error.code === "CTXPACK_E_UNAVAILABLE";
}
