/** What the media types of sigstore bundles begin with, whatever their version. */
const PREFIX = "application/vnd.dev.sigstore.bundle";

/** Whether content of this type is a sigstore bundle (cosign and gh judge by the beginning, too). */
export function isBundleType(mediaType: string | undefined): boolean {
  return mediaType?.startsWith(PREFIX) === true;
}

/** The annotations of a referrer that holds a bundle, as cosign and GitHub write them. */
export const CONTENT_ANNOTATION = "dev.sigstore.bundle.content";
export const PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType";
export const CREATED_ANNOTATION = "org.opencontainers.image.created";
