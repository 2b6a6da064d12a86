import { CtxPackError, type Digest, isDigest } from "@ctxpack/identity";
import { type Descriptor, IMAGE_MANIFEST_TYPE } from "@ctxpack/oci";
import { largestFrame } from "./frame.ts";
import { KIND_TYPES, kindOf, type PackKind } from "./kind.ts";
import { LIMITS } from "./limits.ts";
import {
  BYTES_ANNOTATION,
  FILES_ANNOTATION,
  INDEX_TYPE,
  PACK_TYPE,
  SEGMENT_TYPE,
  TREE_ANNOTATION,
} from "./media-type.ts";

const TITLE = "org.opencontainers.image.title";
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/** What a blob is known by; its media type and title follow from its place in the manifest. */
export type PackBlob = Pick<Descriptor, "digest" | "size">;

/** What a pack's manifest says. */
export interface PackManifest {
  readonly kind: PackKind;
  /** The resolved contract, or the run head: its digest is the URI's. */
  readonly config: Descriptor;
  /** Layer 0. */
  readonly index: Descriptor;
  /** Layers from 1 on: `segments[i]` holds the index's segment i. */
  readonly segments: readonly Descriptor[];
  readonly tree: Digest;
  /** Number of files. */
  readonly files: number;
  /** Sum of their sizes. */
  readonly bytes: number;
}

/**
 * The canonical bytes of a pack's manifest (DESIGN §5.1, "Manifest"). Media types and titles are
 * set here. Throws CTXPACK_E_TOO_LARGE past 3,999 segments or 1 MiB.
 */
export function buildManifest(o: {
  kind: PackKind;
  config: PackBlob;
  index: PackBlob;
  segments: readonly PackBlob[];
  tree: Digest;
  files: number;
  bytes: number;
}): Uint8Array {
  const manifest = {
    annotations: {
      [BYTES_ANNOTATION]: String(o.bytes),
      [FILES_ANNOTATION]: String(o.files),
      [TREE_ANNOTATION]: o.tree,
    },
    artifactType: KIND_TYPES[o.kind].artifact,
    config: { digest: o.config.digest, mediaType: KIND_TYPES[o.kind].config, size: o.config.size },
    layers: [
      layer(o.index, INDEX_TYPE, "index.json.zst"),
      ...o.segments.map((segment, i) => layer(segment, SEGMENT_TYPE, segmentTitle(i))),
    ],
    mediaType: IMAGE_MANIFEST_TYPE,
    schemaVersion: 2,
  };
  // Members are written in canonical order and hold ASCII and integers only: this is RFC 8785.
  const bytes = Buffer.from(JSON.stringify(manifest));
  if (o.segments.length > LIMITS.segments || bytes.length > LIMITS.manifest) {
    throw new CtxPackError(
      "CTXPACK_E_TOO_LARGE",
      `a manifest of ${o.segments.length} segments is ${bytes.length} bytes, at most ${LIMITS.manifest} are allowed`,
    );
  }
  return bytes;
}

/**
 * Reads a pack's manifest. Accepts the exact bytes that `buildManifest` gives for what they say,
 * and nothing else. Throws CTXPACK_E_PACK.
 */
export function parsePackManifest(bytes: Uint8Array): PackManifest {
  if (bytes.length > LIMITS.manifest) {
    throw refuse(`is ${bytes.length} bytes, at most ${LIMITS.manifest} are allowed`);
  }
  const document = parseObject(bytes);
  const type = document["artifactType"];
  const kind = kindOf(type);
  if (kind === undefined) {
    throw refuse(`has the artifactType ${show(type)}, expected ${show(PACK_TYPE)}`);
  }
  const layers = document["layers"];
  if (!Array.isArray(layers) || layers.length < 2 || layers.length > LIMITS.segments + 1) {
    throw refuse(`/layers has to hold an index and 1 to ${LIMITS.segments} segments`);
  }
  const [index, ...segments] = layers.map((value, i) =>
    parseBlob(value, `/layers/${i}`, largestFrame(i === 0 ? LIMITS.index : LIMITS.segment)),
  );
  const annotations = (document["annotations"] ?? {}) as Record<string, unknown>;
  const parsed = {
    kind,
    config: parseBlob(document["config"], "/config", LIMITS.config),
    index: index as PackBlob,
    segments,
    tree: parseTree(annotations[TREE_ANNOTATION]),
    files: parseCount(annotations[FILES_ANNOTATION], FILES_ANNOTATION),
    bytes: parseCount(annotations[BYTES_ANNOTATION], BYTES_ANNOTATION),
  };
  if (Buffer.compare(buildManifest(parsed), bytes) !== 0) {
    throw refuse("has other members, another order or other white space than a pack's manifest");
  }
  return {
    ...parsed,
    config: { mediaType: KIND_TYPES[kind].config, ...parsed.config },
    index: layer(parsed.index, INDEX_TYPE, "index.json.zst"),
    segments: segments.map((segment, i) => layer(segment, SEGMENT_TYPE, segmentTitle(i))),
  };
}

/** `0001.tar.zst` for the first segment. */
function segmentTitle(i: number): string {
  return `${String(i + 1).padStart(4, "0")}.tar.zst`;
}

function layer(blob: PackBlob, mediaType: string, title: string): Descriptor {
  return { annotations: { [TITLE]: title }, digest: blob.digest, mediaType, size: blob.size };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (cause) {
    throw refuse("is not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("is not a JSON object");
  }
  return value as Record<string, unknown>;
}

/** `most` keeps a lie about the size from filling the disk before it is found out. */
function parseBlob(value: unknown, pointer: string, most: number): PackBlob {
  const { digest, size } = (value ?? {}) as Record<string, unknown>;
  if (!isDigest(digest)) {
    throw refuse(`${pointer}/digest is ${show(digest)}, expected sha256:<64 hex>`);
  }
  if (!Number.isSafeInteger(size) || (size as number) <= 0) {
    throw refuse(`${pointer}/size is ${show(size)}, expected a size in bytes`);
  }
  if ((size as number) > most) {
    throw refuse(`${pointer}/size is ${size}, at most ${most} are allowed`);
  }
  return { digest, size: size as number };
}

function parseTree(value: unknown): Digest {
  if (isDigest(value)) return value;
  throw refuse(`annotation ${TREE_ANNOTATION} is ${show(value)}, expected sha256:<64 hex>`);
}

function parseCount(value: unknown, name: string): number {
  const count = typeof value === "string" && DECIMAL.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw refuse(`annotation ${name} is ${show(value)}, expected a decimal number`);
}

function show(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, 120);
}

function refuse(why: string, cause?: unknown): CtxPackError {
  const message = `the manifest of a pack ${why}`;
  return new CtxPackError("CTXPACK_E_PACK", message, cause === undefined ? {} : { cause });
}
