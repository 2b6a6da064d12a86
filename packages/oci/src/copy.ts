import { CtxPackError, type Digest } from "@ctxpack/identity";
import { abortable } from "./abort.ts";
import { fetchBytes } from "./content.ts";
import type { Descriptor } from "./descriptor.ts";
import { MANIFEST_LIMIT, parseManifest, successors } from "./manifest.ts";
import { hasSuccessors } from "./media-type.ts";
import { type BlobSource, bytesSource } from "./source.ts";
import type {
  Located,
  OperationOptions,
  ReadOnlyStorage,
  ReadOnlyTarget,
  ReferrerLister,
  Storage,
  TagOptions,
  Target,
} from "./target.ts";
import { type BlobConcurrency, BlobWindow } from "./window.ts";

/** Blobs in flight at a time: enough to hide latency, few enough for a small registry. */
const CONCURRENCY = 4;
/** An index of indexes of manifests, and proofs of proofs; more is an attack or a mistake. */
const MAX_DEPTH = 16;
const MAX_NODES = 100_000;
const MAX_REFERRERS = 1024;

/** What became of one blob or manifest. */
export interface BlobEvent {
  readonly descriptor: Descriptor;
  readonly action: "copied" | "exists";
}

export interface CopyOptions extends OperationOptions {
  /** Blobs in flight at a time; 4 unless said otherwise. */
  readonly concurrency?: BlobConcurrency | undefined;
  /** Also copies what refers to each manifest (proofs, file lists), and what refers to that. */
  readonly referrers?: boolean | undefined;
  /** Leaves out a blob or manifest, and what only it refers to: the copy is then incomplete. */
  readonly select?: ((d: Descriptor, parent?: Descriptor) => boolean) | undefined;
  readonly onBlob?: ((event: BlobEvent) => void) | undefined;
}

/** What a copy did; sizes in bytes. */
export interface CopySummary {
  readonly copied: { readonly blobs: number; readonly bytes: number };
  readonly existing: { readonly blobs: number; readonly bytes: number };
}

type Source = ReadOnlyStorage & Partial<ReferrerLister & Located>;

/**
 * Copies a blob or manifest and everything it refers to, each digest once, a manifest only after
 * all that it refers to is there: so whoever finds a manifest finds it whole. That the destination
 * has a manifest is not taken to mean that it has the rest. The first failure stops all other
 * transfers, closes them and is thrown. Throws what the two storages throw, CTXPACK_E_MANIFEST for
 * a graph that breaks a rule, CTXPACK_E_UNSUPPORTED for `referrers` of a source that cannot list them,
 * CTXPACK_E_USAGE for a `concurrency` below 1.
 */
export async function copyGraph(
  source: Source,
  destination: Storage,
  root: Descriptor,
  options: CopyOptions = {},
): Promise<CopySummary> {
  options.signal?.throwIfAborted();
  return new GraphCopy(source, destination, root, options).run();
}

/**
 * Copies what a tag or digest leads to, and gives it `destinationReference` there, by default the
 * same one. Throws what `copyGraph`, `resolve` and `tag` throw.
 */
export async function copy(
  source: ReadOnlyTarget & Partial<ReferrerLister>,
  sourceReference: string,
  destination: Target,
  destinationReference: string = sourceReference,
  options: CopyOptions & TagOptions = {},
): Promise<{ readonly descriptor: Descriptor; readonly summary: CopySummary }> {
  const { signal, onProgress, expected } = options;
  const descriptor = await source.resolve(sourceReference, { signal });
  const summary = await copyGraph(source, destination, descriptor, options);
  await destination.tag(descriptor, destinationReference, { signal, onProgress, expected });
  return { descriptor, summary };
}

/** One digest on its way. */
interface Visit {
  readonly size: number;
  /** It is at the destination, and what it lists is. */
  readonly done: Promise<void>;
  /**
   * Its referrers are as well. Nobody but the whole copy waits for that: an index may list its own
   * subject, and the two would wait for each other.
   */
  readonly followed: Promise<void>;
}

