import type { CtxUri } from "@ctxpack/identity";

/** What a check may find, by its stable name. More may be added; none changes its meaning. */
export type DamageKind =
  /** The file of a pack's record cannot be read as one. */
  | "record-damaged"
  /** A record says something else than the manifest it names. */
  | "record-mismatch"
  /** A whole pack lacks a blob. */
  | "blob-missing"
  /** A blob has another size than the manifest says. */
  | "blob-truncated"
  /** A blob does not have the digest in its name. */
  | "blob-corrupt"
  /** A blob is no read-only file. */
  | "blob-mode"
  /** The blob is what it should be, and is no manifest of this pack. */
  | "manifest-invalid"
  /** The blob is what it should be, and is no index of this pack. */
  | "index-invalid"
  /** A materialised file, link or folder is not what the index says. */
  | "tree-file-changed"
  /** A materialised file, link or folder is gone. */
  | "tree-file-missing"
  /** A materialised folder holds what its pack does not. */
  | "tree-file-extra"
  /** The note beside a materialised folder cannot be read. */
  | "tree-marker-damaged"
  /** A shared content does not have the digest in its name. */
  | "pool-file-corrupt"
  /** The result of an item does not have the digest in its name. */
  | "result-corrupt"
  /** A name that no file of ours has. */
  | "foreign-file"
  /** A file belongs to another user than the store does. */
  | "foreign-owner"
  /** The file that makes the store an OCI image layout is not what it should be. */
  | "layout-damaged"
  /** The database cannot be read as one. */
  | "database-damaged"
  /** The memory of what policies accepted cannot be read as a database. */
  | "seen-damaged"
  /** The index of known digests cannot be read as one. */
  | "stat-index-damaged"
  /** What is known of a folder that was seeded cannot be read. */
  | "snapshot-damaged"
  /** The table of known contracts ends in what is none of its rows, as after a kill; it is learnt again. */
  | "known-contracts-torn"
  /** The list of known records cannot be read; records are read one by one. */
  | "known-records-damaged"
  /** The unfinished work of a process that is gone. */
  | "stale-workspace"
  /** A file of an update that a killed process never renamed. */
  | "stale-temporary"
  /** The beginning of a blob that nobody came back for. */
  | "stale-download"
  /** A pin of a pack that is not here. */
  | "stale-pin"
  /** What a command printed that made a pack which is not here. */
  | "stale-log"
  /** What became of computing a pack again that is not here. */
  | "stale-recheck"
  /** The proofs of a pack that is not here. */
  | "stale-proof"
  /** The claim of a process that is gone on what it computed. */
  | "stale-claim"
  /** What was moved out of the way more than a day ago. */
  | "stale-trash"
  /** The result of an item that no map has come back for. */
  | "stale-result"
  /** A materialised folder of a pack that is not here any more; collecting removes it. */
  | "tree-orphan";

/**
 * `damage` may take something away from a user; a `leftover` is what killed processes and removed packs leave behind,
 * of which nothing is ever served.
 */
export const DAMAGE_KINDS: Readonly<Record<DamageKind, "damage" | "leftover">> = {
  "record-damaged": "damage",
  "record-mismatch": "damage",
  "blob-missing": "damage",
  "blob-truncated": "damage",
  "blob-corrupt": "damage",
  "blob-mode": "damage",
  "manifest-invalid": "damage",
  "index-invalid": "damage",
  "tree-file-changed": "damage",
  "tree-file-missing": "damage",
  "tree-file-extra": "damage",
  "tree-marker-damaged": "damage",
  "pool-file-corrupt": "damage",
  "result-corrupt": "damage",
  "foreign-file": "damage",
  "foreign-owner": "damage",
  "layout-damaged": "damage",
  "database-damaged": "damage",
  "seen-damaged": "damage",
  "stat-index-damaged": "damage",
  "snapshot-damaged": "damage",
  "known-contracts-torn": "leftover",
  "known-records-damaged": "damage",
  "stale-workspace": "leftover",
  "stale-temporary": "leftover",
  "stale-download": "leftover",
  "stale-pin": "leftover",
  "stale-log": "leftover",
  "stale-recheck": "leftover",
  "stale-proof": "leftover",
  "stale-claim": "leftover",
  "stale-trash": "leftover",
  "stale-result": "leftover",
  "tree-orphan": "leftover",
};

/**
 * What became of a damage: only looked at; put right; put right as far as the store goes, but content is
 * gone that no pantry has; not put right because the disk refused.
 */
export type DamageState = "found" | "repaired" | "lost" | "refused";

/** One thing that is wrong. */
export interface Damage {
  readonly kind: DamageKind;
  readonly severity: "damage" | "leftover";
  /** The file or folder it was found in; absolute. */
  readonly path: string;
  /** One sentence for a person. */
  readonly message: string;
  /** The packs it belongs to. */
  readonly uris: readonly CtxUri[];
  readonly state: DamageState;
  /** What was done, or why it could not be. */
  readonly outcome?: string;
}

/** A damage while it is being worked on. */
export interface Finding {
  readonly kind: DamageKind;
  readonly path: string;
  readonly message: string;
  readonly uris: Set<CtxUri>;
  /** Of a materialised folder: the identity of the one that was looked at. */
  readonly seen?: string | undefined;
  state: DamageState;
  outcome?: string;
}

/** What is found, once for every kind and path. */
export class Findings {
  readonly #all = new Map<string, Finding>();

  add(
    kind: DamageKind,
    path: string,
    message: string,
    uris: Iterable<CtxUri> = [],
    seen?: string,
  ): Finding {
    const key = keyOf(kind, path);
    const finding = this.#all.get(key) ?? {
      ...{ kind, path, message, seen },
      uris: new Set(),
      state: "found",
    };
    for (const uri of uris) finding.uris.add(uri);
    this.#all.set(key, finding);
    return finding;
  }

  get count(): number {
    return this.#all.size;
  }

  /** Those of these kinds that nothing was done about yet. */
  open(...kinds: readonly DamageKind[]): Finding[] {
    return [...this.#all.values()].filter(
      ({ kind, state }) => state === "found" && kinds.includes(kind),
    );
  }

  /** Takes back one that turned out to be none. */
  withdraw({ kind, path }: Finding): void {
    this.#all.delete(keyOf(kind, path));
  }

  /** As they are reported: in the order they were found. */
  report(): Damage[] {
    return [...this.#all.values()].map(({ kind, path, message, uris, state, outcome }) => ({
      kind,
      severity: DAMAGE_KINDS[kind],
      path,
      message,
      uris: [...uris],
      state,
      ...(outcome !== undefined && { outcome }),
    }));
  }
}

function keyOf(kind: DamageKind, path: string): string {
  return `${kind} ${path}`;
}
