import type { CtxUri, Digest, DirHash, FileDigests } from "@ctxpack/identity";
import { CtxPackError, uriOf } from "@ctxpack/identity";
import type { Descriptor, Storage } from "@ctxpack/oci";
import type { IndexReader } from "../pack/index.ts";
import { type AdmitOptions, type AdmitResult, admit } from "./admit.ts";
import { seedAside } from "./aside.ts";
import { Blobs } from "./blobs.ts";
import { type CheckOptions, type CheckReport, check } from "./check/check.ts";
import { type VerifyPackOptions, verifyPack } from "./check/verify-pack.ts";
import { type Claim, type Claimant, claim } from "./claim.ts";
import { type SizesOptions, type StoredSize, storedSizes, takeCensus } from "./collect/census.ts";
import { type CollectOptions, type CollectReport, collect } from "./collect/collect.ts";
import { keepBudget } from "./collect/keep.ts";
import { type ComposedFile, type ComposeOptions, compose } from "./compose.ts";
import { read } from "./content.ts";
import { Database } from "./database.ts";
import { type ExtractOptions, extract } from "./extract.ts";
import { heldBytes, openPack } from "./held.ts";
import { KnownContracts, type NearContract, type Sought } from "./known/contracts.ts";
import { KnownRecords } from "./known/records.ts";
import { keepListing, type Listing, openStatIndex } from "./known-digests.ts";
import { lease } from "./lease.ts";
import { prepareStore } from "./open.ts";
import type { Parts } from "./parts.ts";
import { isPlaced, type PlacedOptions } from "./placed.ts";
import { Places } from "./places.ts";
import {
  type KeepingOptions,
  type KeptProofs,
  keepProofs,
  type NewProofs,
  readProofs,
} from "./proofs.ts";
import { noteRechecks, type Rechecks, readRechecks } from "./rechecks.ts";
import type { PackRecord } from "./record.ts";
import { noPack, Records } from "./records.ts";
import { Results } from "./results.ts";
import { type RunLog, readLog, writeLog } from "./run-log.ts";
import { type Scratch, scratch } from "./scratch.ts";
import { type SeedOptions, type SeedResult, seed } from "./seed.ts";
import type { StatIndex } from "./stat-index.ts";
import { type Displaced, displace } from "./trash.ts";
import { type TreeOptions, tree } from "./trees.ts";
import { Unfinished } from "./unfinished.ts";
import { Workspace } from "./workspace.ts";

/** How a store is opened. */
export interface StoreOptions {
  /** Never write: a store on read-only media, or of somebody else. */
  readonly readOnly?: boolean | undefined;
  /**
   * Let the calling thread do a share of the work on large packs, in long steps: for a process that has nothing else
   * to do meanwhile. Without it other threads do that work, and the event loop stays free.
   */
  readonly blocking?: boolean | undefined;
  /** What the store may take, in bytes; a fifth of its disk, at least 1 GB and at most 100 GB, unless said. */
  readonly budget?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** More of a `dirHash1`'s lines than this are not read at once, in bytes. */
const MOST_LISTED = 2 ** 30;

/** What every call to a store takes; an aborted one throws `signal.reason`. */
interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The local store: packs, their blobs and their materialised trees. Safe with many processes, and with
 * any of them killed at any instant: a pack is visible only once everything of it is there and on disk.
 *
 * Everything throws `CTXPACK_E_PERMISSION` and `CTXPACK_E_NO_SPACE` with the path the disk refused.
 */
export class Store implements AsyncDisposable {
  readonly dir: string;
  /** Every blob by digest, as an OCI storage. */
  readonly blobs: Storage;
  /** Digests of files that did not change since they were hashed. */
  readonly digests: FileDigests & { save(): Promise<void> };
  /** Results of items whose map has no pack yet. */
  readonly results: Results;
  readonly #parts: Parts;
  readonly #budget: number | undefined;
  readonly #known: KnownContracts;
  readonly #records: KnownRecords;

  private constructor(parts: Parts, digests: StatIndex, budget: number | undefined) {
    this.#parts = parts;
    this.#budget = budget;
    this.#known = new KnownContracts(parts);
    this.#records = new KnownRecords(parts);
    this.dir = parts.places.dir;
    this.blobs = parts.blobs;
    this.digests = digests;
    this.results = new Results(parts);
  }

