export { unlessAborted } from "./abort.ts";
export { OciArchive } from "./archive/archive.ts";
export { describeBytes, fetchBytes, pushBytes } from "./content.ts";
export type { BlobEvent, CopyOptions, CopySummary } from "./copy.ts";
export { copy, copyGraph } from "./copy.ts";
export type { Descriptor, Platform } from "./descriptor.ts";
export { parseDescriptor } from "./descriptor.ts";
export type { JsonPlace } from "./json.ts";
export { parseJson } from "./json.ts";
export type { OpenLayoutOptions } from "./layout/layout.ts";
export { OciLayout } from "./layout/layout.ts";
export { FileLock } from "./layout/lock.ts";
export type { ImageIndex, Manifest } from "./manifest.ts";
export {
  artifactTypeOf,
  isImageIndex,
  MANIFEST_LIMIT,
  parseManifest,
  successors,
} from "./manifest.ts";
export {
  EMPTY_DESCRIPTOR,
  hasSuccessors,
  IMAGE_INDEX_TYPE,
  IMAGE_MANIFEST_TYPE,
  isMediaType,
} from "./media-type.ts";
export type { Reference, TargetName } from "./reference.ts";
export { formatReference, isTag, parseReference, parseTarget } from "./reference.ts";
export { isLoopback } from "./remote/address.ts";
export { networkCode } from "./remote/network-error.ts";
export { printable } from "./remote/printable.ts";
export type { RegistryProfile } from "./remote/profile.ts";
export { isRetryableStatus, parseRetryAfter, pause } from "./remote/retry.ts";
export { rename } from "./rename.ts";
export { type Settling, settleTogether } from "./settling.ts";
export type { BlobSource } from "./source.ts";
export { bytesSource, fileSource } from "./source.ts";
export type {
  ByteRange,
  Deleter,
  FetchOptions,
  Located,
  OperationOptions,
  ReadOnlyStorage,
  ReadOnlyTarget,
  ReferrerLister,
  ReferrerOptions,
  Resolver,
  Storage,
  Tagger,
  TagLister,
  TagOptions,
  Target,
  Untagger,
  WriteOptions,
} from "./target.ts";
export { Verifier, verified } from "./verify.ts";
export type { BlobConcurrency } from "./window.ts";
export { BlobWindow } from "./window.ts";
