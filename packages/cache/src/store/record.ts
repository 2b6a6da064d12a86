import { readFileSync, statSync } from "node:fs";
import { type CtxUri, type Digest, isDigest } from "@ctxpack/identity";
import type { Descriptor } from "@ctxpack/oci";
import { onDisk, unlessMissing } from "./disk.ts";
import type { Places } from "./places.ts";

const SCHEMA = "ctxpack.record/v1";

/** What the store knows of one pack. */
export interface PackRecord {
  readonly uri: CtxUri;
  /** The manifest this store holds for the URI; its bytes are a blob. */
  readonly manifest: Descriptor;
  /** Digest of everything the output is; two packs with one tree have the same output. */
  readonly tree: Digest;
  readonly files: number;
  /** Sum of the sizes of the files, in bytes. */
  readonly bytes: number;
  /** A label for people. */
  readonly name?: string;
  /** Some of its blobs are not here: listed, but no hit until a pull completes it. */
  readonly partial: boolean;
  readonly pinned: boolean;
  /** `seed`, or the pantry it came from. */
  readonly origin: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC, right to the hour: when it was last handed out. */
  readonly usedAt: string;
}

/** A record as it is written: what its file's name, its time and its pin say is not in it. */
export type NewRecord = Omit<PackRecord, "pinned" | "usedAt">;

/** What the store says of a pack; throws what the disk refuses. */
export function readRecord(places: Places, uri: CtxUri): PackRecord | "damaged" | undefined {
  const path = places.record(uri);
  const text = unlessMissing(() => onDisk("reading", path, () => readFileSync(path, "utf8")));
  if (text === undefined) return undefined;
  const record = parseRecord(text, uri);
  if (record === undefined) return "damaged";
  const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const pinned = statSync(places.pin(uri), { throwIfNoEntry: false }) !== undefined;
  return { ...record, pinned, usedAt: new Date(usedMs).toISOString() };
}

/** A record as it lies on disk. */
export function formatRecord(record: NewRecord): string {
  return `${JSON.stringify({ schema: SCHEMA, ...record })}\n`;
}

function parseRecord(text: string, uri: CtxUri): NewRecord | undefined {
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
    typeof r.partial === "boolean" &&
    typeof r.origin === "string" &&
    typeof r.createdAt === "string"
  );
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
