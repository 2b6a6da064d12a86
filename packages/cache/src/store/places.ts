import { basename, join, sep } from "node:path";
import { type CtxUri, type Digest, digestHex, uriDigest } from "@ctxpack/identity";

/**
 * Where everything of one store lies. Blobs lie as in an OCI image layout; records are named by URI,
 * trees by what they hold, so that a path that was handed out never changes its meaning.
 */
export class Places {
  readonly dir: string;
  readonly version: string;
  readonly layout: string;
  readonly blobs: string;
  readonly records: string;
  readonly pins: string;
  readonly trees: string;
  readonly shared: string;
  readonly temporary: string;
  readonly unfinished: string;
  readonly quarantine: string;
  readonly database: string;
  readonly statIndex: string;
  readonly snapshots: string;
  readonly tally: string;
  readonly logs: string;
  readonly rechecked: string;
  readonly proofs: string;
  readonly claims: string;
  readonly trash: string;
  readonly known: string;
  readonly knownRecords: string;
  readonly results: string;

  constructor(dir: string) {
    this.dir = dir;
    this.version = join(dir, "VERSION");
    this.layout = join(dir, "oci-layout");
    this.blobs = join(dir, "blobs", "sha256");
    this.records = join(dir, "packs");
    this.pins = join(dir, "pins");
    this.trees = join(dir, "trees");
    this.shared = join(dir, "files");
    this.temporary = join(dir, "tmp");
    this.unfinished = join(dir, "unfinished");
    this.quarantine = join(dir, "quarantine");
    this.database = join(dir, "store.db");
    this.statIndex = join(dir, "stat-index");
    this.snapshots = join(dir, "snapshots");
    this.tally = join(dir, "tally.json");
    this.logs = join(dir, "logs");
    this.rechecked = join(dir, "rechecks");
    this.proofs = join(dir, "proofs");
    this.claims = join(dir, "claims");
    this.trash = join(dir, "trash");
    this.known = join(dir, "known-contracts");
    this.knownRecords = join(dir, "known-records");
    this.results = join(dir, "results");
  }

  blob(digest: Digest): string {
    // Not `join`, here and for records, pins and trees: it costs more than it saves where it is asked ten thousand times.
    return `${this.blobs}${sep}${digestHex(digest)}`;
  }

  record(uri: CtxUri): string {
    const hex = digestHex(uriDigest(uri));
    return `${this.shelf(hex.slice(0, 2))}${sep}${hex}.json`;
  }

  /** The folder of the records whose digests begin with two hex digits. */
  shelf(digits: string): string {
    return `${this.records}${sep}${digits}`;
  }

  pin(uri: CtxUri): string {
    return `${this.pins}${sep}${digestHex(uriDigest(uri))}`;
  }

  /** What the command printed that made a pack. */
  log(uri: CtxUri): string {
    return shelved(this.logs, uri);
  }

  /** What became of computing a pack again. */
  rechecks(uri: CtxUri): string {
    return shelved(this.rechecked, uri);
  }

  /** Who vouches for a pack. */
  proof(uri: CtxUri): string {
    return shelved(this.proofs, uri);
  }

  /** Says which process computes a pack. */
  claim(uri: CtxUri): string {
    return join(this.claims, digestHex(uriDigest(uri)));
  }

  /** Where something damaged goes. */
  aside(path: string): string {
    return join(this.quarantine, `${basename(path)}.${crypto.randomUUID().slice(0, 8)}`);
  }

  /** The folder around a materialised tree; `selection` tells parts of one tree apart. */
  tree(tree: Digest, selection?: string): string {
    const hex = digestHex(tree);
    const name = selection === undefined ? hex : `${hex}-${selection}`;
    return `${this.trees}${sep}${hex.slice(0, 2)}${sep}${name}`;
  }
}

function shelved(dir: string, uri: CtxUri): string {
  const hex = digestHex(uriDigest(uri));
  return join(dir, hex.slice(0, 2), hex);
}
