import type { CtxUri, Digest } from "@ctxpack/identity";
import type { Places } from "../places.ts";
import { inSlices, slices } from "../slices.ts";
import {
  type Census,
  type CountedContent,
  type CountedPack,
  type CountedTree,
  holders,
  sizeOf,
} from "./census.ts";
import type { CountedFile } from "./files.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What is kept however full the store is. */
export interface Grace {
  /** A folder that was handed out may be read for so long, in ms; 7 days. */
  readonly handedOutMs: number;
  /** A pack that was used so lately may be in use, in ms; 2 hours, for records are right to the hour. */
  readonly usedMs: number;
  /** The lines of a `dirHash1` are kept for so long after they were needed, in ms; 60 days. */
  readonly listingMs: number;
  /** What was moved out of the way is kept for so long, in ms; a day. */
  readonly trashMs: number;
  /** The result of an item whose map has no pack is kept for so long after it was used, in ms; 30 days. */
  readonly resultMs: number;
  /** What is in no pack may belong to one that is being made, in ms; an hour. */
  readonly unnamedMs: number;
}

export const GRACE: Grace = {
  handedOutMs: 7 * DAY_MS,
  usedMs: 2 * HOUR_MS,
  listingMs: 60 * DAY_MS,
  trashMs: DAY_MS,
  resultMs: 30 * DAY_MS,
  unnamedMs: HOUR_MS,
};

/** What decides about a store. Times are Unix times in ms. */
export interface PlanRules {
  readonly nowMs: number;
  /** In bytes. */
  readonly budget: number;
  /** Packs that were last used before this go, in use or not being another matter. */
  readonly unusedSinceMs?: number | undefined;
  /** Since when somebody has been making something. */
  readonly busySinceMs: number;
  readonly grace: Grace;
  /** No pack goes for want of room while a folder can: what folders free is an estimate until they are gone. */
  readonly foldersFirst?: boolean | undefined;
  /** Folders that the disk did not let go, by their paths. */
  readonly refused?: ReadonlySet<string> | undefined;
}

/** A blob that goes. */
interface DoomedBlob extends CountedFile {
  /** Its number in the census. */
  readonly id: number;
}

/** A pack that goes, and why. */
export interface DoomedPack {
  readonly pack: CountedPack;
  /** What goes with it: blobs that no pack that stays has, and its folders. In bytes. */
  readonly bytes: number;
  readonly reason: string;
}

/** A folder that goes, and why. */
interface DoomedTree {
  readonly tree: CountedTree;
  readonly reason: string;
}

/** What is to go, in this order. */
export interface Plan {
  /** What the store takes now, in bytes. */
  readonly size: number;
  /** Packs whose record or manifest cannot be read, so that nobody knows their blobs: as long as there are any, no blob goes. */
  readonly unreadable: readonly CtxUri[];
  readonly packs: readonly DoomedPack[];
  readonly trees: readonly DoomedTree[];
  /** Blobs that no pack has, and those that only packs have that go. */
  readonly orphans: readonly DoomedBlob[];
  readonly blobs: readonly DoomedBlob[];
  readonly contents: readonly CountedContent[];
  readonly leftovers: readonly CountedFile[];
  /** What the store will take, in bytes; an estimate. */
  readonly sizeAfter: number;
}

/**
 * Decides what goes: what no pack needs, then packs that were not used for longer than asked, then, while the store
 * is over its budget, folders that can be made again and whole packs, those that were used longest ago first.
 */
export async function makePlan(
  places: Places,
  census: Census,
  rules: PlanRules,
  signal?: AbortSignal,
): Promise<Plan> {
  return await inSlices(new Planner(places, census, rules).steps(), slices(signal));
}

