import { hash } from "node:crypto";
import {
  type BigIntStats,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { type Digest, isDigest } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { writeFully } from "./blobs.ts";
import { clear } from "./clear.ts";
import { makeFolder, unlessMissing } from "./disk.ts";
import type { Parts } from "./parts.ts";
import { isSettled } from "./stat-index.ts";

/** Bytes that stand for the state of one file: of the SHA-256 of its stat. */
const KEY_BYTES = 16;
const SCHEMA = "ctxpack.snapshot/v1";
/** What nobody seeded again for so long is forgotten, in milliseconds. */
const KEPT_MS = 60 * 86_400_000;
/** Less than this is read again as quickly as it is looked at, in bytes. */
const LEAST = 1 << 20;

/** Which pack a folder was when it was seeded last. */
export interface SnapshotFacts {
  readonly manifest: { readonly digest: Digest; readonly size: number };
  /** log2 of the average segment. */
  readonly exponent: number;
}

/** The state of each file of a folder when it was listed, by row: what changes after that is for the next seed. */
export class FoundStates {
  /** A row that was never set is like no state, also not like that of a file that was not settled. */
  bytes: Buffer = Buffer.alloc(1024 * KEY_BYTES, 0xff);

  set(row: number, stat: BigIntStats): void {
    const end = (row + 1) * KEY_BYTES;
    if (end > this.bytes.length) {
      this.bytes = Buffer.concat([this.bytes, Buffer.alloc(2 * end - this.bytes.length, 0xff)]);
    }
    writeKey(stat, this.bytes, row);
  }
}

/** The state of each file of a listing when it was read, by row. */
export class FileStates {
  readonly bytes: Buffer;

  constructor(rows: number) {
    this.bytes = Buffer.alloc(rows * KEY_BYTES);
  }

  /** Notes the state of a file that was read from `readAt` on (Unix time, ms) and has not changed since. */
  set(row: number, stat: BigIntStats, readAt: number): void {
    if (isSettled(stat, readAt)) writeKey(stat, this.bytes, row);
  }

  /** Takes over what an earlier snapshot says of a file that was not read. */
  copy(row: number, from: Snapshot, fromRow: number): void {
    from.states.copy(this.bytes, row * KEY_BYTES, fromRow * KEY_BYTES, (fromRow + 1) * KEY_BYTES);
  }
}

/**
 * What a folder's files looked like when a pack was made of it, by row of that pack's index: whoever makes a pack of
 * the folder again need not open those that look the same. Only ever saves reading; trusted by the rule of `StatIndex`.
 */
export class Snapshot {
  readonly facts: SnapshotFacts;
  readonly states: Buffer;

  private constructor(facts: SnapshotFacts, states: Buffer) {
    this.facts = facts;
    this.states = states;
  }

  /** The snapshot of a folder, by its real path; a damaged one counts as none. */
  static read(parts: Parts, root: string): Snapshot | undefined {
    try {
      return parseSnapshot(readFileSync(pathOf(parts, root)));
    } catch {
      return undefined;
    }
  }

  /** Writes the snapshot of a folder. One that cannot be written is no error: the files are read again. */
  static write(parts: Parts, root: string, facts: SnapshotFacts, states: FileStates): void {
    const path = pathOf(parts, root);
    const temporary = parts.workspace.path();
    try {
      makeFolder(parts.places.snapshots, 0o700);
      reap(parts.places.snapshots, Date.now());
      const { bytes } = states;
      const head = JSON.stringify({
        schema: SCHEMA,
        ...facts,
        check: hash("sha256", bytes, "hex"),
      });
      const fd = openSync(temporary, "wx", 0o600);
      try {
        writeFully(fd, Buffer.from(`${head}\n`));
        writeFully(fd, bytes);
      } finally {
        closeSync(fd);
      }
      rename(temporary, path);
    } catch {
      clear(temporary);
    }
  }

  static of(facts: SnapshotFacts, states: Buffer): Snapshot {
    return new Snapshot(facts, states);
  }

  /** Whether the file in a row of the pack's index was found, as `foundRow`, in the state in which it had been read. */
  isUnchanged(row: number, found: FoundStates, foundRow: number): boolean {
    const [at, foundAt] = [row * KEY_BYTES, foundRow * KEY_BYTES];
    const end = at + KEY_BYTES;
    if (end > this.states.length) return false;
    return this.states.compare(found.bytes, foundAt, foundAt + KEY_BYTES, at, end) === 0;
  }
}

/** Whether a folder with so many bytes is worth a snapshot. */
export function isWorthSnapshot(bytes: number): boolean {
  return bytes >= LEAST;
}

/** A snapshot from its file; `undefined` or a throw for what is none. */
export function parseSnapshot(file: Buffer): Snapshot | undefined {
  const end = file.indexOf(0x0a);
  const { schema, manifest, exponent, check } = JSON.parse(file.toString("utf8", 0, end));
  const states = file.subarray(end + 1);
  const isRight =
    schema === SCHEMA &&
    isDigest(manifest.digest) &&
    Number.isSafeInteger(manifest.size) &&
    Number.isSafeInteger(exponent) &&
    hash("sha256", states, "hex") === check;
  if (!isRight) return undefined;
  return Snapshot.of(
    { manifest: { digest: manifest.digest, size: manifest.size }, exponent },
    states,
  );
}

const NUMBERS: BigInt64Array = new BigInt64Array(6);
const NUMBER_BYTES: Buffer = Buffer.from(NUMBERS.buffer);

/** Never all zeros, as good as: what was not settled has no key. */
function writeKey(stat: BigIntStats, into: Buffer, row: number): void {
  NUMBERS[0] = stat.dev;
  NUMBERS[1] = stat.ino;
  NUMBERS[2] = stat.size;
  NUMBERS[3] = stat.mtimeNs;
  NUMBERS[4] = stat.ctimeNs;
  NUMBERS[5] = stat.mode;
  // As a string, for that is twice as fast as a new Buffer.
  into.write(hash("sha256", NUMBER_BYTES, "binary"), row * KEY_BYTES, KEY_BYTES, "latin1");
}

function reap(folder: string, nowMs: number): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const seen = unlessMissing(() => statSync(path).mtimeMs);
    if (seen !== undefined && nowMs - seen > KEPT_MS) clear(path);
  }
}

/** What is known of a folder lies under its real path's digest. */
function pathOf(parts: Parts, root: string): string {
  return join(parts.places.snapshots, hash("sha256", root, "hex").slice(0, 32));
}
