import type { CtxUri } from "@ctxpack/identity";

/**
 * Every kind of damage a check knows, by its stable name. `damage` may take something away from a user;
 * a `leftover` is what killed processes and removed packs leave behind, of which nothing is ever served.
 */
export const DAMAGE_KINDS = {
  /** The file of a pack's record cannot be read as one. */
  "record-damaged": "damage",
  /** A record says something else than the manifest it names. */
  "record-mismatch": "damage",
  /** A whole pack lacks a blob. */
  "blob-missing": "damage",
  /** A blob has another size than the manifest says. */
  "blob-truncated": "damage",
  /** A blob does not have the digest in its name. */
  "blob-corrupt": "damage",
  /** A blob is no read-only file. */
  "blob-mode": "damage",
  /** The blob is what it should be, and is no manifest of this pack. */
  "manifest-invalid": "damage",
  /** The blob is what it should be, and is no index of this pack. */
  "index-invalid": "damage",
  /** A materialised file, link or folder is not what the index says. */
  "tree-file-changed": "damage",
  /** A materialised file, link or folder is gone. */
  "tree-file-missing": "damage",
  /** A materialised folder holds what its pack does not. */
  "tree-file-extra": "damage",
  /** The note beside a materialised folder cannot be read. */
  "tree-marker-damaged": "damage",
  /** A shared content does not have the digest in its name. */
  "pool-file-corrupt": "damage",
  /** A name that no file of ours has. */
  "foreign-file": "damage",
  /** A file belongs to another user than the store does. */
  "foreign-owner": "damage",
  /** The file that makes the store an OCI image layout is not what it should be. */
  "layout-damaged": "damage",
  /** The database cannot be read as one. */
  "database-damaged": "damage",
  /** The index of known digests cannot be read as one. */
  "stat-index-damaged": "damage",
  /** The unfinished work of a process that is gone. */
  "stale-workspace": "leftover",
  /** A file of an update that a killed process never renamed. */
  "stale-temporary": "leftover",
  /** The beginning of a blob that nobody came back for. */
  "stale-download": "leftover",
  /** A pin of a pack that is not here. */
  "stale-pin": "leftover",
  /** A materialised folder of a pack that is not here any more; collecting removes it. */
  "tree-orphan": "leftover",
} as const satisfies Record<string, "damage" | "leftover">;

export type DamageKind = keyof typeof DAMAGE_KINDS;

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
  state: DamageState;
  outcome?: string;
}

/** What is found, once for every kind and path. */
export class Findings {
  readonly #all = new Map<string, Finding>();

  add(kind: DamageKind, path: string, message: string, uris: Iterable<CtxUri> = []): Finding {
    const key = `${kind} ${path}`;
    const finding = this.#all.get(key) ?? { kind, path, message, uris: new Set(), state: "found" };
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
