import { closeSync, lstatSync, readFileSync } from "node:fs";
import { CtxPackError, type CtxUri, type Digest, uriOf } from "@ctxpack/identity";
import { IMAGE_MANIFEST_TYPE } from "@ctxpack/oci";
import { LIMITS, type PackManifest, parsePackManifest } from "../../pack/index.ts";
import { openOwn, readFully } from "../blobs.ts";
import { isOfDisk } from "../disk.ts";
import type { NewRecord } from "../record.ts";
import { names } from "./check-packs.ts";
import type { CheckRun } from "./check-run.ts";

/** How the manifest of every pack begins, for it is canonical JSON. */
const BEGINNING = Buffer.from('{"annotations":{"dev.ctxpack.bytes":');

/** A manifest among the blobs, whole. */
interface FoundManifest {
  readonly manifest: PackManifest;
  readonly digest: Digest;
  readonly size: number;
  /** When it was stored, or referred to last; Unix time in ms. */
  readonly usedMs: number;
}

/**
 * Writes records again that are damaged or gone, from the manifests among the blobs that are of these packs: a manifest
 * says everything but what its pack was called and where it came from. Returns the packs that have a record now; the
 * others have no manifest here, or several of different outputs.
 */
export async function rebuildRecords(
  run: CheckRun,
  uris: readonly CtxUri[],
): Promise<ReadonlySet<CtxUri>> {
  const rebuilt = new Set<CtxUri>();
  if (uris.length === 0) return rebuilt;
  const { records } = run.parts;
  for (const [uri, found] of await findManifests(run, new Set(uris))) {
    const record = recordOf(run, uri, found);
    if (record === undefined) continue;
    try {
      await run.parts.database.exclusive(() => {
        // Whoever has removed the pack meanwhile, or brought it in again, knows better.
        const isWanted = records.has(uri) || records.isPinned(uri);
        if (isWanted && records.get(uri) === undefined) records.write(record);
      }, run.work.signal);
      if (records.get(uri) === undefined) continue;
    } catch (error) {
      run.work.signal?.throwIfAborted();
      // A folder in the record's place, a disk that fails there: whoever asked puts it aside.
      const isFull = CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NO_SPACE";
      if (isFull || !isOfDisk(error)) throw error;
      continue;
    }
    rebuilt.add(uri);
    if (!run.packOfTree.has(record.tree) || !record.partial) run.packOfTree.set(record.tree, uri);
  }
  return rebuilt;
}

async function findManifests(
  run: CheckRun,
  wanted: ReadonlySet<CtxUri>,
): Promise<Map<CtxUri, FoundManifest[]>> {
  const found = new Map<CtxUri, FoundManifest[]>();
  for (const name of names(run.parts.places.blobs)) {
    await run.breathe();
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const one = ifReadable(() => manifestAt(run, `sha256:${name}`));
    if (one === undefined) continue;
    const uri = uriOf(one.manifest.config.digest);
    if (wanted.has(uri)) found.set(uri, [...(found.get(uri) ?? []), one]);
  }
  return found;
}

function manifestAt(run: CheckRun, digest: Digest): FoundManifest | undefined {
  const { blobs } = run.parts;
  const path = blobs.path(digest);
  const stat = lstatSync(path);
  if (!stat.isFile() || stat.size > LIMITS.manifest || !isLikely(path)) return undefined;
  const bytes = blobs.readSound(digest, LIMITS.manifest);
  if (bytes === undefined) return undefined;
  try {
    const manifest = parsePackManifest(bytes);
    return { manifest, digest, size: bytes.length, usedMs: stat.mtimeMs };
  } catch (error) {
    if (CtxPackError.isInstance(error)) return undefined;
    throw error;
  }
}

/** Another user's secret, and what the disk cannot read any more, is no help: others say what is wrong with it. */
function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isOfDisk(error)) return undefined;
    throw error;
  }
}

function isLikely(path: string): boolean {
  const fd = openOwn(path);
  try {
    const bytes = Buffer.alloc(BEGINNING.length);
    return readFully(fd, bytes, 0) === bytes.length && bytes.equals(BEGINNING);
  } finally {
    closeSync(fd);
  }
}

/** What is left of a damaged record may tell which of several outputs it was of. */
function recordOf(
  run: CheckRun,
  uri: CtxUri,
  found: readonly FoundManifest[],
): NewRecord | undefined {
  const path = run.parts.places.record(uri);
  const text = ifReadable(() => readFileSync(path, "utf8")) ?? "";
  const named = found.filter(({ digest }) => text.includes(digest));
  const eligible = (named.length > 0 ? named : found).toSorted((a, b) => b.usedMs - a.usedMs);
  if (new Set(eligible.map(({ manifest }) => manifest.tree)).size > 1) return undefined;
  const whole = eligible.find(({ manifest }) => isHere(run, manifest));
  const chosen = whole ?? eligible[0];
  if (chosen === undefined) return undefined;
  const { manifest, digest, size, usedMs } = chosen;
  return {
    uri,
    ...(manifest.kind === "trace" && { kind: manifest.kind }),
    manifest: { mediaType: IMAGE_MANIFEST_TYPE, digest, size },
    tree: manifest.tree,
    files: manifest.files,
    bytes: manifest.bytes,
    partial: whole === undefined,
    origin: "fsck",
    createdAt: new Date(usedMs).toISOString(),
  };
}

function isHere(run: CheckRun, { config, index, segments }: PackManifest): boolean {
  return [config, index, ...segments].every((d) => run.parts.blobs.has(d));
}
