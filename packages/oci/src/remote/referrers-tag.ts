import { CtxPackError, type Digest } from "@ctxpack/identity";
import { describeBytes } from "../content.ts";
import type { Descriptor } from "../descriptor.ts";
import { splitDigest } from "../digest.ts";
import { type ImageIndex, isImageIndex, parseManifest } from "../manifest.ts";
import { IMAGE_INDEX_TYPE } from "../media-type.ts";
import type { Abortable, FetchedManifest, Manifests } from "./manifests.ts";
import { hasFault, statusOf } from "./registry-error.ts";
import { pause } from "./retry.ts";

/** How often a list that others write too is written again before that is an error. */
const ATTEMPTS = 20;
/**
 * What somebody else may need between reading the list and writing it, at least. How far away they are is not known
 * here: an entry is lost when a round trip of another writer takes longer than this.
 */
const SETTLE_MS = 500;

/** What others may still overwrite. */
export interface Written {
  /** Ends when it has been looked at again, and been written again if need be. Its failure is told whoever waits. */
  readonly looked: Promise<void>;
}

/** Nobody else writes it, or it stands there already. */
export const UNCONTESTED: Written = { looked: Promise.resolve() };

/** A list that this process is changing. */
interface Changing {
  /** What changes under way want in it, or want gone: the last word on each entry counts. */
  readonly wanted: Map<Digest, Descriptor | undefined>;
  /** What others had listed: what somebody's writing has lost is written again with ours. */
  readonly known: Map<Digest, Descriptor>;
  /** Reading and writing come one after the other. */
  turn: Promise<unknown>;
  changes: number;
}

/**
 * The list of referrers under a tag, for registries that keep none themselves (distribution-spec, "Referrers Tag
 * Schema"). Nothing there can be compared and swapped: who writes looks again when others have had the time to
 * overwrite it, and writes once more what they lost, theirs too.
 */
export class ReferrersTag {
  readonly #host: string;
  readonly #repository: string;
  readonly #manifests: Manifests;
  readonly #changing = new Map<Digest, Changing>();

  constructor(host: string, repository: string, manifests: Manifests) {
    this.#host = host;
    this.#repository = repository;
    this.#manifests = manifests;
  }

  /** What the list says; nothing when there is none. */
  async list(subject: Descriptor, options: Abortable): Promise<readonly Descriptor[]> {
    return (await this.#read(subject, options))?.manifests ?? [];
  }

  async add(subject: Descriptor, referrer: Descriptor, options: Abortable): Promise<Written> {
    return await this.#change(subject, referrer.digest, referrer, options);
  }

  async remove(subject: Descriptor, referrer: Digest, options: Abortable): Promise<Written> {
    return await this.#change(subject, referrer, undefined, options);
  }

  /** Resolves when it has been written. Several changes of one list are looked at again at the same time. */
  async #change(
    subject: Descriptor,
    digest: Digest,
    entry: Descriptor | undefined,
    options: Abortable,
  ): Promise<Written> {
    const list = this.#listOf(subject);
    list.changes++;
    const rewrite = (): Promise<number | undefined> =>
      inTurn(list, async () => await this.#rewrite(subject, list, options));
    const end = (): void => {
      if (--list.changes === 0) this.#changing.delete(subject.digest);
    };
    let gapMs: number | undefined;
    try {
      gapMs = await inTurn(list, async () => {
        list.wanted.set(digest, entry);
        return await this.#rewrite(subject, list, options);
      });
    } catch (error) {
      // Others must not write for us what we were told has failed.
      list.wanted.delete(digest);
      end();
      throw error;
    }
    const looked = this.#lookAgain(subject, gapMs, rewrite, options).finally(end);
    // Whoever waits for it is told.
    looked.catch(() => {});
    return { looked };
  }

  #listOf(subject: Descriptor): Changing {
    const there = this.#changing.get(subject.digest);
    if (there !== undefined) return there;
    const list: Changing = {
      wanted: new Map(),
      known: new Map(),
      turn: Promise.resolve(),
      changes: 0,
    };
    this.#changing.set(subject.digest, list);
    return list;
  }

