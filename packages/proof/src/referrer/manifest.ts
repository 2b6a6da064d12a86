import { type Descriptor, EMPTY_DESCRIPTOR, IMAGE_MANIFEST_TYPE } from "@ctxpack/oci";
import { CONTENT_ANNOTATION, CREATED_ANNOTATION, PREDICATE_ANNOTATION } from "./bundle-type.ts";

/** What a referrer that holds a bundle says. */
export interface ReferrerFacts {
  readonly subject: Descriptor;
  readonly bundle: Descriptor;
  readonly predicateType: string;
  readonly created: Date;
}

/**
 * The manifest that ties a bundle to what it is about, in the form of sigstore's bundle specification: key for key as
 * GitHub writes it, and as cosign reads it.
 */
export function referrerManifest(facts: ReferrerFacts): Uint8Array {
  const { subject, bundle, predicateType, created } = facts;
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST_TYPE,
    artifactType: bundle.mediaType,
    config: plain(EMPTY_DESCRIPTOR),
    layers: [plain(bundle)],
    subject: plain(subject),
    annotations: {
      [CONTENT_ANNOTATION]: "dsse-envelope",
      [PREDICATE_ANNOTATION]: predicateType,
      [CREATED_ANNOTATION]: created.toISOString(),
    },
  };
  return new TextEncoder().encode(JSON.stringify(manifest));
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
