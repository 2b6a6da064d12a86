import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { resolve as absolute } from "node:path";
import { CtxPackError, type Digest } from "@ctxpack/identity";
import type { Descriptor } from "../descriptor.ts";
import { splitDigest } from "../digest.ts";
import { diskError } from "../disk.ts";
import { checkRange, missingBlob } from "../layout/blobs.ts";
import { Catalog } from "../layout/catalog.ts";
import { isLayoutFile } from "../layout/folder.ts";
import { type IndexFile, parseIndexFile } from "../layout/index-file.ts";
import type { OciLayout } from "../layout/layout.ts";
import { readRange } from "../source.ts";
import type {
  FetchOptions,
  OperationOptions,
  ReadOnlyStorage,
  ReferrerLister,
  ReferrerOptions,
  Resolver,
  TagLister,
} from "../target.ts";
import { verified } from "../verify.ts";
import { listMembers, type Member, readAt } from "./members.ts";
import { writeArchive } from "./write.ts";

const INDEX_LIMIT = 64 << 20;

/** What an open archive was when its members were listed. */
interface State {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * An OCI image layout in one tar file, as skopeo's `oci-archive:` reads and writes it. It is read
 * where it lies, nothing is unpacked; no file stays open between calls.
 */
export class OciArchive implements ReadOnlyStorage, Resolver, TagLister, ReferrerLister {
  /** Absolute. */
  readonly file: string;
  readonly #state: State;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #index: IndexFile;
  readonly #catalog: Catalog;

  private constructor(
    file: string,
    content: { state: State; members: ReadonlyMap<string, Member>; index: IndexFile },
  ) {
    this.file = file;
    this.#state = content.state;
    this.#members = content.members;
    this.#index = content.index;
    this.#catalog = new Catalog(file, {
      exists: (d, o) => this.exists(d, o),
      fetch: (d, o) => this.fetch(d, o),
      findBlob: async (digest) => this.#members.get(memberName(digest))?.size,
    });
  }

  /**
   * Lists the members of an archive. Throws CTXPACK_E_PATH_NOT_FOUND, CTXPACK_E_LAYOUT when it is no
   * layout or a member has a name, kind or size that none may have.
   */
  static async open(
    file: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<OciArchive> {
    const path = absolute(file);
    options.signal?.throwIfAborted();
    await using handle = await openFile(path);
    const state = await handle.stat();
    if (!state.isFile()) {
      throw new CtxPackError("CTXPACK_E_LAYOUT", `archive ${path} is not a regular file`, {
        ...(state.isDirectory() && { hint: `write oci:${file} for a folder` }),
        details: { path },
      });
    }
    const { signal } = options;
    const members = await listMembers(handle, { path, size: state.size, signal });
    const read = async (name: string, limit: number): Promise<Uint8Array> => {
      const member = members.get(name);
      if (member === undefined || member.size > limit) {
        throw new CtxPackError("CTXPACK_E_LAYOUT", `archive ${path} has no usable ${name}`, {
          hint: "is it the archive of an OCI image layout? A `docker save` of old is none",
          details: { path },
        });
      }
      return readAt(handle, member.offset, member.size, path);
    };
    if (!isLayoutFile(await read("oci-layout", 4096))) {
      throw new CtxPackError("CTXPACK_E_LAYOUT", `archive ${path} has another layout version`);
    }
    const index = parseIndexFile(await read("index.json", INDEX_LIMIT), `${path}: index.json`);
    return new OciArchive(path, { state, members, index });
  }

  /**
   * Writes what a layout's `index.json` leads to as an archive: members sorted, no times, no owners,
   * so that the same content is the same file. It appears in one rename. Throws CTXPACK_E_NOT_FOUND
   * when the layout lacks a blob, and what reading it throws.
   */
  static write(file: string, layout: OciLayout, options: OperationOptions = {}): Promise<void> {
    return writeArchive(absolute(file), layout, options);
  }

  async exists(d: Descriptor, options: OperationOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    return this.#members.get(memberName(d.digest))?.size === d.size;
  }

  async *fetch(d: Descriptor, options: FetchOptions = {}): AsyncGenerator<Uint8Array> {
    options.signal?.throwIfAborted();
    const member = this.#members.get(memberName(d.digest));
    if (member === undefined) throw missingBlob(d, this.file);
    if (member.size !== d.size) {
      throw new CtxPackError(
        "CTXPACK_E_SIZE_MISMATCH",
        `blob ${d.digest} in ${this.file} is ${member.size} bytes, expected ${d.size}`,
      );
    }
    const { offset, length } = checkRange(d, options.range);
    await using handle = await openFile(this.file);
    this.#checkUnchanged(await handle.stat());
    const range = { path: this.file, offset: member.offset + offset, length };
    const chunks = readRange(handle, range, options);
    for await (const chunk of options.range === undefined ? verified(chunks, d) : chunks) {
      options.signal?.throwIfAborted();
      yield chunk;
    }
  }

  async resolve(reference: string, options: OperationOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted();
    return this.#catalog.resolve(this.#index, reference, options.signal);
  }

  async *tags(options: OperationOptions = {}): AsyncGenerator<string> {
    options.signal?.throwIfAborted();
    yield* this.#catalog.tags(this.#index);
  }

  async *referrers(subject: Descriptor, options: ReferrerOptions = {}): AsyncGenerator<Descriptor> {
    options.signal?.throwIfAborted();
    yield* this.#catalog.referrers(this.#index, subject, options);
  }

  #checkUnchanged(now: State): void {
    const { ino, size, mtimeMs } = this.#state;
    if (now.ino === ino && now.size === size && now.mtimeMs === mtimeMs) return;
    throw new CtxPackError("CTXPACK_E_LAYOUT", `archive ${this.file} changed while it was read`, {
      details: { path: this.file },
    });
  }
}

function memberName(digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}

// Opening a FIFO would wait for a writer, out of any signal's reach; Windows has none.
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

async function openFile(path: string): Promise<Awaited<ReturnType<typeof open>>> {
  try {
    return await open(path, READ_FLAGS);
  } catch (error) {
    throw diskError(error, `${path} cannot be read`, path);
  }
}
