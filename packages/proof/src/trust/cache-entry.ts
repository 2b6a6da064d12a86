import { canonicalBytes, sha256 } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { MOST_ROOTS } from "./tuf-state.ts";

/** A larger one is none. */
export const ENTRY_LIMIT: number = 64 << 10;

/** What `entry.json` says: which files of `objects/` are the state, by the hex of their sha256, and since when. */
export interface CacheEntry {
  readonly v: 1;
  readonly mirror: string;
  readonly rootVersion: number;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
  /** When it must not be used any more, in milliseconds since 1970; for people and for `status`: what counts is in the files. */
  readonly hardExpiresAt: number;
  readonly roots: readonly string[];
  readonly timestamp: string;
  readonly snapshot: string;
  readonly targets: string;
  readonly target: { readonly name: string; readonly length: number; readonly sha256: string };
}

/** The entry with a checksum over its canonical JSON: it finds damage, it does not keep anybody out. */
export function formatEntry(entry: CacheEntry): Uint8Array {
  return Buffer.from(`${JSON.stringify({ ...entry, checksum: checksumOf(entry) })}\n`);
}

/** `undefined` for anything that `formatEntry` does not give. */
export function parseEntry(bytes: Uint8Array): CacheEntry | undefined {
  try {
    const json = parseJson(bytes, { code: "CTXPACK_E_PROOF_TRUST_ROOT", where: "entry.json" });
    const { checksum, ...entry } = json as CacheEntry & { readonly checksum: unknown };
    return isEntry(entry) && checksum === checksumOf(entry) ? entry : undefined;
  } catch {
    // No JSON, or of another shape altogether.
    return undefined;
  }
}

function isEntry(entry: CacheEntry): boolean {
  const { v, mirror, rootVersion, fetchedAt, hardExpiresAt, roots, target } = entry;
  const names = [entry.timestamp, entry.snapshot, entry.targets, target?.sha256];
  return (
    v === 1 &&
    typeof mirror === "string" &&
    [rootVersion, fetchedAt, hardExpiresAt, target?.length].every(Number.isSafeInteger) &&
    Array.isArray(roots) &&
    roots.length <= MOST_ROOTS &&
    [...names, ...roots].every(isObjectName)
  );
}

/** Whether a name is one of a file in `objects/`. */
export function isObjectName(name: unknown): name is string {
  return typeof name === "string" && /^[0-9a-f]{64}$/.test(name);
}

function checksumOf(entry: CacheEntry): string {
  return sha256(canonicalBytes({ ...entry, roots: [...entry.roots], target: { ...entry.target } }));
}
