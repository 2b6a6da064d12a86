import type { Descriptor } from "./descriptor.ts";

export const IMAGE_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
export const IMAGE_INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_MANIFEST_LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json";
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

/** The descriptor of `{}`, for a config or layer that has nothing to say (image-spec, "empty descriptor"). */
export const EMPTY_DESCRIPTOR: Descriptor = Object.freeze({
  mediaType: EMPTY_TYPE,
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
  data: "e30=",
});

// RFC 6838 §4.2: a restricted name is at most 127 characters.
const name = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}";
const mediaType = new RegExp(`^${name}/${name}$`);

/** Whether `value` is a media type without parameters (RFC 6838 §4.2). */
export function isMediaType(value: unknown): value is string {
  return typeof value === "string" && mediaType.test(value);
}

/** Whether content of this type is a manifest that lists other blobs, not an image index. */
export function isManifestType(type: string): boolean {
  return type === IMAGE_MANIFEST_TYPE || type === DOCKER_MANIFEST_TYPE;
}

/** Whether content of this type is a list of manifests. */
export function isIndexType(type: string): boolean {
  return type === IMAGE_INDEX_TYPE || type === DOCKER_MANIFEST_LIST_TYPE;
}

/** What is asked for where a manifest is wanted: a registry hides what is not named here. */
export const MANIFEST_TYPES: readonly string[] = [
  IMAGE_MANIFEST_TYPE,
  IMAGE_INDEX_TYPE,
  DOCKER_MANIFEST_TYPE,
  DOCKER_MANIFEST_LIST_TYPE,
];

/** Whether a graph walk has to look inside content of this type for successors. */
export function hasSuccessors(type: string): boolean {
  return isManifestType(type) || isIndexType(type);
}
