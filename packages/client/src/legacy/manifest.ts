import { CtxPackError, isDigest } from "@ctxpack/identity";
import { type Descriptor, EMPTY_DESCRIPTOR, isImageIndex, parseManifest } from "@ctxpack/oci";

/** What the manifest of a v0 pack leads to. */
export interface LegacyManifest {
  /** `{}`: it says nothing. */
  readonly config: Descriptor;
  /** The one tar, compressed with gzip. */
  readonly layer: Descriptor;
}

/** OCI's type and Docker's twin of it, which some registries put in its place. */
const CONFIG_TYPES: readonly string[] = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
];
const LAYER_TYPES: readonly string[] = [
  "application/vnd.oci.image.layer.v1.tar+gzip",
  "application/vnd.docker.image.rootfs.diff.tar.gzip",
];

/** What registries take in one layer (GHCR: 10 GB): the prototype cannot have pushed more. */
const MAX_LAYER = 10 * 2 ** 30;

/**
 * Reads the manifest of a pack of the first prototype (DESIGN §4.3): an image whose config is `{}`, with
 * one layer. Throws CTXPACK_E_MANIFEST, CTXPACK_E_PACK for a manifest of something else.
 */
export function parseLegacyManifest(bytes: Uint8Array, descriptor: Descriptor): LegacyManifest {
  const manifest = parseManifest(bytes, descriptor);
  const refuse = (why: string): CtxPackError =>
    new CtxPackError("CTXPACK_E_PACK", `manifest ${descriptor.digest} is no v0 pack: ${why}`, {
      details: { manifest: descriptor.digest },
    });
  if (isImageIndex(manifest)) throw refuse("it is a list of manifests");
  const { config, layers, artifactType } = manifest;
  if (artifactType !== undefined) throw refuse(`its artifact type is ${artifactType}`);
  if (!CONFIG_TYPES.includes(config.mediaType)) {
    throw refuse(`its config is of type ${config.mediaType}`);
  }
  // The digest of `{}` is known, so the blob need not be read.
  const { digest, size } = EMPTY_DESCRIPTOR;
  if (config.digest !== digest || config.size !== size) throw refuse("its config is not {}");
  const [layer, ...more] = layers;
  if (layer === undefined || more.length > 0) {
    throw refuse(`it has ${layers.length} layers, expected 1`);
  }
  if (!LAYER_TYPES.includes(layer.mediaType)) {
    throw refuse(`its layer is of type ${layer.mediaType}`);
  }
  if (!isDigest(layer.digest)) throw refuse("its layer is not named by sha256");
  if (layer.size > MAX_LAYER) {
    throw refuse(`its layer claims ${layer.size} bytes, at most ${MAX_LAYER} are read`);
  }
  return { config, layer };
}
