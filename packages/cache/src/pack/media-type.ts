/** `artifactType` of the manifest of a contract's pack. */
export const PACK_TYPE = "application/vnd.ctxpack.pack.v1";
/** Media type of such a pack's config: the resolved contract's canonical bytes. */
export const CONTRACT_TYPE = "application/vnd.ctxpack.contract.v1+json";
/** `artifactType` of the manifest of a recorded run's pack. */
export const TRACE_TYPE = "application/vnd.ctxpack.trace.v1";
/** Media type of such a pack's config: the run head's canonical bytes. */
export const RUN_TYPE = "application/vnd.ctxpack.run.v1+json";
/** Media type of a pack's first layer: the index as one zstd frame. */
export const INDEX_TYPE = "application/vnd.ctxpack.index.v1+json+zstd";
/** Media type of every other layer: a slice of the pack's tar as one zstd frame. */
export const SEGMENT_TYPE = "application/vnd.ctxpack.segment.v1.tar+zstd";
/** `artifactType` of the referrer that brings the file lists of a pack's inputs. */
export const INPUTS_TYPE = "application/vnd.ctxpack.inputs.v1";
/** Media type of one file list: the lines of a `dirHash1`, as `sha256sum` writes them. */
export const LISTING_TYPE = "application/vnd.ctxpack.listing.v1";

/** Manifest annotation that holds the tree digest. */
export const TREE_ANNOTATION = "dev.ctxpack.tree";
/** Manifest annotation that holds the number of files, in decimal. */
export const FILES_ANNOTATION = "dev.ctxpack.files";
/** Manifest annotation that holds the sum of the files' sizes, in decimal. */
export const BYTES_ANNOTATION = "dev.ctxpack.bytes";
