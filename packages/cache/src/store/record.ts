import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { type CtxUri, type Digest, isDigest } from "@ctxpack/identity";
import type { Descriptor } from "@ctxpack/oci";
import { onDisk, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";

const SCHEMA = "ctxpack.record/v1";

/** What the store knows of one pack. */
export interface PackRecord {
  readonly uri: CtxUri;
  /** Present when it is the trace of a run, and not the output of a contract. */
  readonly kind?: "trace";
  /** The manifest this store holds for the URI; its bytes are a blob. */
  readonly manifest: Descriptor;
  /** Digest of everything the output is; two packs with one tree have the same output. */
  readonly tree: Digest;
  readonly files: number;
  /** Sum of the sizes of the files, in bytes. */
  readonly bytes: number;
  /** A label for people. */
  readonly name?: string;
  /** Absolute paths of where its output was made, on this machine. */
  readonly outputs?: readonly string[];
  /** Some of its blobs are not here: listed, but no hit until a pull completes it. */
  readonly partial: boolean;
  readonly pinned: boolean;
  /** `seed`, the pantry it came from, or `fsck` when its record was damaged and nobody knows any more. */
  readonly origin: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC, right to the hour: when it was last handed out. */
  readonly usedAt: string;
}

/** What a list of packs shows of each. */
export type PackBrief = Pick<
  PackRecord,
  "uri" | "kind" | "files" | "bytes" | "name" | "partial" | "pinned" | "usedAt"
>;

/** A record as it is written: what its file's name, its time and its pin say is not in it. */
export type NewRecord = Omit<PackRecord, "pinned" | "usedAt">;

/** What the store says of a pack; throws what the disk refuses. `isPinned` is asked for the path of its pin. */
export function readRecord(
  places: Places,
  uri: CtxUri,
  isPinned: (pin: string) => boolean = isThere,
): PackRecord | "damaged" | undefined {
  const path = places.record(uri);
  const file = unlessMissing(() => onDisk("reading", path, () => readWithTime(path)));
  if (file === undefined) return undefined;
  const record = parseRecord(file.text, uri);
  if (record === undefined) return "damaged";
  const pinned = isPinned(places.pin(uri));
  return { ...record, pinned, usedAt: new Date(file.mtimeMs).toISOString() };
}

export function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Records are this long at most, in bytes; what is longer is none. */
const LONGEST = 64 * 1024;

/** One open for both: ten thousand records are read to list a store. */
function readWithTime(path: string): { text: string; mtimeMs: number } {
  const fd = openSync(path, "r");
  try {
    const { mtimeMs, size } = fstatSync(fd);
    const bytes = Buffer.allocUnsafe(Math.min(size, LONGEST));
    // A small file of a local disk comes in one piece; what did not would be no record.
    return { text: bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, 0)), mtimeMs };
  } finally {
    closeSync(fd);
  }
}

/** A record as it lies on disk. */
export function formatRecord(record: NewRecord): string {
  return `${JSON.stringify({ schema: SCHEMA, ...record })}\n`;
}

/** A record from the text of its file; `undefined` for anything else. */
export function parseRecord(text: string, uri: CtxUri): NewRecord | undefined {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) return undefined;
  const { schema, ...record } = value as Record<string, unknown>;
  return schema === SCHEMA && isRecord(record) && record.uri === uri ? record : undefined;
}

function isRecord(value: object): value is NewRecord {
  const r = value as Partial<Record<keyof NewRecord, unknown>>;
  const manifest = r.manifest as Partial<Record<"mediaType" | "digest" | "size", unknown>> | null;
  return (
    typeof manifest === "object" &&
    typeof manifest?.mediaType === "string" &&
    isDigest(manifest.digest) &&
    isCount(manifest.size) &&
    isDigest(r.tree) &&
    isCount(r.files) &&
    isCount(r.bytes) &&
    (r.name === undefined || typeof r.name === "string") &&
    (r.outputs === undefined || isTexts(r.outputs)) &&
    (r.kind === undefined || r.kind === "trace") &&
    typeof r.partial === "boolean" &&
    typeof r.origin === "string" &&
    typeof r.createdAt === "string"
  );
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
