import { type PackManifest, parsePackManifest } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri, type Digest, uriOf } from "@ctxpack/identity";
import {
  type Descriptor,
  fetchBytes,
  type ImageIndex,
  isImageIndex,
  MANIFEST_LIMIT,
  type Manifest,
  parseManifest,
} from "@ctxpack/oci";
import type { Pantry } from "../pantry.ts";

/** What a tag of a pantry is for. */
export type TagKind = "pack" | "alternate" | "referrers" | "channel";

/** A tag and what it leads to. */
export interface Tagged {
  readonly tag: string;
  readonly kind: TagKind;
  readonly manifest: ReadManifest;
}

/** A manifest that was read. */
export interface ReadManifest {
  readonly descriptor: Descriptor;
  readonly parsed: Manifest | ImageIndex;
  /** The pack it is, if it is one. */
  readonly pack?: { readonly uri: CtxUri; readonly manifest: PackManifest };
}

const PACK = /^ctx-[0-9a-f]{64}$/;
const ALTERNATE = /^ctx-[0-9a-f]{64}-[0-9a-f]{12}$/;
const REFERRERS = /^sha256-[0-9a-f]{64}$/;

/** Manifests read at a time. */
const LANES = 8;

export function tagKind(tag: string): TagKind {
  if (PACK.test(tag)) return "pack";
  if (ALTERNATE.test(tag)) return "alternate";
  return REFERRERS.test(tag) ? "referrers" : "channel";
}

/** Reads every tag of a pantry; a tag that is gone by then is left out. */
export async function takeCensus(pantry: Pantry, signal: AbortSignal): Promise<Tagged[]> {
  const tags: string[] = [];
  for await (const tag of pantry.target.tags({ signal })) tags.push(tag);
  const found: Tagged[] = [];
  const queue = tags.values();
  const lanes = Array.from({ length: Math.min(LANES, tags.length) }, async () => {
    for (const tag of queue) {
      const manifest = await readTag(pantry, tag, signal);
      if (manifest) found.push({ tag, kind: tagKind(tag), manifest });
    }
  });
  await Promise.all(lanes);
  return found.sort((a, b) => (a.tag < b.tag ? -1 : 1));
}

/** What a tag or digest leads to; `undefined` for nothing. */
export async function readTag(
  pantry: Pantry,
  reference: string,
  signal: AbortSignal,
): Promise<ReadManifest | undefined> {
  try {
    return await readManifest(pantry, await pantry.target.resolve(reference, { signal }), signal);
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND") return undefined;
    throw error;
  }
}

export async function readManifest(
  pantry: Pantry,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<ReadManifest> {
  const bytes = await fetchBytes(pantry.target, descriptor, { maxBytes: MANIFEST_LIMIT, signal });
  const { mediaType, digest, size } = descriptor;
  const parsed = parseManifest(bytes, { mediaType, digest, size });
  const manifest = asPack(bytes);
  return {
    descriptor: { mediaType, digest, size },
    parsed,
    ...(manifest && { pack: { uri: uriOf(manifest.config.digest), manifest } }),
  };
}

/** Everything a manifest needs beside itself, by digest with its size. */
export function blobsOf({ descriptor, parsed }: ReadManifest): ReadonlyMap<Digest, number> {
  const listed = isImageIndex(parsed) ? parsed.manifests : [parsed.config, ...parsed.layers];
  return new Map([descriptor, ...listed].map(({ digest, size }) => [digest, size]));
}

function asPack(bytes: Uint8Array): PackManifest | undefined {
  try {
    return parsePackManifest(bytes);
  } catch (error) {
    if (CtxPackError.isInstance(error)) return undefined;
    throw error;
  }
}
