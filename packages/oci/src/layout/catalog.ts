import { CtxPackError, type Digest } from "@ctxpack/identity";
import { fetchBytes } from "../content.ts";
import type { Descriptor } from "../descriptor.ts";
import { isBlobDigest } from "../digest.ts";
import {
  artifactTypeOf,
  isImageIndex,
  MANIFEST_LIMIT,
  parseManifest,
  successors,
} from "../manifest.ts";
import { hasSuccessors, isIndexType } from "../media-type.ts";
import type { ReadOnlyStorage, ReferrerOptions } from "../target.ts";
import { type IndexEntry, type IndexFile, namedEntries, SUBJECT_HINT } from "./index-file.ts";

/** More nesting than this is not looked into; real indexes have one level. */
const MAX_DEPTH = 4;

/** What finding needs to know of a manifest: what it is about, or what it lists. */
interface Facts {
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly manifests: readonly Descriptor[];
}

/**
 * Finds manifests in an image layout, be it a folder or an archive: by tag, by digest, by subject.
 */
export class Catalog {
  readonly #storage: ReadOnlyStorage & { findBlob(digest: Digest): Promise<number | undefined> };
  readonly #where: string;
  // A manifest never changes under its digest, so what was read once is true for good.
  readonly #facts = new Map<Digest, Facts>();

  constructor(
    where: string,
    storage: ReadOnlyStorage & { findBlob(digest: Digest): Promise<number | undefined> },
  ) {
    this.#where = where;
    this.#storage = storage;
  }

  /** The manifest a tag or digest leads to. Throws CTXPACK_E_NOT_FOUND, CTXPACK_E_AMBIGUOUS. */
  async resolve(file: IndexFile, reference: string, signal?: AbortSignal): Promise<Descriptor> {
    if (isBlobDigest(reference)) return this.#byDigest(file, reference as Digest, signal);
    const found = namedEntries(file, reference);
    const digests = new Set(found.map((e) => e.descriptor?.digest));
    if (digests.size > 1) {
      throw new CtxPackError(
        "CTXPACK_E_AMBIGUOUS",
        `${this.#where} has ${digests.size} manifests tagged ${reference}`,
        { hint: "name one by its digest", details: { candidates: [...digests] } },
      );
    }
    const entry = found[0];
    if (entry === undefined) throw this.#notFound(reference, file);
    return outwardDescriptor(entry);
  }

  /** All tags, sorted, each once. */
  tags(file: IndexFile): string[] {
    const names = file.entries.flatMap((e) => (e.descriptor && e.name ? [e.name] : []));
    return [...new Set(names)].sort();
  }

  /** The manifests whose `subject` is `subject`, those inside nested image indexes too. */
  async *referrers(
    file: IndexFile,
    subject: Descriptor,
    options: ReferrerOptions,
  ): AsyncGenerator<Descriptor> {
    const seen = new Set<Digest>();
    let level = file.entries.flatMap((e) => (mayRefer(e, subject) ? [e.descriptor] : []));
    for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
      const next: Descriptor[] = [];
      for (const d of level) {
        if (seen.has(d.digest) || !hasSuccessors(d.mediaType)) continue;
        seen.add(d.digest);
        const facts = await this.#factsIfPresent(d, options.signal);
        if (facts === undefined) continue;
        next.push(...facts.manifests);
        if (facts.subject !== subject.digest) continue;
        const { artifactType } = options;
        if (artifactType === undefined || artifactType === facts.artifactType) {
          yield referrerDescriptor(d, facts);
        }
      }
      level = next;
    }
  }

  /** The digest of a manifest's subject. Throws what reading and parsing it throw. */
  async subjectOf(d: Descriptor, signal?: AbortSignal): Promise<Digest | undefined> {
    return (await this.#read(d, signal)).subject;
  }

  async #byDigest(file: IndexFile, digest: Digest, signal?: AbortSignal): Promise<Descriptor> {
    const entry = file.entries.find((e) => e.descriptor?.digest === digest);
    if (entry !== undefined) return outwardDescriptor(entry);
    // A manifest that only another index lists, or that was copied without a tag.
    const size = await this.#storage.findBlob(digest);
    if (size === undefined || size > MANIFEST_LIMIT) throw this.#notFound(digest, file);
    const untyped = { mediaType: "application/octet-stream", digest, size };
    const bytes = await fetchBytes(this.#storage, untyped, { maxBytes: MANIFEST_LIMIT, signal });
    try {
      return { mediaType: parseManifest(bytes).mediaType, digest, size };
    } catch (cause) {
      if (!CtxPackError.isInstance(cause)) throw cause;
      throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${digest} in ${this.#where} is no manifest`, {
        cause,
      });
    }
  }

  /** A layout need not be whole: a listed manifest that is gone refers to nothing. */
  async #factsIfPresent(d: Descriptor, signal?: AbortSignal): Promise<Facts | undefined> {
    try {
      return await this.#read(d, signal);
    } catch (error) {
      if (CtxPackError.isInstance(error)) return undefined;
      throw error;
    }
  }

  async #read(d: Descriptor, signal?: AbortSignal): Promise<Facts> {
    const known = this.#facts.get(d.digest);
    if (known !== undefined) return known;
    const bytes = await fetchBytes(this.#storage, d, { maxBytes: MANIFEST_LIMIT, signal });
    const manifest = parseManifest(bytes, d);
    const facts: Facts = {
      subject: manifest.subject?.digest,
      artifactType: artifactTypeOf(manifest),
      annotations: manifest.subject && manifest.annotations,
      manifests: isImageIndex(manifest) ? successors(manifest) : [],
    };
    this.#facts.set(d.digest, facts);
    return facts;
  }

  #notFound(reference: string, file: IndexFile): CtxPackError {
    const tags = this.tags(file);
    const some = tags.slice(0, 5).join(", ");
    return new CtxPackError("CTXPACK_E_NOT_FOUND", `${this.#where} has no ${reference}`, {
      hint:
        tags.length === 0
          ? "it has no tags"
          : `it has ${tags.length > 5 ? `${some} and ${tags.length - 5} more` : some}`,
      details: { reference, layout: this.#where },
    });
  }
}

function mayRefer(
  entry: IndexEntry,
  subject: Descriptor,
): entry is IndexEntry & { readonly descriptor: Descriptor } {
  const d = entry.descriptor;
  if (d === undefined || !hasSuccessors(d.mediaType)) return false;
  const hint = d.annotations?.[SUBJECT_HINT];
  return hint === undefined || hint === subject.digest || isIndexType(d.mediaType);
}

/** The descriptor of an entry without the names this layout gave it. */
function outwardDescriptor(entry: IndexEntry): Descriptor {
  const { annotations: _, ...d } = entry.descriptor as Descriptor;
  return d;
}

function referrerDescriptor(d: Descriptor, facts: Facts): Descriptor {
  const { mediaType, digest, size } = d;
  const { artifactType, annotations } = facts;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  };
}
