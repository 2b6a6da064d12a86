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

/**
 * The list of referrers under a tag, for registries that keep none themselves (distribution-spec, "Referrers Tag
 * Schema"). Nothing there can be compared and swapped: who writes looks again when others have had the time to
 * overwrite it, and writes once more what they lost, theirs too.
 */
export class ReferrersTag {
  readonly #host: string;
  readonly #repository: string;
  readonly #manifests: Manifests;
  /** In one process they come one after the other. */
  readonly #turns = new Map<Digest, Promise<void>>();

  constructor(host: string, repository: string, manifests: Manifests) {
    this.#host = host;
    this.#repository = repository;
    this.#manifests = manifests;
  }

  /** What the list says; nothing when there is none. */
  async list(subject: Descriptor, options: Abortable): Promise<readonly Descriptor[]> {
    return (await this.#read(subject, options))?.manifests ?? [];
  }

  async add(subject: Descriptor, referrer: Descriptor, options: Abortable): Promise<void> {
    await this.#change(subject, options, (listed) =>
      listed.has(referrer.digest) ? listed : new Map(listed).set(referrer.digest, referrer),
    );
  }

  async remove(subject: Descriptor, referrer: Digest, options: Abortable): Promise<void> {
    await this.#change(subject, options, (listed) => {
      if (!listed.has(referrer)) return listed;
      const rest = new Map(listed);
      rest.delete(referrer);
      return rest;
    });
  }

  async #change(subject: Descriptor, options: Abortable, change: Change): Promise<void> {
    const before = this.#turns.get(subject.digest) ?? Promise.resolve();
    const turn = before.then(() => this.#changeNow(subject, options, change));
    const ended = turn.catch(() => {});
    this.#turns.set(subject.digest, ended);
    try {
      await turn;
    } finally {
      if (this.#turns.get(subject.digest) === ended) this.#turns.delete(subject.digest);
    }
  }

  async #changeNow(subject: Descriptor, options: Abortable, change: Change): Promise<void> {
    // What others had listed and somebody's writing has lost is written again with ours.
    const known = new Map<Digest, Descriptor>();
    for (let attempt = 1; ; attempt++) {
      const started = performance.now();
      const found = await this.#read(subject, options);
      for (const d of found?.manifests ?? []) known.set(d.digest, d);
      const wanted = change(known);
      if (sameKeys(wanted, found?.manifests ?? [])) return;
      if (attempt > ATTEMPTS) throw this.#contended(subject);
      const written = await this.#write(subject, found, [...wanted.values()], options);
      for (const digest of known.keys()) if (!written.has(digest)) known.delete(digest);
      const gapMs = performance.now() - started;
      await pause((SETTLE_MS + 2 * gapMs) * (1 + Math.random()), options.signal);
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

type Listed = ReadonlyMap<Digest, Descriptor>;
type Change = (listed: Listed) => Listed;

function sameKeys(wanted: Listed, found: readonly Descriptor[]): boolean {
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
