import { CtxPackError, isDigest } from "@ctxpack/identity";
import {
  type Descriptor,
  fetchBytes,
  isImageIndex,
  parseManifest,
  type ReadOnlyStorage,
} from "@ctxpack/oci";
import { isBundleType } from "./bundle-type.ts";

/** A referrer that holds a bundle has one of a kilobyte. */
const MANIFEST_LIMIT = 128 << 10;

/**
 * The bundle that a referrer of `subject` holds; `undefined` for one that holds something else, such as a list of
 * files. What a list says of it is not believed: the manifest itself is read.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_SUBJECT` when it refers to something else, `CTXPACK_E_PROOF_BUNDLE` when it
 *   should hold a bundle and does not, and what reading it throws.
 */
export async function readReferrer(
  source: Pick<ReadOnlyStorage, "fetch">,
  referrer: Descriptor,
  subject: Descriptor,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  const bytes = await fetchBytes(source, referrer, { maxBytes: MANIFEST_LIMIT, signal });
  const { mediaType, digest, size } = referrer;
  const manifest = parseManifest(bytes, { mediaType, digest, size });
  const layers = isImageIndex(manifest) ? [] : manifest.layers;
  const [layer] = layers;
  const claims = isBundleType(manifest.artifactType);
  if (!claims && !layers.some((each) => isBundleType(each.mediaType))) return undefined;
  if (manifest.subject?.digest !== subject.digest) {
    const found = manifest.subject?.digest ?? "nothing";
    throw new CtxPackError(
      "CTXPACK_E_PROOF_SUBJECT",
      `referrer ${digest} is listed for ${subject.digest} and refers to ${found}`,
      { details: { referrer: digest, expected: subject.digest, found } },
    );
  }
  if (![digest, layer?.digest].every((each) => each === undefined || isDigest(each))) {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_BUNDLE",
      `referrer ${digest} or its bundle is not named by a sha256`,
      { details: { referrer: digest } },
    );
  }
  if (layer === undefined || layers.length !== 1 || !isBundleType(layer.mediaType)) {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_BUNDLE",
      `referrer ${digest} has ${layers.length} layers; a proof has one, and that is a sigstore bundle`,
      { details: { referrer: digest } },
    );
  }
  return layer;
}