  async #lookAgain(
    subject: Descriptor,
    firstGapMs: number | undefined,
    rewrite: () => Promise<number | undefined>,
    { signal }: Abortable,
  ): Promise<void> {
    let gapMs = firstGapMs;
    for (let attempt = 1; gapMs !== undefined; attempt++) {
      if (attempt > ATTEMPTS) throw this.#contended(subject);
      await pause((SETTLE_MS + 2 * gapMs) * (1 + Math.random()), signal);
      gapMs = await rewrite();
    }
  }

  /** Writes the list as it should be: how long that took, in milliseconds; `undefined` when it is so already. */
  async #rewrite(
    subject: Descriptor,
    list: Changing,
    options: Abortable,
  ): Promise<number | undefined> {
    const started = performance.now();
    const found = await this.#read(subject, options);
    const { known, wanted } = list;
    await this.#forgetRemoved(list, found?.manifests ?? [], options);
    for (const d of found?.manifests ?? []) known.set(d.digest, d);
    const all = new Map(known);
    for (const [digest, entry] of wanted) {
      if (entry === undefined) all.delete(digest);
      else if (!all.has(digest)) all.set(digest, entry);
    }
    if (sameKeys(all, found?.manifests ?? [])) return undefined;
    const written = await this.#write(subject, found, [...all.values()], options);
    // What was refused of ours stays wanted: a registry may be late to know it, and nobody must take it for listed.
    for (const digest of all.keys()) if (!written.has(digest)) known.delete(digest);
    return performance.now() - started;
  }

  /** An entry of others that is listed no more was lost, unless it was taken away with its manifest. */
  async #forgetRemoved(
    { known, wanted }: Changing,
    found: readonly Descriptor[],
    options: Abortable,
  ): Promise<void> {
    const listed = new Set(found.map((d) => d.digest));
    for (const digest of [...known.keys()]) {
      if (listed.has(digest) || wanted.has(digest)) continue;
      if ((await this.#manifests.find(digest, options)) === undefined) known.delete(digest);
    }
  }

  async #read(subject: Descriptor, options: Abortable): Promise<ImageIndex | undefined> {
    let found: FetchedManifest;
    try {
      found = await this.#manifests.get(referrersTag(subject.digest), options);
    } catch (error) {
      const isAbsent = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND";
      if (isAbsent) return undefined;
      throw error;
    }
    const index = parseManifest(found.bytes, found.descriptor);
    if (isImageIndex(index)) return index;
    const tag = `${this.#host}/${this.#repository}:${referrersTag(subject.digest)}`;
    throw new CtxPackError("CTXPACK_E_MANIFEST", `${tag} is no list of referrers`, {
      hint: "something else has taken the tag; remove it",
      details: { tag, mediaType: found.descriptor.mediaType },
    });
  }

  /** Writes the list, and says what is in it: a registry may refuse to list what is gone. */
  async #write(
    subject: Descriptor,
    found: ImageIndex | undefined,
    entries: readonly Descriptor[],
    options: Abortable,
  ): Promise<ReadonlySet<Digest>> {
    const tag = referrersTag(subject.digest);
    try {
      await this.#manifests.put(toManifest(found, entries), tag, options);
      return new Set(entries.map((d) => d.digest));
    } catch (error) {
      const namesAbsent = hasFault(
        error,
        "MANIFEST_BLOB_UNKNOWN",
        "BLOB_UNKNOWN",
        "MANIFEST_UNKNOWN",
      );
      if (!namesAbsent && statusOf(error) !== 400) throw error;
      const alive: Descriptor[] = [];
      for (const d of entries) {
        if ((await this.#manifests.find(d.digest, options)) !== undefined) alive.push(d);
      }
      if (alive.length === entries.length) throw error;
      await this.#manifests.put(toManifest(found, alive), tag, options);
      return new Set(alive.map((d) => d.digest));
    }
  }

  #contended(subject: Descriptor): CtxPackError {
    const tag = `${this.#host}/${this.#repository}:${referrersTag(subject.digest)}`;
    return new CtxPackError("CTXPACK_E_CONFLICT", `${tag} is written by too many at once`, {
      hint: "try again",
      details: { tag, attempts: ATTEMPTS },
    });
  }
}

/** Does work on a list when what was begun before has ended. */
async function inTurn<T>(list: Changing, work: () => Promise<T>): Promise<T> {
  const turn = list.turn.then(work);
  list.turn = turn.catch(() => {});
  return await turn;
}

function sameKeys(wanted: ReadonlyMap<Digest, Descriptor>, found: readonly Descriptor[]): boolean {
  // Others may have listed one of them twice.
  const listed = new Set(found.map((d) => d.digest));
  return wanted.size === listed.size && [...listed].every((digest) => wanted.has(digest));
}

function toManifest(
  found: ImageIndex | undefined,
  entries: readonly Descriptor[],
): FetchedManifest {
  const { annotations } = found ?? {};
  const index = {
    schemaVersion: 2,
    mediaType: IMAGE_INDEX_TYPE,
    manifests: entries,
    ...(annotations && { annotations }),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(index));
  return { descriptor: describeBytes(IMAGE_INDEX_TYPE, bytes), bytes };
}

/** The tag under which a registry without the API has them: `sha256-<hex>`, 64 digits at most of others. */
function referrersTag(subject: Digest): string {
  const { algorithm, hex } = splitDigest(subject);
  return `${algorithm}-${hex.slice(0, 64)}`;
}
