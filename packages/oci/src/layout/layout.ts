import { realpath } from "node:fs/promises";
import { resolve as absolute } from "node:path";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import { abortable } from "../abort.ts";
import { fetchBytes } from "../content.ts";
import type { Descriptor } from "../descriptor.ts";
import { isBlobDigest } from "../digest.ts";
import { diskError } from "../disk.ts";
import { MANIFEST_LIMIT, parseManifest } from "../manifest.ts";
import { hasSuccessors } from "../media-type.ts";
import { expectTag } from "../reference.ts";
import { type BlobSource, bytesSource } from "../source.ts";
import type {
  Deleter,
  FetchOptions,
  OperationOptions,
  ReferrerLister,
  ReferrerOptions,
  Resolver,
  Storage,
  Tagger,
  TagLister,
  TagOptions,
  Untagger,
} from "../target.ts";
import { blobPath, blobSize, missingBlob, readBlob, writeBlob } from "./blobs.ts";
import { Catalog } from "./catalog.ts";
import { checkFolders, checkLayoutFile, mayBecomeLayout } from "./folder.ts";
import {
  type IndexEntry,
  type IndexFile,
  namedEntries,
  newEntry,
  renamedEntry,
  withEntry,
  withoutEntries,
} from "./index-file.ts";
import { sweep, touchBlob } from "./sweep.ts";
import { LayoutWriter, readIndexFile } from "./writer.ts";

