import { CtxPackError } from "@ctxpack/identity";
import {
  type Descriptor,
  type DescriptorPlace,
  expectObject,
  parseAnnotations,
  parseDescriptor,
  refuse,
} from "./descriptor.ts";
import { finishDigest, hasherOf } from "./digest.ts";
import { parseJson } from "./json.ts";
import { EMPTY_DESCRIPTOR, isIndexType, isManifestType, isMediaType } from "./media-type.ts";

/** No manifest or image index larger than this is read: 4 MiB, what registries have to take. */
export const MANIFEST_LIMIT: number = 4 << 20;

/** An image manifest: a config, layers, and what it is about (image-spec, "manifest"). */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A list of manifests (image-spec, "image index"). */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Parses a manifest or image index, whichever its own `mediaType` says it is. With a descriptor,
 * size, digest and media type must agree with it. Throws CTXPACK_E_MANIFEST, or the two mismatch codes.
 */
export function parseManifest(bytes: Uint8Array, d?: Descriptor): Manifest | ImageIndex {
  const place: DescriptorPlace = {
    code: "CTXPACK_E_MANIFEST",
    where: d === undefined ? "manifest" : `manifest ${d.digest}`,
    pointer: "",
  };
  checkBytes(bytes, place, d);
  const object = expectObject(parseJson(bytes, place), place);
  checkKeys(object, place);
  const mediaType = documentType(object, place, d);
  const { schemaVersion, manifests, layers, config: configValue } = object;
  if (schemaVersion !== 2) throw refuse(place, "schemaVersion", "2", schemaVersion);
  const shared = sharedMembers(object, mediaType, place);
  if (isIndexType(mediaType)) {
    return { ...shared, manifests: descriptors(manifests, "manifests", place) };
  }
  const config = parseDescriptor(configValue, { ...place, pointer: "/config" });
  if (config.mediaType === EMPTY_DESCRIPTOR.mediaType && shared.artifactType === undefined) {
    throw refuse(place, "artifactType", "a media type, as the config is empty", undefined);
  }
  return { ...shared, config, layers: descriptors(layers, "layers", place) };
}

/** Whether a parsed document is an image index. */
export function isImageIndex(m: Manifest | ImageIndex): m is ImageIndex {
  return "manifests" in m;
}

/**
 * What a manifest refers to and a copy of it has to bring along: config and layers, or manifests;
 * the `subject` is not among them, for a proof can be kept where the proven thing is not.
 * Blobs with a foreign `urls` list are included: a target that lacks them is incomplete.
 */
export function successors(m: Manifest | ImageIndex): readonly Descriptor[] {
  return isImageIndex(m) ? m.manifests : [m.config, ...m.layers];
}

/** What kind of artifact this is: the artifact type, or the config's type for older manifests. */
export function artifactTypeOf(m: Manifest | ImageIndex): string | undefined {
  return m.artifactType ?? (isImageIndex(m) ? undefined : m.config.mediaType);
}

function checkBytes(bytes: Uint8Array, place: DescriptorPlace, d?: Descriptor): void {
  if (bytes.length > MANIFEST_LIMIT) {
    throw new CtxPackError(
      "CTXPACK_E_MANIFEST",
      `${place.where} is ${bytes.length} bytes, at most ${MANIFEST_LIMIT} are allowed`,
    );
  }
  if (d === undefined) return;
  if (bytes.length !== d.size) {
    throw new CtxPackError(
      "CTXPACK_E_SIZE_MISMATCH",
      `${place.where} is ${bytes.length} bytes, expected ${d.size}`,
      { details: { digest: d.digest, expected: d.size, found: bytes.length } },
    );
  }
  const found = finishDigest(hasherOf(d.digest).update(bytes), d.digest);
  if (found !== d.digest) {
    throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `${place.where} has digest ${found}`, {
      details: { expected: d.digest, found },
    });
  }
}

const known = new Map(
  [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
  ].map((key) => [key.toLowerCase(), key]),
);

/**
 * Go matches JSON keys without regard to case, so `MediaType` beside `mediaType` would mean one
 * thing to us and another to a registry; and a document that is a manifest and an index at once
 * means whatever its reader wants (CVE-2021-41190).
 */
function checkKeys(object: Record<string, unknown>, place: DescriptorPlace): void {
  for (const key of Object.keys(object)) {
    const meant = known.get(key.toLowerCase());
    if (meant !== undefined && meant !== key) throw refuse(place, key, `the key ${meant}`, key);
  }
  if ("manifests" in object && ("layers" in object || "config" in object)) {
    throw refuse(place, "manifests", "either layers or manifests, not both", "both");
  }
}

function documentType(
  object: Record<string, unknown>,
  place: DescriptorPlace,
  d?: Descriptor,
): string {
  const { mediaType: found } = object;
  // OCI documents before image-spec 1.1 may leave it out: then the descriptor decides.
  const type = found ?? d?.mediaType;
  if (!isMediaType(type) || !(isManifestType(type) || isIndexType(type))) {
    throw refuse(place, "mediaType", "the type of a manifest or image index", found);
  }
  if (d !== undefined && d.mediaType !== type) {
    throw refuse(place, "mediaType", `${d.mediaType} as its descriptor says`, found);
  }
  return type;
}

function sharedMembers(
  object: Record<string, unknown>,
  mediaType: string,
  place: DescriptorPlace,
): Omit<ImageIndex, "manifests"> {
  const { artifactType, subject, annotations } = object;
  if (artifactType !== undefined && !isMediaType(artifactType)) {
    throw refuse(place, "artifactType", "a media type", artifactType);
  }
  return {
    schemaVersion: 2,
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && {
      subject: parseDescriptor(subject, { ...place, pointer: "/subject" }),
    }),
    ...(annotations !== undefined && { annotations: parseAnnotations(annotations, place) }),
  };
}

function descriptors(value: unknown, member: string, place: DescriptorPlace): Descriptor[] {
  if (!Array.isArray(value)) throw refuse(place, member, "an array of descriptors", value);
  return value.map((each, i) => parseDescriptor(each, { ...place, pointer: `/${member}/${i}` }));
}
