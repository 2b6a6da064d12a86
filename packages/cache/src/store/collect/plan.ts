import type { CtxUri, Digest } from "@ctxpack/identity";
import {
  type Census,
  type CountedBlob,
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
  readonly orphans: readonly CountedBlob[];
  readonly blobs: readonly CountedBlob[];
  readonly contents: readonly CountedContent[];
  readonly leftovers: readonly CountedFile[];
  /** What the store will take, in bytes; an estimate. */
  readonly sizeAfter: number;
}

/**
 * Decides what goes: what no pack needs, then packs that were not used for longer than asked, then, while the store
 * is over its budget, folders that can be made again and whole packs, those that were used longest ago first.
 */
export function makePlan(census: Census, rules: PlanRules): Plan {
  return new Planner(census, rules).plan();
}

class Planner {
  readonly #census: Census;
  readonly #rules: PlanRules;
  readonly #counts: Map<Digest, number>;
  /** Folders by what they hold. */
  readonly #trees = new Map<Digest, CountedTree[]>();
  /** How many packs have an output. */
  readonly #outputs = new Map<Digest, number>();
  readonly #uris: ReadonlySet<CtxUri>;
  /** Of what is kept beside a pack, in bytes. */
  readonly #logs = new Map<CtxUri, number>();
  readonly #packs: DoomedPack[] = [];
  readonly #doomedTrees = new Map<CountedTree, string>();
  readonly #doomedBlobs = new Map<Digest, CountedBlob>();
  readonly #unreadable: readonly CtxUri[];
  #size: number;
  /** What contents take that folders share, in bytes. */
  #contents: number;

  constructor(census: Census, rules: PlanRules) {
    this.#census = census;
    this.#rules = rules;
    this.#size = sizeOf(census);
    this.#contents = census.contents
      .filter(({ links }) => links > 0)
      .reduce((sum, { bytes }) => sum + bytes, 0);
    this.#counts = holders(census.packs);
    this.#uris = new Set([...census.packs.map(({ record }) => record.uri), ...census.unknown]);
    for (const { uri, bytes } of census.logs) {
      this.#logs.set(uri, bytes + (this.#logs.get(uri) ?? 0));
    }
    // One that is known to be damaged is partial: it is no hit, and must not stand in the way for ever.
    const illegible = census.packs.filter((it) => it.blobs === undefined && !it.record.partial);
    this.#unreadable = [...illegible.map(({ record }) => record.uri), ...census.unknown];
    for (const tree of census.trees) {
      this.#trees.set(tree.tree, [...(this.#trees.get(tree.tree) ?? []), tree]);
    }
    for (const { record } of census.packs) this.#count(record.tree, 1);
  }

  plan(): Plan {
    const size = this.#size;
    const { contents, leftovers } = this.#rubbish();
    const orphans = [...this.#doomedBlobs.values()];
    this.#doomedBlobs.clear();
    const { unusedSinceMs, budget } = this.#rules;
    const byUse = this.#census.packs
      .filter((pack) => !this.#isInUse(pack))
      .sort((a, b) => usedMs(a) - usedMs(b));
    if (unusedSinceMs !== undefined) {
      const since = new Date(unusedSinceMs).toISOString().slice(0, 10);
      for (const pack of byUse) {
        if (usedMs(pack) < unusedSinceMs) this.#drop(pack, `not used since ${since}`);
      }
    }
    const idle = this.#census.trees
      .filter((tree) => this.#mayGo(tree) && !this.#doomedTrees.has(tree))
      .sort((a, b) => a.usedMs - b.usedMs);
    for (const tree of idle) {
      if (this.#size <= budget) break;
      this.#dropTree(tree, "over the budget: it can be made again from the pack");
    }
    for (const pack of byUse) {
      if (this.#size <= budget) break;
      if (this.#packs.some((doomed) => doomed.pack === pack)) continue;
      this.#drop(pack, "over the budget: used longest ago");
    }
    return {
      size,
      unreadable: this.#unreadable,
      packs: this.#packs,
      trees: [...this.#doomedTrees].map(([tree, reason]) => ({ tree, reason })),
      orphans,
      blobs: [...this.#doomedBlobs.values()],
      contents,
      leftovers,
      sizeAfter: this.#size,
    };
  }

  /** What no pack needs. */
  #rubbish(): { contents: CountedContent[]; leftovers: CountedFile[] } {
    const { nowMs, grace } = this.#rules;
    for (const tree of this.#census.trees) {
      const isOrphan = !this.#outputs.has(tree.tree);
      if (isOrphan && this.#mayGo(tree)) this.#dropTree(tree, "of no pack");
    }
    for (const blob of this.#census.blobs.values()) {
      if (this.#counts.has(blob.digest)) continue;
      const isKept =
        this.#census.listings.has(blob.digest) && nowMs - blob.usedMs <= grace.listingMs;
      if (!isKept) this.#dropBlob(blob);
    }
    const contents = this.#unshared();
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

  /**
   * Contents that no folder shares: removing one costs no more than that the next folder writes it again. Where blocks
   * are shared in place of files nobody can tell, and they stay as long as folders do.
   */
  #unshared(): CountedContent[] {
    const { nowMs, grace } = this.#rules;
    const { contents, trees } = this.#census;
    const canTell =
      contents.some(({ links }) => links > 0) || trees.length === this.#doomedTrees.size;
    return contents.filter(
      ({ links, usedMs }) => links === 0 && (canTell || nowMs - usedMs > grace.handedOutMs),
    );
  }

  #drop(pack: CountedPack, reason: string): void {
    const before = this.#size;
    for (const digest of pack.blobs?.keys() ?? []) {
      const left = (this.#counts.get(digest) ?? 1) - 1;
      this.#counts.set(digest, left);
      const blob = this.#census.blobs.get(digest);
      if (left === 0 && blob !== undefined) this.#dropBlob(blob);
    }
    const { tree, uri } = pack.record;
    this.#size -= this.#logs.get(uri) ?? 0;
    this.#count(tree, -1);
    if (!this.#outputs.has(tree)) {
      for (const one of this.#trees.get(tree) ?? []) this.#dropTree(one, "its pack goes");
    }
    this.#packs.push({ pack, bytes: before - this.#size, reason });
  }

  #dropTree(tree: CountedTree, reason: string): void {
    if (this.#doomedTrees.has(tree)) return;
    this.#doomedTrees.set(tree, reason);
    // At most: other folders may have the same contents.
    const shared = Math.min(tree.shared, this.#contents);
    this.#contents -= shared;
    this.#size -= tree.bytes + shared;
  }

  #dropBlob(blob: CountedBlob): void {
    const { nowMs, busySinceMs, grace } = this.#rules;
    if (this.#unreadable.length > 0) return;
    if (blob.usedMs >= Math.min(nowMs - grace.unnamedMs, busySinceMs)) return;
    this.#doomedBlobs.set(blob.digest, blob);
    this.#size -= blob.bytes;
  }

  #isHandedOut(tree: CountedTree): boolean {
    return this.#rules.nowMs - tree.usedMs <= this.#rules.grace.handedOutMs;
  }

  /** Neither in use, nor maybe of a pack of which nothing is known. */
  #mayGo(tree: CountedTree): boolean {
    const isOfUnknown = this.#census.unknown.length > 0 && !this.#outputs.has(tree.tree);
    return !isOfUnknown && !this.#isHandedOut(tree);
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