/** Its long loops are steps: a store may hold a million of each. */
class Planner {
  readonly #places: Places;
  readonly #census: Census;
  readonly #rules: PlanRules;
  /** Of each blob, how many packs that stay have it. */
  readonly #counts: Uint32Array;
  /** Folders by what they hold. */
  readonly #trees: ReadonlyMap<Digest, readonly CountedTree[]>;
  /** How many packs have an output. */
  readonly #outputs = new Map<Digest, number>();
  readonly #uris: ReadonlySet<CtxUri>;
  /** Of what is kept beside a pack, in bytes. */
  readonly #logs = new Map<CtxUri, number>();
  readonly #packs = new Map<CountedPack, DoomedPack>();
  readonly #doomedTrees = new Map<CountedTree, string>();
  #doomedBlobs: DoomedBlob[] = [];
  readonly #unreadable: readonly CtxUri[];
  #size: number;
  /** What contents take that folders share, in bytes. */
  #contents: number;

  constructor(places: Places, census: Census, rules: PlanRules) {
    this.#places = places;
    this.#census = census;
    this.#rules = rules;
    this.#size = sizeOf(census);
    this.#contents = census.contents
      .filter(({ links }) => links > 0)
      .reduce((sum, { bytes }) => sum + bytes, 0);
    this.#counts = holders(census.packs, census.blobs);
    this.#uris = new Set([...census.packs.map(({ record }) => record.uri), ...census.unknown]);
    for (const { uri, bytes } of census.logs) {
      this.#logs.set(uri, bytes + (this.#logs.get(uri) ?? 0));
    }
    // One that is known to be damaged is partial: it is no hit, and must not stand in the way for ever.
    const illegible = census.packs.filter((it) => it.blobs === undefined && !it.record.partial);
    this.#unreadable = [...illegible.map(({ record }) => record.uri), ...census.unknown];
    this.#trees = Map.groupBy(census.trees, ({ tree }) => tree);
    for (const { record } of census.packs) this.#count(record.tree, 1);
  }

