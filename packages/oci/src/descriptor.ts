import { CtxPackError, type CtxPackErrorCode, type Digest } from "@ctxpack/identity";
import { isBlobDigest } from "./digest.ts";
import { isMediaType } from "./media-type.ts";

/** The machine an image is for; packs never have one, foreign images do. */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

/** What a blob is, which one, and how long (image-spec, "descriptor"). */
export interface Descriptor {
  readonly mediaType: string;
  /** sha256 in everything of ours; a foreign manifest may name blobs by `sha512:<128 hex>`. */
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Never followed: the place to fetch from is the target, not what a manifest says. */
  readonly urls?: readonly string[];
  /** The content itself in base64, for small blobs. Carried along, never believed. */
  readonly data?: string;
  readonly platform?: Platform;
}

/** Says where a value that is not a descriptor stands: `manifest sha256:…: /layers/3`. */
export interface DescriptorPlace {
  readonly code: CtxPackErrorCode;
  /** The document, as a message names it. */
  readonly where: string;
  /** JSON pointer inside it. */
  readonly pointer: string;
}

/**
 * Checks one descriptor of a JSON document and copies the members the specification knows.
 * Throws `place.code` naming the JSON pointer, what was expected and what was found.
 */
export function parseDescriptor(value: unknown, place: DescriptorPlace): Descriptor {
  const object = expectObject(value, place);
  const { mediaType, digest, size, artifactType, annotations, urls, data, platform } = object;
  if (!isMediaType(mediaType)) throw refuse(place, "mediaType", "a media type", mediaType);
  if (!isBlobDigest(digest)) {
    throw refuse(place, "digest", "sha256:<64 hex> or sha512:<128 hex>", digest);
  }
  if (!isSize(size)) throw refuse(place, "size", "an integer from 0 to 2^53-1", size);
  return {
    mediaType,
    digest: digest as Digest,
    size,
    ...(artifactType !== undefined && { artifactType: expectType(artifactType, place) }),
    ...(annotations !== undefined && { annotations: parseAnnotations(annotations, place) }),
    ...(urls !== undefined && { urls: expectStrings(urls, place) }),
    ...(data !== undefined && { data: expectString(data, "data", place) }),
    ...(platform !== undefined && { platform: expectPlatform(platform, place) }),
  };
}

/** Checks the `annotations` member of a manifest or descriptor: an object of strings. */
export function parseAnnotations(
  value: unknown,
  place: DescriptorPlace,
): Readonly<Record<string, string>> {
  const object = expectObject(value, { ...place, pointer: `${place.pointer}/annotations` });
  for (const [key, text] of Object.entries(object)) {
    if (typeof text !== "string") throw refuse(place, `annotations/${key}`, "a string", text);
  }
  // No prototype: an annotation may be called `__proto__`.
  return Object.assign(Object.create(null), object) as Record<string, string>;
}

/** An object and no array; throws `place.code`. */
export function expectObject(value: unknown, place: DescriptorPlace): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse(place, "", "an object", value);
  }
  return value as Record<string, unknown>;
}

/** The error for one member of a document that breaks a rule. */
export function refuse(
  place: DescriptorPlace,
  member: string,
  expected: string,
  found: unknown,
): CtxPackError {
  const pointer = member === "" ? place.pointer : `${place.pointer}/${member}`;
  const shown = found === undefined ? "nothing" : (JSON.stringify(found)?.slice(0, 120) ?? "?");
  return new CtxPackError(
    place.code,
    `${place.where}: ${pointer === "" ? "the document" : pointer} is ${shown}, expected ${expected}`,
    { details: { pointer, expected, found: shown } },
  );
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function expectType(value: unknown, place: DescriptorPlace): string {
  if (!isMediaType(value)) throw refuse(place, "artifactType", "a media type", value);
  return value;
}

function expectString(value: unknown, member: string, place: DescriptorPlace): string {
  if (typeof value !== "string") throw refuse(place, member, "a string", value);
  return value;
}

function expectStrings(value: unknown, place: DescriptorPlace): readonly string[] {
  if (!Array.isArray(value) || value.some((v) => typeof v !== "string")) {
    throw refuse(place, "urls", "an array of strings", value);
  }
  return value as string[];
}

function expectPlatform(value: unknown, place: DescriptorPlace): Platform {
  const object = expectObject(value, { ...place, pointer: `${place.pointer}/platform` });
  const { architecture, os } = object;
  expectString(architecture, "platform/architecture", place);
  expectString(os, "platform/os", place);
  return object as unknown as Platform;
}