class GraphCopy {
  readonly #source: Source;
  readonly #destination: Storage;
  readonly #root: Descriptor;
  readonly #options: CopyOptions;
  readonly #window: BlobWindow;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #visits = new Map<Digest, Visit>();
  #failure: { readonly reason: unknown } | undefined;
  #copied = { blobs: 0, bytes: 0 };
  #existing = { blobs: 0, bytes: 0 };
  #sent = 0;
  #total = 0;

  constructor(source: Source, destination: Storage, root: Descriptor, options: CopyOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#root = root;
    this.#options = options;
    this.#window = new BlobWindow(checkConcurrency(options.concurrency ?? CONCURRENCY));
    this.#signal =
      options.signal === undefined
        ? this.#stop.signal
        : AbortSignal.any([options.signal, this.#stop.signal]);
  }

  async run(): Promise<CopySummary> {
    await this.#visit(this.#root, undefined, 0).catch(() => {});
    // A failed branch leaves its siblings behind: nothing may still run when we return. Referrers
    // add to the visits while they are waited for.
    for (let seen = -1; seen !== this.#visits.size; ) {
      seen = this.#visits.size;
      await Promise.allSettled([...this.#visits.values()].map((v) => v.followed));
    }
    if (this.#failure !== undefined) throw this.#failure.reason;
    return { copied: this.#copied, existing: this.#existing };
  }

  #visit(d: Descriptor, parent: Descriptor | undefined, depth: number): Promise<void> {
    if (this.#options.select?.(d, parent) === false) return Promise.resolve();
    const known = this.#visits.get(d.digest);
    if (known !== undefined) {
      return known.size === d.size ? known.done : this.#refuse(twoSizes(d, known.size));
    }
    if (depth > MAX_DEPTH || this.#visits.size >= MAX_NODES)
      return this.#refuse(tooMuch(this.#root));
    const done = this.#copyNode(d, depth).catch((error) => this.#fail(error));
    const followed = done
      .then(() => this.#copyReferrers(d, depth))
      .catch((error) => this.#fail(error));
    // Others wait for them too, so they must not count as unhandled while nobody does yet.
    followed.catch(() => {});
    this.#visits.set(d.digest, { size: d.size, done, followed });
    return done;
  }

  /** The first failure is the one to report; what comes after it is its echo. */
  async #fail(reason: unknown): Promise<never> {
    if (this.#failure === undefined) {
      this.#failure = { reason };
      this.#stop.abort(reason);
    }
    throw reason;
  }

  #refuse(reason: CtxPackError): Promise<never> {
    const refused = this.#fail(reason);
    refused.catch(() => {});
    return refused;
  }

  async #copyNode(d: Descriptor, depth: number): Promise<void> {
    if (!hasSuccessors(d.mediaType)) return this.#transfer(d, this.#sourceOf(d));
    const bytes = await this.#window.run(0, () => this.#readManifest(d));
    const manifest = parseManifest(bytes, d);
    const children = successors(manifest);
    await Promise.all(children.map((child) => this.#visit(child, d, depth + 1)));
    const refers = manifest.subject !== undefined;
    try {
      await this.#transfer(d, bytesSource(bytes), refers);
    } catch (error) {
      if (!lacksChild(error)) throw error;
      // What was there a moment ago is there no longer (a registry collects what nothing refers to yet), or was
      // never there though it said so: everything is sent once more, unasked.
      await this.#sendAgain(children, d);
      await this.#transfer(d, bytesSource(bytes), refers);
    }
  }

  /** What a manifest lists, and what is in turn missing of that; no deeper than it was visited. */
  async #sendAgain(children: readonly Descriptor[], parent: Descriptor): Promise<void> {
    const sent = children
      .filter((child) => this.#options.select?.(child, parent) !== false)
      .map(async (child) => {
        const push = (): Promise<void> =>
          this.#window.run(child.size, () => this.#push(child, this.#sourceOf(child)));
        try {
          await push();
        } catch (error) {
          if (!hasSuccessors(child.mediaType) || !lacksChild(error)) throw error;
          const bytes = await this.#window.run(0, () => this.#readManifest(child));
          await this.#sendAgain(successors(parseManifest(bytes, child)), child);
          await push();
        }
      });
    await Promise.all(sent);
  }

  async #readManifest(d: Descriptor): Promise<Uint8Array> {
    const signal = this.#signal;
    signal.throwIfAborted();
    const reader = { fetch: () => abortable(this.#source.fetch(d, { signal }), signal) };
    return fetchBytes(reader, d, { maxBytes: MANIFEST_LIMIT });
  }

  async #copyReferrers(subject: Descriptor, depth: number): Promise<void> {
    if (this.#options.referrers !== true || !hasSuccessors(subject.mediaType)) return;
    if (this.#source.referrers === undefined) {
      throw new CtxPackError("CTXPACK_E_UNSUPPORTED", "the source cannot list referrers");
    }
    const found: Promise<void>[] = [];
    const signal = this.#signal;
    for await (const d of abortable(this.#source.referrers(subject, { signal }), signal)) {
      if (found.length >= MAX_REFERRERS) throw tooMuch(subject);
      found.push(this.#visit(d, subject, depth + 1));
    }
    await Promise.all(found);
  }

  /**
   * `refers`: to a subject. Such a manifest is pushed though it exists: whoever pushed it may have
   * died before it was listed among its subject's referrers, and pushing it again lists it.
   */
  #transfer(d: Descriptor, source: BlobSource, refers = false): Promise<void> {
    return this.#window.run(d.size, async () => {
      const signal = this.#signal;
      signal.throwIfAborted();
      const exists = await this.#destination.exists(d, { signal });
      if (!exists) await this.#push(d, source);
      else if (refers) await this.#destination.push(d, source, { signal });
      const count = exists ? this.#existing : this.#copied;
      count.blobs++;
      count.bytes += d.size;
      this.#options.onBlob?.({ descriptor: d, action: exists ? "exists" : "copied" });
    });
  }

  async #push(d: Descriptor, source: BlobSource): Promise<void> {
    const { onProgress } = this.#options;
    let before = 0;
    this.#total += d.size;
    await this.#destination.push(d, source, {
      signal: this.#signal,
      onProgress: (event) => {
        if (event.unit !== "bytes") return onProgress?.(event);
        // A transfer that starts again goes back, and so does the sum.
        this.#sent += event.done - before;
        before = event.done;
        const { phase } = event;
        const done = this.#sent;
        onProgress?.({ phase, unit: "bytes", done, total: this.#total, name: d.digest });
      },
    });
  }

  #sourceOf(d: Descriptor): BlobSource {
    const signal = this.#signal;
    return {
      size: d.size,
      from: this.#source.location,
      open: (offset, length) => {
        const range =
          offset === undefined ? undefined : { offset, length: length ?? d.size - offset };
        return abortable(this.#source.fetch(d, { signal, range }), signal);
      },
    };
  }
}

/** Whether a destination refused a manifest because something that it lists is not there. */
function lacksChild(error: unknown): boolean {
  if (!CtxPackError.isInstance(error)) return false;
  const { errors } = error.details;
  if (!Array.isArray(errors)) return false;
  return errors.some(({ code }) => code === "MANIFEST_BLOB_UNKNOWN" || code === "BLOB_UNKNOWN");
}

/** With less than one in flight nothing would ever start, and nobody would be told. */
function checkConcurrency(concurrency: BlobConcurrency): BlobConcurrency {
  const blobs = typeof concurrency === "number" ? concurrency : concurrency.blobs;
  if (blobs >= 1) return concurrency;
  throw new CtxPackError("CTXPACK_E_USAGE", `concurrency is ${blobs}, expected at least 1`);
}

function twoSizes(d: Descriptor, size: number): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_MANIFEST",
    `blob ${d.digest} is listed with ${size} and with ${d.size} bytes`,
    { details: { digest: d.digest, sizes: [size, d.size] } },
  );
}

function tooMuch(root: Descriptor): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_MANIFEST",
    `${root.digest} leads to more than ${MAX_DEPTH} levels, ${MAX_NODES} blobs or ${MAX_REFERRERS} referrers`,
    { details: { digest: root.digest } },
  );
}
