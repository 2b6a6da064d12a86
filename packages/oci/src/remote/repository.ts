import { CtxPackError, type Digest } from "@ctxpack/identity";
import { repositoryScope } from "../auth/scope.ts";
import { fetchBytes } from "../content.ts";
import type { Descriptor } from "../descriptor.ts";
import { isBlobDigest, splitDigest } from "../digest.ts";
import { MANIFEST_LIMIT, parseManifest } from "../manifest.ts";
import { hasSuccessors } from "../media-type.ts";
import { expectTag } from "../reference.ts";
import type { BlobSource } from "../source.ts";
import type {
  Deleter,
  FetchOptions,
  Located,
  OperationOptions,
  ReferrerLister,
  ReferrerOptions,
  Resolver,
  Storage,
  Tagger,
  TagLister,
  TagOptions,
  Untagger,
  WriteOptions,
} from "../target.ts";
import { verified } from "../verify.ts";
import { blobExists } from "./blob-exists.ts";
import { type BlobPart, downloadPart } from "./download.ts";
import { type FetchedManifest, Manifests } from "./manifests.ts";
import { probeRepository, type RepositoryProbe } from "./probe.ts";
import type { RegistryProfile } from "./profile.ts";
import { downloadRanges, isWorthRanges } from "./ranges.ts";
import { Referrers } from "./referrers.ts";
import { pause } from "./retry.ts";
import { listTags } from "./tags.ts";
import type { Transport } from "./transport.ts";
import { Uploader } from "./upload.ts";

/**
 * What somebody else who looked before we wrote may need to write, at least. How far away they are is not known
 * here: both of two writers believe that the tag is theirs when a round trip of one takes longer than this.
 */
const SETTLE_MS = 500;

/**
 * A repository of a registry. Everything that arrives is verified: a manifest before it is given out, a blob with
 * its last byte. Throws CTXPACK_E_AUTH, CTXPACK_E_NOT_FOUND, CTXPACK_E_UNAVAILABLE and CTXPACK_E_PROTOCOL beside
 * what the interfaces say.
 */
