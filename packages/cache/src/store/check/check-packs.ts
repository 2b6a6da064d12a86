import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CtxPackError,
  type CtxUri,
  type Digest,
  digestHex,
  sha256,
  uriDigest,
} from "@ctxpack/identity";
import type { Descriptor } from "@ctxpack/oci";
import { IndexReader, type PackManifest, parsePackManifest } from "../../pack/index.ts";
import { onDisk, systemCode, unlessMissing } from "../disk.ts";
import { type NewRecord, parseRecord } from "../record.ts";
import type { CheckRun } from "./check-run.ts";
import type { DamageKind } from "./damage.ts";

/** Every record, and for each pack whether its blobs are there and of the right size. */
export async function checkPacks(run: CheckRun): Promise<void> {
  for (const uri of await recordNames(run)) {
    await checkPack(run, uri);
    await run.breathe();
  }
}

/** The URIs that files in `packs/` are named by; any other name is reported. */
export async function recordNames(run: CheckRun): Promise<CtxUri[]> {
  const { records } = run.parts.places;
  const uris: CtxUri[] = [];
  for (const shelf of names(records)) {
    if (!run.isShelf(records, shelf)) continue;
    const dir = join(records, shelf);
    for (const name of names(dir)) {
      const hex = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
      if (hex?.startsWith(shelf)) uris.push(`ctx://sha256:${hex}`);
      else run.findings.add("foreign-file", join(dir, name), "no record of a pack has this name");
    }
    await run.breathe();
  }
  return uris;
}

/** One pack; its blobs are looked at, and not hashed but for the manifest. */
export async function checkPack(run: CheckRun, uri: CtxUri): Promise<PackManifest | undefined> {
  const record = readRecord(run, uri);
  if (record === undefined) return undefined;
  run.checked.packs += 1;
  const isFirst = !run.packOfTree.has(record.tree) || !record.partial;
  if (isFirst) run.packOfTree.set(record.tree, uri);
  const manifest = readManifest(run, record);
  if (manifest === undefined) return undefined;
  checkAgreement(run, record, manifest);
  for (const d of [manifest.config, manifest.index, ...manifest.segments]) {
    expectBlob(run, record, d);
  }
  if (run.deep) readIndex(run, record, manifest);
  return manifest;
}

/** The manifest of a pack; one that cannot be used is reported. */
export function readManifest(run: CheckRun, record: NewRecord): PackManifest | undefined {
  const bytes = readBlob(run, record, record.manifest);
  if (bytes === undefined) return undefined;
  try {
    const manifest = parsePackManifest(bytes);
    const { digest } = manifest.config;
    if (digest === uriDigest(record.uri)) return manifest;
    throw new CtxPackError("CTXPACK_E_PACK", `it is the manifest of ctx://${digest}`);
  } catch (error) {
    const path = run.parts.blobs.path(record.manifest.digest);
    run.findings.add("manifest-invalid", path, messageOf(error), [record.uri]);
    return undefined;
  }
}

/** The record of a pack as it is on disk; a damaged one is reported, and left where it is. */
export function readRecord(run: CheckRun, uri: CtxUri): NewRecord | undefined {
  const path = run.parts.places.record(uri);
  let text: string | undefined;
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    run.expectOwner(path, stat.uid, [uri]);
    text = unlessMissing(() => readFileSync(path, "utf8"));
    // Removed at this instant.
    if (text === undefined) return undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    run.findings.add("record-damaged", path, `cannot be read: ${code}`, [uri]);
    return undefined;
  }
  const record = parseRecord(text, uri);
  if (record === undefined) {
    run.findings.add("record-damaged", path, "is no record of this pack", [uri]);
  }
  return record;
}

/**
 * The index of a pack; one that cannot be used is reported. `undefined` also for a partial pack that does not have
 * it.
 */
export function readIndex(
  run: CheckRun,
  record: NewRecord,
  manifest: PackManifest,
): IndexReader | undefined {
  const bytes = readBlob(run, record, manifest.index);
  if (bytes === undefined) return undefined;
  try {
    const index = IndexReader.fromFrame(bytes);
    const isSame =
      index.tree === manifest.tree &&
      index.files === manifest.files &&
      index.bytes === manifest.bytes &&
      index.segments.length === manifest.segments.length;
    if (isSame) return index;
    throw new CtxPackError("CTXPACK_E_PACK", "it is the index of another pack than the manifest's");
  } catch (error) {
    const path = run.parts.blobs.path(manifest.index.digest);
    run.findings.add("index-invalid", path, messageOf(error), [record.uri]);
    return undefined;
  }
}