  /**
   * Opens a store, creating it unless `readOnly`; an existing one is opened without a write. Throws
   * `CTXPACK_E_UNSUPPORTED` for the store of a newer ctxpack, `CTXPACK_E_CONFIG` for a folder that holds
   * something else, `CTXPACK_E_PATH_NOT_FOUND` for no folder and `readOnly`.
   */
  static async open(dir: string, options: StoreOptions = {}): Promise<Store> {
    options.signal?.throwIfAborted();
    const readOnly = options.readOnly ?? false;
    const places = new Places(prepareStore(dir, { readOnly }));
    const unfinished = new Unfinished(places.unfinished);
    const workspace = new Workspace(places.temporary, { readOnly, unfinished });
    const parts = {
      places,
      workspace,
      unfinished,
      blobs: new Blobs(places, workspace),
      records: new Records(places, workspace),
      database: new Database(places.database),
      blocking: options.blocking ?? false,
    };
    return new Store(parts, await openStatIndex(places, options), options.budget);
  }

  /** Keeps the lines of a `dirHash1` as a blob, whose sha256 is the dirHash1. */
  async keepListing(listing: Listing): Promise<void> {
    await keepListing(this.#parts.blobs, listing);
  }

  /** The lines of a `dirHash1` that was resolved here; `undefined` when they are not kept any more. */
  async listing(digest: DirHash): Promise<Uint8Array | undefined> {
    return this.#parts.blobs.readSound(`sha256:${digest.slice("dirHash1:".length)}`, MOST_LISTED);
  }

  /**
   * The pack in the store whose contract is nearest to one: those of the same name or output come first, then those
   * that differ in fewest members, then the newest. The contract's own pack does not count; `undefined` when none has
   * anything in common with it.
   */
  async nearest(sought: Sought, options: Abortable = {}): Promise<NearContract | undefined> {
    options.signal?.throwIfAborted();
    return await this.#known.nearest(sought, options.signal);
  }

  /** Every pack, partial ones too, by URI. */
  list(options: Abortable = {}): AsyncIterable<PackRecord> {
    return this.#parts.records.list(options.signal);
  }

  /**
   * The same from one file, as far as the folders of the records look unchanged since they were read: quicker, and to
   * be shown rather than decided by.
   */
  overview(options: Abortable = {}): AsyncIterable<PackRecord> {
    return this.#records.list(options.signal);
  }

  /** URIs that are pinned, of packs that are not here too. */
  async pinned(): Promise<ReadonlySet<CtxUri>> {
    return this.#parts.records.pinned();
  }

  /** What is known of a pack; `undefined` when it is not here. A partial pack is here, but no hit. */
  async get(uri: CtxUri): Promise<PackRecord | undefined> {
    return this.#parts.records.get(uri);
  }

  /**
   * The one URI in the store that begins with `prefix`: 6 to 64 hex digits, `ctx://` and `sha256:` before
   * them or not. Throws `CTXPACK_E_REFERENCE`, `CTXPACK_E_NOT_FOUND`, or `CTXPACK_E_AMBIGUOUS` with the
   * candidates.
   */
  async find(prefix: string): Promise<CtxUri> {
    const hex = /^(?:ctx:\/\/)?(?:sha256:)?([0-9a-f]{6,64})$/.exec(prefix)?.[1];
    if (hex === undefined) throw noPrefix(prefix);
    const [first, ...others] = this.#parts.records.matching(hex);
    if (first !== undefined && others.length === 0) return first;
    if (first === undefined) {
      throw hex.length === 64
        ? noPack(uriOf(`sha256:${hex}`), this.dir)
        : new CtxPackError("CTXPACK_E_NOT_FOUND", `no pack in ${this.dir} begins with ${hex}`, {
            hint: "`ctxpack ls` lists what is there; a pack elsewhere needs its whole URI",
            details: { prefix: hex, path: this.dir },
          });
    }
    throw ambiguous(hex, [first, ...others]);
  }

  /**
   * Makes a pack of a folder. The same output for the same contract is already there and nothing is
   * written; another one is `CTXPACK_E_CONFLICT` unless `replace`. Throws `CTXPACK_E_TREE` for what
   * cannot be in a pack or changes while it is read.
   *
   * @param contract the canonical bytes of a resolved contract; their sha256 is the URI.
   */
  async seed(dir: string, contract: Uint8Array, options: SeedOptions = {}): Promise<SeedResult> {
    this.#parts.workspace.expectWritable();
    await this.#parts.workspace.reap(options.signal);
    const aside = this.#parts.blocking
      ? undefined
      : await seedAside(this.dir, dir, contract, options);
    const result = aside ?? (await seed(this.#parts, dir, contract, options));
    if (result.created) this.#known.note(result.record);
    await this.#keepBudget(result.bytes.stored, options.signal);
    return result;
  }

  /**
   * Makes a pack of files that the store has, in `results` or in other packs, without laying them out first: its
   * segments are those of the pack it has most of, but where something changed. Throws like `seed`, and
   * `CTXPACK_E_STORE_DAMAGED` when a content is not what was stored.
   *
   * @param contract the canonical bytes of a resolved contract; their sha256 is the URI.
   */
  async compose(
    contract: Uint8Array,
    files: Iterable<ComposedFile>,
    options: ComposeOptions = {},
  ): Promise<SeedResult> {
    this.#parts.workspace.expectWritable();
    await this.#parts.workspace.reap(options.signal);
    const result = await compose(this.#parts, this.results, contract, files, options);
    await this.#keepBudget(result.bytes.stored, options.signal);
    return result;
  }

  /** The packs that the maps of a family became here, the last one first: a hint, they may be gone. */
  async family(family: string): Promise<readonly CtxUri[]> {
    return this.#parts.workspace.readOnly ? [] : await this.#parts.database.family(family);
  }

  /** Notes that a pack, one from a pantry, is what a map of a family became. */
  async joinFamily(family: string, uri: CtxUri, options: Abortable = {}): Promise<void> {
    if (this.#parts.workspace.readOnly) return;
    const manifest = this.#record(uri).manifest.digest;
    await this.#parts.database.joinFamily({ family, uri, manifest }, options.signal);
  }

  /** The manifest of a pack, verified. */
  async manifest(
    uri: CtxUri,
    options: Abortable = {},
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }> {
    options.signal?.throwIfAborted();
    using _lease = this.lease(uri);
    const record = this.#record(uri);
    return { descriptor: record.manifest, bytes: heldBytes(this.#parts, record, record.manifest) };
  }

  /** The index of a pack, verified. */
  async index(uri: CtxUri, options: Abortable = {}): Promise<IndexReader> {
    options.signal?.throwIfAborted();
    using _lease = this.lease(uri);
    return openPack(this.#parts, this.#record(uri)).index;
  }

  /**
   * Takes a pack in from a pantry. `CTXPACK_E_DIGEST_MISMATCH`, `CTXPACK_E_SIZE_MISMATCH` and
   * `CTXPACK_E_PACK` for bytes that are not what they should be, `CTXPACK_E_POLICY` from the gate,
   * `CTXPACK_E_CONFLICT` when the store holds another output. A failure leaves verified blobs, from
   * which the next attempt goes on.
   */
  async admit(uri: CtxUri, options: AdmitOptions): Promise<AdmitResult> {
    this.#parts.workspace.expectWritable();
    await this.#parts.workspace.reap(options.signal);
    const result = await admit(this.#parts, uri, options);
    const { created, record, bytes } = result;
    if (created) this.#known.note(record);
    await this.#keepBudget(created ? bytes.fetched + record.bytes : 0, options.signal);
    return result;
  }

  /**
   * A read-only folder with the pack's files, shared by everybody who asks; its content never changes.
   * Throws `CTXPACK_E_NOT_FOUND` also for a partial pack.
   */
  tree(uri: CtxUri, options: TreeOptions = {}): Promise<string> {
    return tree(this.#parts, uri, options);
  }

  /**
   * Writes the pack's files to a folder of the user's, which must be empty or not exist
   * (`CTXPACK_E_USAGE`) unless `displace`, which returns what stood there. It appears whole or not at all, and shares
   * no file with the store.
   */
  extract(uri: CtxUri, to: string, options: ExtractOptions = {}): Promise<Displaced | undefined> {
    return extract(this.#parts, uri, to, options);
  }

  /**
   * Whether a folder or file has exactly what the pack has, or that part of it: every file is read but those that did
   * not change since they were hashed.
   */
  async isPlaced(uri: CtxUri, path: string, options: PlacedOptions = {}): Promise<boolean> {
    const isSame = await isPlaced(this.#parts, uri, path, { ...options, digests: this.digests });
    if (!this.#parts.workspace.readOnly) await this.digests.save();
    return isSame;
  }

  /** The content of one file. Throws `CTXPACK_E_PATH_NOT_FOUND` for a path that is no file of the pack. */
  read(uri: CtxUri, path: string, options: Abortable = {}): AsyncIterable<Uint8Array> {
    return read(this.#parts, uri, path, options);
  }

  /**
   * Takes a pack out of the store. Its blobs and files stay for whoever uses them until they are
   * collected. Throws `CTXPACK_E_NOT_FOUND`, and `CTXPACK_E_USAGE` for a pinned pack.
   */
  async remove(uri: CtxUri, options: Abortable = {}): Promise<void> {
    this.#parts.workspace.expectWritable();
    const { records, database } = this.#parts;
    await database.exclusive(() => {
      // One whose record is damaged may go, too.
      if (!records.has(uri)) throw noPack(uri, this.dir);
      if (records.isPinned(uri)) {
        throw new CtxPackError("CTXPACK_E_USAGE", `${uri} is pinned`, {
          hint: "unpin it first",
          details: { uri },
        });
      }
      records.remove(uri);
    }, options.signal);
  }

  /** Keeps a pack from being removed. Throws `CTXPACK_E_NOT_FOUND`. */
  async pin(uri: CtxUri, options: Abortable = {}): Promise<void> {
    this.#parts.workspace.expectWritable();
    // Under the lock of `remove`: no pin stays behind for a pack that is gone.
    await this.#parts.database.exclusive(() => {
      this.#record(uri);
      this.#parts.records.pin(uri);
    }, options.signal);
  }

  /** Lets a pack be removed again. Throws `CTXPACK_E_NOT_FOUND`. */
  async unpin(uri: CtxUri, options: Abortable = {}): Promise<void> {
    this.#parts.workspace.expectWritable();
    const { records, database } = this.#parts;
    await database.exclusive(() => {
      // A pin may have outlived its pack's record.
      if (!records.isPinned(uri)) this.#record(uri);
      records.unpin(uri);
    }, options.signal);
  }

  /**
   * Looks for damage in the whole store, and with `repair` puts it right: what is damaged goes to `quarantine/`,
   * folders are made again, blobs are fetched again; a pack that cannot be completed is no hit any more.
   * Without `repair` nothing is written, and other processes may go on working either way. Throws
   * `CTXPACK_E_PERMISSION` when it should repair a store that it may not write to.
   */
  check(options: CheckOptions = {}): Promise<CheckReport> {
    return check(this.#parts, options);
  }

  /**
   * Hashes every blob and every materialised file of one pack. Writes nothing. Throws `CTXPACK_E_NOT_FOUND` for a
   * pack that is not here whole.
   */
  verify(uri: CtxUri, options: VerifyPackOptions = {}): Promise<CheckReport> {
    return verifyPack(this.#parts, uri, options);
  }

  /**
   * Makes this process the one that computes a pack, or says which one does. Whoever has the claim of a process that
   * is gone first ends the groups it has left (`abandoned`). Ask `get` again once it is yours.
   */
  claim(uri: CtxUri, options: Abortable = {}): Promise<Claim | Claimant> {
    return claim(this.#parts, uri, options.signal);
  }

  /**
   * Moves whatever stands at `path` into the trash, where it is kept for a day; `undefined` when nothing does. Throws
   * `CTXPACK_E_UNSUPPORTED` for what cannot be moved.
   */
  displace(path: string): Promise<Displaced | undefined> {
    return displace(this.#parts, path);
  }

  /** An empty folder in the store, to make an output in; removed when disposed, or when this process is gone. */
  scratch(): Scratch {
    return scratch(this.#parts);
  }

  /** Keeps what a command printed that made a pack, as long as the pack is here. */
  async keepLog(log: RunLog): Promise<void> {
    writeLog(this.#parts, log);
  }

  /** What the command printed that made the pack which is here; `undefined` when that was not here. */
  async log(uri: CtxUri): Promise<RunLog | undefined> {
    return readLog(this.#parts, uri);
  }

  /**
   * Adds to what is known of computing a pack again, and returns all of it; `undefined` when the pack is gone, or is
   * another output than the one it was compared with.
   */
  noteRechecks(found: Rechecks, options: Abortable = {}): Promise<Rechecks | undefined> {
    return noteRechecks(this.#parts, found, options.signal);
  }

  /** What became of computing the pack again that is here; `undefined` when nobody has, on this machine. */
  async rechecks(uri: CtxUri): Promise<Rechecks | undefined> {
    return readRechecks(this.#parts, uri);
  }

  /** Adds to the proofs that are kept of a pack, as long as it is here; false when it is gone, or is not `options.of`. */
  keepProofs(uri: CtxUri, added: NewProofs, options: KeepingOptions = {}): Promise<boolean> {
    return keepProofs(this.#parts, uri, added, options);
  }

  /** What is kept of a pack's proofs; `undefined` when nothing is. */
  async proofs(uri: CtxUri): Promise<KeptProofs | undefined> {
    return readProofs(this.#parts, uri);
  }

  /** Keeps a pack from being collected until the lease is disposed: for whoever reads its blobs by digest. */
  lease(uri: CtxUri): Disposable {
    return lease(this.#parts, uri);
  }

  /**
   * Finds what can go, and removes it with `apply`: what no pack needs, packs that were not used for as long as asked,
   * and what was used longest ago while the store is over its budget. Never what is pinned, was handed out by path in
   * the last 7 days, is being read or made, or was made just now.
   */
  async collect(options: CollectOptions = {}): Promise<CollectReport> {
    const report = await collect(this.#parts, this.#budget, options);
    if (report.applied) await this.#known.tidy(options.signal);
    if (report.applied && report.packs.length > 0) this.#records.forget();
    return report;
  }

  /** What packs take, those together for which `by` gives one key; one with an unreadable manifest, nothing. */
  async sizes(options: SizesOptions & Abortable = {}): Promise<readonly StoredSize[]> {
    return storedSizes(await takeCensus(this.#parts, options.signal), options);
  }

  /** The blob known to hold a segment with these uncompressed bytes, so that it need not be compressed. */
  async frameOf(
    raw: Digest,
  ): Promise<{ readonly digest: Digest; readonly size: number } | undefined> {
    if (this.#parts.workspace.readOnly) return undefined;
    const blob = await this.#parts.database.frame(raw);
    return blob !== undefined && this.#parts.blobs.has(blob) ? blob : undefined;
  }

  /** Ends this process's lease and clears what it has not finished. Digests are kept only by `save`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#parts.database.close();
    this.#parts.workspace.close();
  }

  async #keepBudget(written: number, signal: AbortSignal | undefined): Promise<void> {
    await keepBudget(this.#parts, written, { budget: this.#budget, signal });
  }

  #record(uri: CtxUri): PackRecord {
    const record = this.#parts.records.get(uri);
    if (record === undefined) throw noPack(uri, this.dir);
    return record;
  }
}

function noPrefix(text: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_REFERENCE",
    `${JSON.stringify(text)} is no URI and no prefix of one`,
    {
      hint: "give at least 6 hex digits of the URI",
      details: { found: text },
    },
  );
}

function ambiguous(prefix: string, candidates: readonly CtxUri[]): CtxPackError {
  const shown = candidates.slice(0, 10).join(", ");
  return new CtxPackError(
    "CTXPACK_E_AMBIGUOUS",
    `${prefix} is the beginning of ${candidates.length} packs: ${shown}`,
    {
      hint: "give more digits",
      details: { prefix, candidates },
    },
  );
}
