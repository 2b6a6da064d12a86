import { CtxPackError, canonicalBytes, type DirHash, type JsonValue } from "@ctxpack/identity";
import {
  type Descriptor,
  EMPTY_DESCRIPTOR,
  IMAGE_MANIFEST_TYPE,
  isImageIndex,
  parseManifest,
} from "@ctxpack/oci";
import { LIMITS } from "./limits.ts";
import { INPUTS_TYPE, LISTING_TYPE } from "./media-type.ts";

const TITLE = "org.opencontainers.image.title";

/** The files of one input, or of a transform's code. */
export interface InputListing {
  readonly digest: DirHash;
  /** Of the lines, in bytes. */
  readonly size: number;
  /** What a tool that writes it to disk calls it. */
  readonly title: string;
}

/** The digest of a listing's blob: that of its lines, which is its `dirHash1`. */
export function listingDescriptor({ digest, size }: Omit<InputListing, "title">): Descriptor {
  const hex = digest.slice("dirHash1:".length);
  return { mediaType: LISTING_TYPE, digest: `sha256:${hex}`, size };
}

/**
 * The manifest that attaches the file lists of a pack's inputs to the pack's manifest. The same lists give the same
 * bytes everywhere. Throws `CTXPACK_E_TOO_LARGE`.
 */
export function buildInputsManifest(
  subject: Descriptor,
  listings: readonly InputListing[],
): Uint8Array {
  const { digest, mediaType, size } = subject;
  const { data, ...config } = EMPTY_DESCRIPTOR;
  const layers = listings.map(({ title, ...listing }) => ({
    annotations: { [TITLE]: title },
    ...listingDescriptor(listing),
  }));
  const bytes = canonicalBytes({
    artifactType: INPUTS_TYPE,
    config,
    layers,
    mediaType: IMAGE_MANIFEST_TYPE,
    schemaVersion: 2,
    subject: { digest, mediaType, size },
  } as unknown as JsonValue);
  if (bytes.length <= LIMITS.manifest) return bytes;
  throw new CtxPackError(
    "CTXPACK_E_TOO_LARGE",
    `the file lists of ${listings.length} inputs make a manifest of ${bytes.length} bytes, at most ${LIMITS.manifest} are allowed`,
  );
}

/**
 * The file lists that a manifest attaches to `subject`. Throws `CTXPACK_E_PACK` for one that attaches something else,
 * and what reading a manifest throws.
 */
export function parseInputsManifest(bytes: Uint8Array, subject: Descriptor): readonly Descriptor[] {
  const manifest = parseManifest(bytes);
  const isOurs =
    !isImageIndex(manifest) &&
    manifest.artifactType === INPUTS_TYPE &&
    manifest.subject?.digest === subject.digest;
  if (isOurs) return manifest.layers.filter(({ mediaType }) => mediaType === LISTING_TYPE);
  throw new CtxPackError("CTXPACK_E_PACK", `no file lists of the inputs of ${subject.digest}`, {
    details: { subject: subject.digest, artifactType: manifest.artifactType },
  });
}