export interface OpenLayoutOptions {
  /** Makes the layout if `dir` is not there or empty. */
  readonly create?: boolean | undefined;
  /** Never writes anything, also no lock file. */
  readonly readOnly?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * An OCI image layout: a folder with `oci-layout`, `index.json` and `blobs/`, as skopeo and umoci
 * read and write it. Many processes may write to one at a time; whoever only reads takes no lock,
 * for `index.json` and blobs are replaced by a rename and never change in place.
 */
export class OciLayout
  implements Storage, Resolver, Tagger, Untagger, TagLister, ReferrerLister, Deleter
{
  /** Absolute, links resolved. */
  readonly dir: string;
  readonly #catalog: Catalog;
  readonly #writer: LayoutWriter | undefined;

  private constructor(dir: string, readOnly: boolean) {
    this.dir = dir;
    this.#catalog = new Catalog(dir, {
      exists: (d, o) => this.exists(d, o),
      fetch: (d, o) => this.fetch(d, o),
      findBlob: (digest) => blobSize(this.blobPath(digest)),
    });
    this.#writer = readOnly ? undefined : new LayoutWriter(dir);
  }

  /**
   * Opens the layout in `dir`; what dead writers left in it is removed, unless `readOnly`. Throws
   * CTXPACK_E_PATH_NOT_FOUND when there is none, CTXPACK_E_LAYOUT when its folders or files are links
   * or not what they should be, CTXPACK_E_USAGE when `create` is asked for in a folder that holds
   * something else.
   */
  static async open(dir: string, options: OpenLayoutOptions = {}): Promise<OciLayout> {
    options.signal?.throwIfAborted();
    if (options.create === true && options.readOnly !== true) {
      await createIfAbsent(absolute(dir), options.signal);
    }
    let real: string;
    try {
      real = await realpath(dir);
    } catch (error) {
      throw diskError(error, `${dir} cannot be opened`, dir);
    }
    await checkLayoutFile(real);
    await checkFolders(real);
    const layout = new OciLayout(real, options.readOnly === true);
    await layout.#writer?.scratch.clear(options.signal);
    return layout;
  }

  /** The file a blob has or would have. Throws CTXPACK_E_REFERENCE. */
  blobPath(d: Descriptor | Digest): string {
    return blobPath(this.dir, typeof d === "string" ? d : d.digest);
  }

  async exists(d: Descriptor, options: OperationOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const path = this.blobPath(d);
    const exists = (await blobSize(path)) === d.size;
    // Whoever writes here and asks will count on it.
    if (exists && this.#writer !== undefined) await touchBlob(path);
    return exists;
  }

  fetch(d: Descriptor, options: FetchOptions = {}): AsyncIterable<Uint8Array> {
    return readBlob(this.blobPath(d), d, options);
  }

  /**
   * Stores a blob. A manifest is parsed first (CTXPACK_E_MANIFEST), and listed in `index.json` if
   * it has a `subject`, for that is where its subject's referrers are found.
   */
  async push(d: Descriptor, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const writer = this.#writable();
    if (source.size !== d.size) {
      throw new CtxPackError(
        "CTXPACK_E_SIZE_MISMATCH",
        `blob ${d.digest} is offered with ${source.size} bytes, expected ${d.size}`,
      );
    }
    if (!hasSuccessors(d.mediaType)) return this.#store(writer, d, source, options);
    const { signal } = options;
    const offered = { fetch: () => abortable(source.open(), signal) };
    const bytes = await fetchBytes(offered, d, { maxBytes: MANIFEST_LIMIT });
    const { subject } = parseManifest(bytes, d);
    await this.#store(writer, d, bytesSource(bytes), options);
    if (subject === undefined) return;
    await writer.update(options, (file) =>
      file.entries.some((e) => e.descriptor?.digest === d.digest)
        ? file
        : withEntry(file, newEntry(d, { subject: subject.digest })),
    );
  }

  async resolve(reference: string, options: OperationOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return this.#catalog.resolve(await readIndexFile(this.dir), reference, options.signal);
  }

  /**
   * Points a tag at a manifest; `expected` is compared under the lock, so of two writers that
   * expect `null` one gets CTXPACK_E_CONFLICT. A reference that is the manifest's own digest lists
   * it without a tag.
   */
  async tag(d: Descriptor, reference: string, options: TagOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const writer = this.#writable();
    const name = reference === d.digest ? undefined : reference;
    if (name !== undefined) expectTag(name);
    if (!hasSuccessors(d.mediaType)) {
      throw new CtxPackError("CTXPACK_E_USAGE", `${d.mediaType} is no manifest and has no tags`);
    }
    await writer.update(options, async (file) => {
      if (!(await this.exists(d))) throw missingBlob(d, this.dir);
      const subject = await this.#catalog.subjectOf(d, options.signal);
      if (name === undefined) return withListed(file, newEntry(d, { subject }));
      const named = namedEntries(file, name);
      const current = named.map((e) => e.descriptor?.digest);
      if (current.length === 1 && current[0] === d.digest) return file;
      checkExpected(name, current, options.expected, this.dir);
      const untagged = file.entries.find((e) => e.descriptor?.digest === d.digest && !e.name);
      const entry = newEntry(d, { name, subject });
      const rest = await this.#withoutNames(file, named);
      return untagged === undefined
        ? withEntry(rest, entry)
        : withEntry(rest, renamedEntry(untagged, name), untagged);
    });
  }

  /** Takes a tag away. A digest is no name: CTXPACK_E_REFERENCE, for `delete` is what it takes. */
  async untag(reference: string, options: OperationOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const writer = this.#writable();
    if (isBlobDigest(reference)) {
      throw new CtxPackError("CTXPACK_E_REFERENCE", `${reference} is a digest, not a tag`);
    }
    await writer.update(options, async (file) => {
      const named = namedEntries(file, reference);
      if (named.length === 0) await this.#catalog.resolve(file, reference, options.signal);
      return this.#withoutNames(file, named);
    });
  }

  async *tags(options: OperationOptions = {}): AsyncGenerator<string> {
    options.signal?.throwIfAborted();
    yield* this.#catalog.tags(await readIndexFile(this.dir));
  }

  async *referrers(subject: Descriptor, options: ReferrerOptions = {}): AsyncGenerator<Descriptor> {
    options.signal?.throwIfAborted();
    yield* this.#catalog.referrers(await readIndexFile(this.dir), subject, options);
  }

  /** Removes one blob, and its tags; what a manifest refers to stays. */
  async delete(d: Descriptor, options: OperationOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const path = this.blobPath(d);
    await this.#writable().update(
      options,
      (file) => {
        const gone = file.entries.filter((e) => e.descriptor?.digest === d.digest);
        return gone.length === 0 ? file : withoutEntries(file, gone);
      },
      path,
    );
  }

  /**
   * Removes the blobs that nothing in `index.json` leads to, but for those of the last hour: they may belong to a
   * push that has not come to its manifest yet. Gives back how many, and their bytes.
   */
  async sweep(
    options: OperationOptions = {},
  ): Promise<{ readonly blobs: number; readonly bytes: number }> {
    options.signal?.throwIfAborted();
    let removed = { blobs: 0, bytes: 0 };
    await this.#writable().update(options, async (file) => {
      removed = await sweep(this.dir, file, this, options.signal);
      return file;
    });
    return removed;
  }

  async #store(
    writer: LayoutWriter,
    d: Descriptor,
    source: BlobSource,
    options: OperationOptions,
  ): Promise<void> {
    if (await this.exists(d)) return;
    const blob = { descriptor: d, source };
    await writer.scratch.use(
      (scratch) => writeBlob(this.dir, blob, { ...options, scratch }),
      options.signal,
    );
  }

  /** Takes tags away. A proof or other referrer stays listed, or its subject would lose it. */
  async #withoutNames(file: IndexFile, named: readonly IndexEntry[]): Promise<IndexFile> {
    let result = file;
    for (const entry of named) {
      const d = entry.descriptor as Descriptor;
      const others = result.entries.some((e) => e !== entry && e.descriptor?.digest === d.digest);
      const keep = !others && (await this.#isReferrer(d));
      result = keep
        ? withEntry(result, renamedEntry(entry, undefined), entry)
        : withoutEntries(result, [entry]);
    }
    return result;
  }

  async #isReferrer(d: Descriptor): Promise<boolean> {
    try {
      return (await this.#catalog.subjectOf(d)) !== undefined;
    } catch (error) {
      if (CtxPackError.isInstance(error)) return false;
      throw error;
    }
  }

  #writable(): LayoutWriter {
    if (this.#writer !== undefined) return this.#writer;
    throw new CtxPackError("CTXPACK_E_UNSUPPORTED", `${this.dir} was opened for reading only`);
  }
}

async function createIfAbsent(dir: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    return await checkLayoutFile(dir);
  } catch (error) {
    const absent = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PATH_NOT_FOUND";
    if (!absent) throw error;
  }
  if (!(await mayBecomeLayout(dir))) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${dir} holds something that is no image layout`, {
      hint: "choose an empty or new folder",
      details: { path: dir },
    });
  }
  await new LayoutWriter(dir).create(signal);
}

function withListed(file: IndexFile, entry: IndexEntry): IndexFile {
  const digest = entry.descriptor?.digest;
  const listed = file.entries.some((e) => e.descriptor?.digest === digest);
  return listed ? file : withEntry(file, entry);
}

function checkExpected(
  name: string,
  current: readonly (Digest | undefined)[],
  expected: Digest | null | undefined,
  dir: string,
): void {
  if (expected === undefined) return;
  const absent = expected === null && current.length === 0;
  if (absent || (current.length > 0 && current.every((d) => d === expected))) return;
  const found = current[0] ?? null;
  throw new CtxPackError(
    "CTXPACK_E_CONFLICT",
    `tag ${name} of ${dir} points at ${found ?? "nothing"}, expected ${expected ?? "nothing"}`,
    { hint: "somebody else moved it; look at it again", details: { tag: name, expected, found } },
  );
}
