import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { CtxUri } from "@ctxpack/identity";
import { rename } from "@ctxpack/oci";
import { writeFully } from "./blobs.ts";
import { clear } from "./clear.ts";
import { makeFolder, onDisk, unlessMissing } from "./disk.ts";
import { isGone, isOurs, type Owner, ownerName, parseOwner } from "./owner.ts";
import type { Parts } from "./parts.ts";

const HEARTBEAT_MS = 10_000;
const SCHEMA = "ctxpack.claim/v1";

/** With more notes than this, in bytes, the file is made anew. */
const MOST_NOTED = 64 * 1024;

/** A process group, and when its first process began: a number alone is given again. */
export interface ClaimedGroup {
  readonly pid: number;
  /** In the kernel's ticks; `0` where the platform does not say. */
  readonly start: string;
}

/** Somebody else computes it. */
export interface Claimant {
  readonly held: false;
  readonly pid: number;
}

interface ClaimFile {
  readonly owner: string;
  readonly groups: readonly ClaimedGroup[];
}

/**
 * The right to compute a pack, which one process of a store has at a time. It saves work and is no more than that:
 * whoever loses it stores the same pack or is told of a conflict.
 */
export class Claim {
  readonly held = true;
  /** Groups that a process which is gone has left: to be ended before anything is computed. */
  readonly abandoned: readonly ClaimedGroup[];
  readonly #parts: Parts;
  readonly #uri: CtxUri;
  readonly #owner: string;
  readonly #heartbeat: NodeJS.Timeout;
  /** The claim's file, as long as it is ours, open to be added to. */
  #notes: number | undefined;

  constructor(parts: Parts, uri: CtxUri, claim: ClaimFile) {
    this.#parts = parts;
    this.#uri = uri;
    this.#owner = claim.owner;
    this.abandoned = claim.groups;
    // Only other machines look at it: here the kernel says who lives.
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** Whether nobody has taken it, as happens to a process that was silent for an hour on another machine. */
  isHeld(): boolean {
    return readClaim(this.#path)?.owner === this.#owner;
  }

  /** Says which process groups compute, so that they can be ended when we are gone; the abandoned ones are ended. */
  record(...groups: readonly ClaimedGroup[]): void {
    onDisk("writing", this.#path, () => {
      if (this.#notes !== undefined && !this.#isThere(this.#notes)) this.#close();
      this.#notes ??= this.#open();
      if (this.#notes === undefined) return;
      if (fstatSync(this.#notes).size < MOST_NOTED) {
        // Each note in lines of its own: one that a full disk has cut short spoils no other.
        writeFully(this.#notes, Buffer.from(`\n${JSON.stringify({ groups })}\n`));
        return;
      }
      this.#close();
      writeClaim(this.#parts, this.#uri, { owner: this.#owner, groups });
    });
  }

  /** Gives it up; nothing happens when somebody has taken it. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#parts.database.exclusive(() => {
      this.#close();
      if (this.isHeld()) clear(this.#path);
    });
  }

  get #path(): string {
    return this.#parts.places.claim(this.#uri);
  }

  /** Whether an open file still is the claim: whoever takes it puts another one in its place. */
  #isThere(fd: number): boolean {
    const there = unlessMissing(() => statSync(this.#path, { bigint: true }));
    return there?.ino === fstatSync(fd, { bigint: true }).ino;
  }

  #open(): number | undefined {
    const flags = constants.O_RDWR | constants.O_APPEND;
    const fd = unlessMissing(() => openSync(this.#path, flags));
    if (fd === undefined || parseClaim(readFileSync(fd, "utf8"))?.owner === this.#owner) return fd;
    closeSync(fd);
    return undefined;
  }

  #close(): void {
    if (this.#notes !== undefined) closeSync(this.#notes);
    this.#notes = undefined;
  }

  #beat(): void {
    try {
      const now = new Date();
      if (this.isHeld()) utimesSync(this.#path, now, now);
    } catch {
      // A sign of life that cannot be given must not end the work.
    }
  }
}

/** `Store.claim`. */
export async function claim(
  parts: Parts,
  uri: CtxUri,
  signal: AbortSignal | undefined,
): Promise<Claim | Claimant> {
  parts.workspace.expectWritable();
  const path = parts.places.claim(uri);
  const result = await parts.database.exclusive((): ClaimFile | Claimant => {
    const there = readClaim(path);
    const owner = there && parseOwner(there.owner);
    if (owner !== undefined && !isAbandoned(path, owner)) return { held: false, pid: owner.pid };
    // The numbers of another machine, or of before a reboot, mean nothing here.
    const groups = owner !== undefined && isOurs(owner) ? (there?.groups ?? []) : [];
    const mine = { owner: ownerName(), groups };
    writeClaim(parts, uri, mine);
    return mine;
  }, signal);
  return "held" in result ? result : new Claim(parts, uri, result);
}

/** Whose claim a file is; `undefined` when it is none. */
export function claimOwner(path: string): Owner | undefined {
  const found = readClaim(path);
  return found && parseOwner(found.owner);
}

/** Whether the process is gone that has a claim. */
export function isAbandoned(path: string, owner: Owner): boolean {
  const seenMs = unlessMissing(() => statSync(path).mtimeMs);
  return seenMs === undefined || isGone(owner, seenMs, Date.now());
}

function readClaim(path: string): ClaimFile | undefined {
  const text = unlessMissing(() => onDisk("reading", path, () => readFileSync(path, "utf8")));
  return text === undefined ? undefined : parseClaim(text);
}

/**
 * A claim is a line that says whose it is, and a line for each time its groups changed, of which the last whole one
 * counts. Lines are added rather than the file replaced: on ext4 that is twenty times as fast, and a map notes a group
 * for each of its items.
 */
function parseClaim(text: string): ClaimFile | undefined {
  const [first = "", ...notes] = text.split("\n");
  const { schema, owner, groups } = parseLine(first);
  if (schema !== SCHEMA || typeof owner !== "string" || !Array.isArray(groups)) return undefined;
  // What comes after the last line's end is still being written.
  const last = notes
    .slice(0, -1)
    .map(parseLine)
    .findLast((note) => Array.isArray(note["groups"]));
  const found = last === undefined ? groups : (last["groups"] as unknown[]);
  return { owner, groups: found.filter(isGroup) };
}

/** Nothing is synced: a power cut may leave half of a line, and no process of before. */
function parseLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function isGroup(value: unknown): value is ClaimedGroup {
  const { pid, start } = (value ?? {}) as Partial<Record<keyof ClaimedGroup, unknown>>;
  // Never a number that would mean all processes, or our own group.
  return Number.isSafeInteger(pid) && (pid as number) > 1 && typeof start === "string";
}

function writeClaim(parts: Parts, uri: CtxUri, claim: ClaimFile): void {
  const path = parts.places.claim(uri);
  onDisk("writing", path, () => {
    makeFolder(parts.places.claims);
    const temporary = parts.workspace.path();
    writeFileSync(temporary, `${JSON.stringify({ schema: SCHEMA, ...claim })}\n`, { mode: 0o600 });
    rename(temporary, path);
  });
}