  *steps(): Generator<void, Plan, void> {
    const size = this.#size;
    const { contents, leftovers } = yield* this.#rubbish();
    const orphans = this.#doomedBlobs;
    this.#doomedBlobs = [];
    const { unusedSinceMs, budget, foldersFirst = false } = this.#rules;
    const byUse = this.#census.packs
      .filter((pack) => !this.#isInUse(pack))
      .map((pack) => ({ pack, atMs: usedMs(pack) }))
      .sort((a, b) => a.atMs - b.atMs);
    if (unusedSinceMs !== undefined) {
      const since = new Date(unusedSinceMs).toISOString().slice(0, 10);
      for (const { pack, atMs } of byUse) {
        if (atMs < unusedSinceMs) this.#drop(pack, `not used since ${since}`);
        yield;
      }
    }
    const idle = this.#census.trees
      .filter((tree) => this.#mayGo(tree) && !this.#doomedTrees.has(tree))
      .sort((a, b) => a.usedMs - b.usedMs);
    const isOver = (): boolean => this.#size > budget;
    const packsWait = foldersFirst && isOver() && idle.length > 0;
    for (const tree of idle) {
      if (!isOver()) break;
      this.#dropTree(tree, "over the budget: it can be made again from the pack");
      yield;
    }
    // While no blob may go, a pack that goes would free nothing, and all of them would go for it.
    const canFree = this.#unreadable.length === 0 && this.#rules.busySinceMs > 0;
    for (const { pack } of byUse) {
      if (!isOver() || packsWait || !canFree) break;
      if (!this.#packs.has(pack)) this.#drop(pack, "over the budget: used longest ago");
      yield;
    }
    return {
      size,
      unreadable: this.#unreadable,
      packs: [...this.#packs.values()],
      trees: [...this.#doomedTrees].map(([tree, reason]) => ({ tree, reason })),
      orphans,
      blobs: this.#doomedBlobs,
      contents,
      leftovers,
      sizeAfter: this.#size,
    };
  }

  /** What no pack needs. */
  *#rubbish(): Generator<void, { contents: CountedContent[]; leftovers: CountedFile[] }, void> {
    const { nowMs, grace } = this.#rules;
    const { blobs, listings } = this.#census;
    for (const tree of this.#census.trees) {
      const isOrphan = !this.#outputs.has(tree.tree);
      if (isOrphan && this.#mayGo(tree)) this.#dropTree(tree, "of no pack");
      yield;
    }
    for (let id = 0; id < blobs.count; id++) {
      const isKept = listings.has(id) && nowMs - blobs.usedMsOf(id) <= grace.listingMs;
      if (this.#counts[id] === 0 && !isKept) this.#dropBlob(id);
      yield;
    }
    // Removing one that no folder shares costs no more than that the next folder writes it again.
    const contents = this.#census.contents.filter(({ links }) => links === 0);
    const { leftovers: putAside, discarded, logs, results } = this.#census;
    const isOlder = (ms: number) => (file: CountedFile) => nowMs - file.usedMs > ms;
    const leftovers = [
      ...putAside.filter(isOlder(grace.handedOutMs)),
      ...discarded.filter(isOlder(grace.trashMs)),
      ...results.filter(isOlder(grace.resultMs)),
      ...logs.filter(({ uri }) => !this.#uris.has(uri)).filter(isOlder(grace.unnamedMs)),
    ];
    for (const { bytes } of [...contents, ...leftovers]) this.#size -= bytes;
    return { contents, leftovers };
  }

  #drop(pack: CountedPack, reason: string): void {
    const before = this.#size;
    for (const id of pack.blobs ?? []) {
      const left = (this.#counts[id] as number) - 1;
      this.#counts[id] = left;
      if (left === 0) this.#dropBlob(id);
    }
    const { tree, uri } = pack.record;
    this.#size -= this.#logs.get(uri) ?? 0;
    this.#count(tree, -1);
    if (!this.#outputs.has(tree)) {
      for (const one of this.#trees.get(tree) ?? []) this.#dropTree(one, "its pack goes");
    }
    this.#packs.set(pack, { pack, bytes: before - this.#size, reason });
  }

  #dropTree(tree: CountedTree, reason: string): void {
    if (this.#doomedTrees.has(tree)) return;
    this.#doomedTrees.set(tree, reason);
    // At most: other folders may have the same contents.
    const shared = Math.min(tree.shared, this.#contents);
    this.#contents -= shared;
    this.#size -= tree.bytes + shared;
  }

  #dropBlob(id: number): void {
    const { nowMs, busySinceMs, grace } = this.#rules;
    const { blobs } = this.#census;
    const usedMs = blobs.usedMsOf(id);
    if (this.#unreadable.length > 0) return;
    if (usedMs >= Math.min(nowMs - grace.unnamedMs, busySinceMs)) return;
    const [path, bytes] = [this.#places.blob(blobs.digest(id)), blobs.bytesOf(id)];
    this.#doomedBlobs.push({ id, path, bytes, usedMs });
    this.#size -= bytes;
  }

  #isHandedOut(tree: CountedTree): boolean {
    return this.#rules.nowMs - tree.usedMs <= this.#rules.grace.handedOutMs;
  }

  /** Neither in use, nor maybe of a pack of which nothing is known. */
  #mayGo(tree: CountedTree): boolean {
    const isOfUnknown = this.#census.unknown.length > 0 && !this.#outputs.has(tree.tree);
    const isStuck = this.#rules.refused?.has(tree.path) === true;
    return !isOfUnknown && !isStuck && !this.#isHandedOut(tree);
  }

  #isInUse(pack: CountedPack): boolean {
    if (pack.record.pinned) return true;
    if (this.#rules.nowMs - usedMs(pack) <= this.#rules.grace.usedMs) return true;
    return (this.#trees.get(pack.record.tree) ?? []).some((tree) => this.#isHandedOut(tree));
  }

  #count(tree: Digest, by: number): void {
    const count = (this.#outputs.get(tree) ?? 0) + by;
    if (count > 0) this.#outputs.set(tree, count);
    else this.#outputs.delete(tree);
  }
}

function usedMs({ record }: CountedPack): number {
  return Date.parse(record.usedAt);
}