/** The bytes of a blob of a pack if it is what its name says; else it is reported. */
function readBlob(run: CheckRun, record: NewRecord, d: Descriptor): Uint8Array | undefined {
  if (!expectBlob(run, record, d)) return undefined;
  const path = run.parts.blobs.path(d.digest);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") expectBlob(run, record, d);
    else reportUnreadable(run, path, code, [record.uri]);
    return undefined;
  }
  run.checked.bytes += bytes.length;
  const found = sha256(bytes);
  if (found === d.digest) return bytes;
  reportCorrupt(run, d.digest, digestHex(found), [record.uri]);
  return undefined;
}

/** Whether a blob of a pack is there with its size; what is missing is reported unless the pack is partial. */
function expectBlob(run: CheckRun, record: NewRecord, d: Descriptor): boolean {
  const path = run.parts.blobs.path(d.digest);
  const look = () => unlessMissing(() => onDisk("reading", path, () => lstatSync(path)));
  let stat = look();
  for (let version = versionOf(run, record); ; ) {
    if (stat?.isFile() && stat.size === d.size) return true;
    if (stat === undefined && record.partial) return false;
    // Somebody may have removed the pack, or put another output in its place, since its record was read.
    if (!isCurrent(run, record)) return false;
    // Or removed it and made it again between the two looks: what is missing has to be so while its record stands.
    stat = look();
    const now = versionOf(run, record);
    if (now === version) break;
    version = now;
  }
  if (stat?.isFile() && stat.size === d.size) return true;
  const [kind, message]: [DamageKind, string] =
    stat === undefined
      ? ["blob-missing", "is not there"]
      : ["blob-truncated", `is ${stat.size} bytes, the manifest says ${d.size}`];
  run.findings.add(kind, path, message, [record.uri]);
  return false;
}

/** Another text, another file or another time of a record. */
function versionOf(run: CheckRun, record: NewRecord): string | undefined {
  const stat = lstatSync(run.parts.places.record(record.uri), { throwIfNoEntry: false });
  return stat && `${stat.ino} ${stat.ctimeMs}`;
}

function isCurrent(run: CheckRun, record: NewRecord): boolean {
  const text = unlessMissing(() => readFileSync(run.parts.places.record(record.uri), "utf8"));
  const now = text === undefined ? undefined : parseRecord(text, record.uri);
  return now?.manifest.digest === record.manifest.digest && now.partial === record.partial;
}

function checkAgreement(run: CheckRun, record: NewRecord, manifest: PackManifest): void {
  const wrong = (["tree", "files", "bytes"] as const).filter((it) => record[it] !== manifest[it]);
  if (wrong.length === 0) return;
  const path = run.parts.places.record(record.uri);
  const message = `${wrong.join(", ")}: not what the manifest says`;
  run.findings.add("record-mismatch", path, message, [record.uri]);
}

/** Reports a blob whose bytes do not have its digest. */
export function reportCorrupt(
  run: CheckRun,
  digest: Digest,
  found: string,
  uris: Iterable<CtxUri> = [],
): void {
  const path = run.parts.blobs.path(digest);
  run.findings.add("blob-corrupt", path, `its bytes have the digest sha256:${found}`, uris);
}

/** Reports a blob that the disk does not let us read. */
export function reportUnreadable(
  run: CheckRun,
  path: string,
  code: string,
  uris: Iterable<CtxUri> = [],
): void {
  run.findings.add("blob-corrupt", path, `cannot be read: ${code}`, uris);
}

function codeOf(error: unknown): string {
  const code = systemCode(error);
  if (code === undefined) throw error;
  return code;
}

function messageOf(error: unknown): string {
  if (CtxPackError.isInstance(error)) return error.message;
  throw error;
}

/** Sorted, so that two checks of one store report in the same order. */
export function names(dir: string): string[] {
  return (unlessMissing(() => onDisk("reading", dir, () => readdirSync(dir))) ?? []).sort();
}
