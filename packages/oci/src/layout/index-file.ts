import { CtxPackError, type Digest } from "@ctxpack/identity";
import {
  type Descriptor,
  type DescriptorPlace,
  expectObject,
  parseDescriptor,
} from "../descriptor.ts";
import { parseJson } from "../json.ts";
import { IMAGE_INDEX_TYPE } from "../media-type.ts";

/** The annotation that gives an entry of `index.json` its tag (image-spec, "image layout"). */
const REF_NAME = "org.opencontainers.image.ref.name";

/**
 * Ours, on entries we write: the digest of the manifest's `subject`, or "" if it has none. Who
 * looks for referrers then reads only manifests that are some; entries without it are read.
 */
export const SUBJECT_HINT = "dev.ctxpack.subject";

/** One entry of `index.json`, as it stands there and as far as we understand it. */
export interface IndexEntry {
  /** Written back as it is, members we do not know included. */
  readonly raw: unknown;
  /** Absent when the entry is not a descriptor by our rules: then it is only kept. */
  readonly descriptor?: Descriptor;
  /** The tag. */
  readonly name?: string;
}

/** A parsed `index.json`; immutable, every change is a new one. */
export interface IndexFile {
  readonly document: Readonly<Record<string, unknown>>;
  readonly entries: readonly IndexEntry[];
}

export const EMPTY_INDEX_FILE: IndexFile = {
  document: { schemaVersion: 2, mediaType: IMAGE_INDEX_TYPE, manifests: [] },
  entries: [],
};

/** Parses `index.json` leniently where it is somebody else's. Throws CTXPACK_E_LAYOUT. */
export function parseIndexFile(bytes: Uint8Array, where: string): IndexFile {
  const place: DescriptorPlace = { code: "CTXPACK_E_LAYOUT", where, pointer: "" };
  const document = expectObject(parseJson(bytes, place), place);
  const { schemaVersion, manifests } = document;
  // A nil slice of a Go program is `null`.
  const list = manifests ?? [];
  if (schemaVersion !== 2 || !Array.isArray(list)) {
    throw new CtxPackError("CTXPACK_E_LAYOUT", `${where} is not an image index`, {
      hint: "it has to have schemaVersion 2 and an array of manifests",
    });
  }
  return { document, entries: list.map((raw) => parseEntry(raw, place)) };
}

export function formatIndexFile(file: IndexFile): string {
  return JSON.stringify({ ...file.document, manifests: file.entries.map((e) => e.raw) });
}

/** The entries that carry this tag; more than one only where another tool wrote them. */
export function namedEntries(file: IndexFile, name: string): IndexEntry[] {
  return file.entries.filter((e) => e.name === name && e.descriptor !== undefined);
}

/** The file with a new entry at the end, or in place of `replaced`. */
export function withEntry(file: IndexFile, entry: IndexEntry, replaced?: IndexEntry): IndexFile {
  if (replaced === undefined) return { ...file, entries: [...file.entries, entry] };
  return { ...file, entries: file.entries.map((e) => (e === replaced ? entry : e)) };
}

/** The file without these entries. */
export function withoutEntries(file: IndexFile, removed: readonly IndexEntry[]): IndexFile {
  const gone = new Set(removed);
  return { ...file, entries: file.entries.filter((e) => !gone.has(e)) };
}

/** An entry of ours for a manifest: untagged without a name. */
export function newEntry(
  d: Descriptor,
  options: { readonly name?: string | undefined; readonly subject: Digest | undefined },
): IndexEntry {
  const annotations = {
    ...(options.name !== undefined && { [REF_NAME]: options.name }),
    [SUBJECT_HINT]: options.subject ?? "",
  };
  const { mediaType, digest, size, artifactType, platform } = d;
  const raw = {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(platform !== undefined && { platform }),
    annotations,
  };
  return {
    raw,
    descriptor: raw,
    ...(options.name !== undefined && { name: options.name }),
  };
}

/** The same entry under another tag, or under none; everything else in it stays. */
export function renamedEntry(entry: IndexEntry, name: string | undefined): IndexEntry {
  const raw = entry.raw as { annotations?: Record<string, unknown> };
  const { [REF_NAME]: _, ...others } = raw.annotations ?? {};
  const annotations = name === undefined ? others : { ...others, [REF_NAME]: name };
  return {
    raw: { ...raw, annotations },
    ...(entry.descriptor !== undefined && { descriptor: entry.descriptor }),
    ...(name !== undefined && { name }),
  };
}

function parseEntry(raw: unknown, place: DescriptorPlace): IndexEntry {
  try {
    const descriptor = parseDescriptor(raw, place);
    const name = descriptor.annotations?.[REF_NAME];
    return { raw, descriptor, ...(name !== undefined && name !== "" && { name }) };
  } catch (error) {
    if (CtxPackError.isInstance(error)) return { raw };
    throw error;
  }
}