export class Repository
  implements Storage, Resolver, Tagger, Untagger, TagLister, ReferrerLister, Deleter, Located
{
  /** `host/name`, as people write it. */
  readonly address: string;
  /** Blobs can be mounted from other repositories of the same host. */
  readonly location: { readonly host: string; readonly repository: string };
  readonly profile: RegistryProfile;
  readonly #transport: Transport;
  readonly #name: string;
  readonly #manifests: Manifests;
  readonly #referrers: Referrers;
  readonly #uploader: Uploader;

  /** Called by `Registry.repository`. */
  constructor(transport: Transport, name: string, profile: RegistryProfile) {
    this.address = `${transport.host}/${name}`;
    this.location = { host: transport.host, repository: name };
    this.profile = profile;
    this.#transport = transport;
    this.#name = name;
    this.#manifests = new Manifests(transport, name);
    this.#referrers = new Referrers(transport, name, this.#manifests, profile);
    this.#uploader = new Uploader(transport, name, profile);
  }

  async exists(d: Descriptor, options: OperationOptions = {}): Promise<boolean> {
    const { signal } = options;
    splitDigest(d.digest);
    if (!hasSuccessors(d.mediaType)) return blobExists(this.#transport, this.#name, d, signal);
    return (await this.#manifests.find(d.digest, { signal }))?.digest === d.digest;
  }

  async *fetch(d: Descriptor, options: FetchOptions = {}): AsyncGenerator<Uint8Array> {
    const { signal, range } = options;
    splitDigest(d.digest);
    signal?.throwIfAborted();
    if (hasSuccessors(d.mediaType)) {
      const { bytes } = await this.#manifests.get(d.digest, { signal });
      const { offset, length } = range ?? { offset: 0, length: bytes.length };
      const slice = bytes.subarray(offset, offset + length);
      if (range === undefined) yield* verified(only(slice), d);
      else yield slice;
      return;
    }
    const { offset, length } = range ?? { offset: 0, length: d.size };
    checkRange(d, offset, length);
    const part: BlobPart = {
      transport: this.#transport,
      repository: this.#name,
      scopes: [repositoryScope(this.#name, "pull")],
      descriptor: d,
      start: offset,
      end: offset + length,
      signal,
    };
    const ranged = this.profile.ranges && isWorthRanges(length);
    const chunks = ranged ? downloadRanges(part) : downloadPart(part);
    yield* range === undefined ? verified(chunks, d) : chunks;
  }

  async push(d: Descriptor, source: BlobSource, options: WriteOptions = {}): Promise<void> {
    const { signal, settling } = options;
    signal?.throwIfAborted();
    splitDigest(d.digest);
    if (source.size !== d.size) {
      throw new CtxPackError(
        "CTXPACK_E_SIZE_MISMATCH",
        `blob ${d.digest} is offered with ${source.size} bytes, expected ${d.size}`,
        { details: { digest: d.digest, expected: d.size, found: source.size } },
      );
    }
    if (!hasSuccessors(d.mediaType)) {
      const from = source.from;
      const mountFrom = from?.host === this.location.host ? [from.repository] : [];
      await this.#uploader.push(d, source, { ...options, mountFrom });
      return;
    }
    const bytes = await fetchBytes({ fetch: () => source.open() }, d, { maxBytes: MANIFEST_LIMIT });
    const { subject } = parseManifest(bytes, d);
    const manifest = { descriptor: plain(d), bytes };
    options.onProgress?.({ phase: "manifest", unit: "blobs", done: 0, total: 1, name: d.digest });
    const answered = await this.#manifests.put(manifest, d.digest, { signal });
    if (subject !== undefined) {
      const until = settling && AbortSignal.any([settling.signal, ...(signal ? [signal] : [])]);
      const added = { signal: until ?? signal };
      const { looked } = await this.#referrers.add(manifest, subject, answered, added);
      if (settling) settling.add(looked);
      else await looked;
    }
    options.onProgress?.({ phase: "manifest", unit: "blobs", done: 1, total: 1, name: d.digest });
  }

  async resolve(reference: string, options: OperationOptions = {}): Promise<Descriptor> {
    this.#expectReference(reference);
    // Read at once: whoever resolves a name wants to know what is there.
    const { signal } = options;
    return (await this.#manifests.get(reference, { signal, fresh: true })).descriptor;
  }

  /**
   * Points a tag at a manifest that is there. With `expected` it looks, writes, waits until somebody who looked
   * before us has written too, and looks again (CTXPACK_E_CONFLICT): a registry cannot compare and swap.
   */
  async tag(d: Descriptor, reference: string, options: TagOptions = {}): Promise<void> {
    const { signal, expected } = options;
    if (reference === d.digest) return this.#expectThere(d, signal);
    expectTag(reference);
    const manifest = await this.#manifests.get(d.digest, { signal });
    const started = performance.now();
    if (expected !== undefined) {
      const found = (await this.#manifests.find(reference, { signal }))?.digest ?? null;
      if (found === d.digest) return;
      if (found !== expected) throw this.#moved(reference, expected, found);
    }
    await this.#manifests.put(manifest, reference, { signal });
    if (expected === undefined) return;
    await pause(SETTLE_MS + 2 * (performance.now() - started), signal);
    const found = (await this.#manifests.find(reference, { signal }))?.digest ?? null;
    if (found !== d.digest) throw this.#moved(reference, d.digest, found);
  }

  /** Takes a tag away. CTXPACK_E_UNSUPPORTED at registries that can only delete manifests. */
  async untag(reference: string, options: OperationOptions = {}): Promise<void> {
    const { signal } = options;
    if (isBlobDigest(reference)) {
      throw new CtxPackError("CTXPACK_E_REFERENCE", `${reference} is a digest, not a tag`);
    }
    expectTag(reference);
    if ((await this.#manifests.find(reference, { signal })) === undefined) {
      throw new CtxPackError("CTXPACK_E_NOT_FOUND", `there is no ${this.address}:${reference}`);
    }
    await this.#deleting(`the tag ${reference}`, () =>
      this.#manifests.delete(reference, { signal }),
    );
  }

  tags(options: OperationOptions = {}): AsyncIterable<string> {
    return listTags(this.#transport, this.#name, options.signal);
  }

  referrers(subject: Descriptor, options: ReferrerOptions = {}): AsyncIterable<Descriptor> {
    splitDigest(subject.digest);
    return this.#referrers.list(subject, options);
  }

  /** Removes a manifest with its tags, or a blob. CTXPACK_E_UNSUPPORTED where the registry cannot. */
  async delete(d: Descriptor, options: OperationOptions = {}): Promise<void> {
    const { signal } = options;
    splitDigest(d.digest);
    if (hasSuccessors(d.mediaType)) {
      const subject = await this.#subjectOf(d, signal);
      await this.#deleting(d.digest, () => this.#manifests.delete(d.digest, { signal }));
      if (subject !== undefined) await this.#referrers.remove(subject, d.digest, { signal });
      return;
    }
    await this.#deleting(d.digest, async () => {
      const response = await this.#transport.send({
        method: "DELETE",
        url: `/v2/${this.#name}/blobs/${d.digest}`,
        scopes: [repositoryScope(this.#name, "delete", "pull")],
        repository: this.#name,
        right: "delete",
        expect: [200, 202, 204, 404],
        signal,
      });
      await response.discard();
    });
  }

  /** What an account may do here and what the registry can, found out without leaving anything. */
  probe(options: OperationOptions = {}): Promise<RepositoryProbe> {
    return probeRepository(this.#transport, this.#name, options.signal);
  }

  async #subjectOf(
    d: Descriptor,
    signal: AbortSignal | undefined,
  ): Promise<Descriptor | undefined> {
    let found: FetchedManifest;
    try {
      found = await this.#manifests.get(d.digest, { signal });
    } catch (error) {
      // What is not there, or is no manifest, refers to nothing; it can be deleted all the same.
      if (CtxPackError.isInstance(error) && /NOT_FOUND|MANIFEST$/.test(error.code))
        return undefined;
      throw error;
    }
    return parseManifest(found.bytes, found.descriptor).subject;
  }

  async #expectThere(d: Descriptor, signal: AbortSignal | undefined): Promise<void> {
    if (await this.exists(d, { signal })) return;
    throw new CtxPackError("CTXPACK_E_NOT_FOUND", `there is no ${this.address}@${d.digest}`, {
      details: { digest: d.digest },
    });
  }

  async #deleting(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isUnsupportedDelete(error)) throw error;
      throw new CtxPackError(
        "CTXPACK_E_UNSUPPORTED",
        `${this.address}: the registry does not delete ${what}`,
        {
          hint: "its settings may allow it, or its own interface can",
          cause: error,
          details: { ...(error as CtxPackError).details },
        },
      );
    }
  }

  #expectReference(reference: string): void {
    if (!isBlobDigest(reference)) expectTag(reference);
  }

  #moved(tag: string, expected: Digest | null, found: Digest | null): CtxPackError {
    return new CtxPackError(
      "CTXPACK_E_CONFLICT",
      `tag ${tag} of ${this.address} points at ${found ?? "nothing"}, expected ${expected ?? "nothing"}`,
      { hint: "somebody else moved it; look at it again", details: { tag, expected, found } },
    );
  }
}

/** Each registry has its own way of saying that it does not. */
function isUnsupportedDelete(error: unknown): boolean {
  if (!CtxPackError.isInstance(error)) return false;
  const { status } = error.details;
  return error.code === "CTXPACK_E_UNSUPPORTED" || status === 400 || status === 405;
}

function checkRange(d: Descriptor, offset: number, length: number): void {
  const isPart =
    Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (isPart && offset + length <= d.size) return;
  throw new CtxPackError(
    "CTXPACK_E_USAGE",
    `blob ${d.digest} has ${d.size} bytes: there are no ${length} from ${offset} on`,
  );
}

/** What a descriptor says beside what it names is not sent along. */
function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
