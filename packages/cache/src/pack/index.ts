export type { Profile } from "./chunker.ts";
export { certainExponent } from "./chunker.ts";
export type {
  DirectoryEntry,
  Entry,
  EntryKind,
  FileEntry,
  IndexSegment,
  LinkEntry,
} from "./entry.ts";
export { isFileEntry, isLinkEntry } from "./entry.ts";
export { compressFrame, decompressFrame, framePieces, largestFrame } from "./frame.ts";
export { frameContentSize } from "./frame-header.ts";
export { decompressIndex, IndexReader } from "./index-reader.ts";
export type { PackSummary } from "./index-writer.ts";
export type { InputListing } from "./inputs.ts";
export { buildInputsManifest, listingDescriptor, parseInputsManifest } from "./inputs.ts";
export type { PackKind } from "./kind.ts";
export type { KnownPack } from "./known.ts";
export { LIMITS } from "./limits.ts";
export { Listing } from "./listing.ts";
export type { PackBlob, PackManifest } from "./manifest.ts";
export { buildManifest, parsePackManifest } from "./manifest.ts";
export {
  BYTES_ANNOTATION,
  CONTRACT_TYPE,
  FILES_ANNOTATION,
  INDEX_TYPE,
  INPUTS_TYPE,
  LISTING_TYPE,
  PACK_TYPE,
  RUN_TYPE,
  SEGMENT_TYPE,
  TRACE_TYPE,
  TREE_ANNOTATION,
} from "./media-type.ts";
export type { UnpackSink } from "./read.ts";
export { giveWhole, segmentsOf, Unpacker } from "./read.ts";
export type { FilePart } from "./segment.ts";
export { readSegment } from "./segment.ts";
export type { SegmentRows, SharedRows } from "./segment-rows.ts";
export { isWindowsName } from "./windows-name.ts";
export type { ContentReader, PackOptions, PackStep } from "./write.ts";
export { packSteps } from "./write.ts";
