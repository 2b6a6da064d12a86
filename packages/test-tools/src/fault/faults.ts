/** A fault that happens `times` times and is counted down in place; `Infinity` never ends. */
export interface Counted {
  times: number;
}

/** What a fault registry does unlike distribution-spec 1.1. All unset: it keeps to the specification. */
export interface Faults {
  // Referrers
  /** `false`: there is no referrers API, 404. */
  referrers?: boolean | undefined;
  /** `false`: a pushed subject is not acknowledged. Independent of `referrers`, as ECR once was. */
  ociSubject?: boolean | undefined;
  /** The referrers API answers 200 and an empty index, whatever was pushed. */
  falseReferrers200?: boolean | undefined;
  /** The referrers API answers 200 and a login page. */
  referrersHtml?: boolean | undefined;
  /** `false`: `artifactType=` is ignored and OCI-Filters-Applied absent. */
  filtersApplied?: boolean | undefined;

  // Uploads
  /** OCI-Chunk-Min-Length; what follows a shorter chunk is refused. */
  chunkMin?: number | undefined;
  /** A longer PATCH is answered 413. */
  chunkMax?: number | undefined;
  /** A longer PATCH is answered 416 and a text about the size, as GHCR does. */
  patch416Over?: number | undefined;
  patchStatus?: 201 | 202 | undefined;
  /** The Range header stays at the end of the first chunk, as ECR does. */
  staleRange?: boolean | undefined;
  /** `false`: Content-Range is ignored and the body appended, as distribution 2.8 does. */
  strictOrder?: boolean | undefined;
  /** Each PATCH replaces what was sent before it, and the end is accepted unseen. */
  keepLastChunkOnly?: boolean | undefined;
  /** A longer body of a PUT is answered 413 and a page of HTML. */
  singlePutMax?: number | undefined;
  /** The connection ends after so many bytes of an upload's body. */
  dropUploadAfter?: (Counted & { bytes: number }) | undefined;
  /** A broken connection ends the upload session, and only the newest Location works. */
  sessionLostOnBreak?: boolean | undefined;
  /** Upload locations point at this origin. */
  foreignLocation?: string | undefined;
  locationRelative?: boolean | undefined;
  /** What a mount is answered. */
  mount?: 201 | 202 | 401 | 403 | undefined;

  // Redirects of blobs
  /** Blobs are redirected to `registry.cdn`. */
  redirectBlobs?: boolean | undefined;
  /** Blobs are redirected to this origin. */
  redirectBlobsTo?: string | undefined;
  /** The CDN answers 400 to whoever sends Authorization, as S3 does. */
  cdnRejectsAuthorization?: boolean | undefined;
  /** A signed URL is good for so many requests, then 403. */
  cdnExpiresAfter?: number | undefined;
  redirectLoop?: boolean | undefined;
  /** Blobs are redirected to plain http on the CDN's address. */
  redirectToHttp?: boolean | undefined;

  // Bodies of blobs
  ignoreRange?: boolean | undefined;
  rangeOffByOne?: boolean | undefined;
  /** `bytes=n-` is answered 416. */
  openRange416?: boolean | undefined;
  noAcceptRanges?: boolean | undefined;
  /** The byte at this offset of every blob is another one. */
  corruptByteAt?: number | undefined;
  /** So many bytes too many, and a Content-Length that counts them. */
  trailingBytes?: number | undefined;
  /** So many bytes too few, and a Content-Length that agrees. */
  shortBody?: number | undefined;
  /** The connection ends after so many bytes of a blob. */
  dropBodyAfter?: (Counted & { bytes: number }) | undefined;
  /** Nothing follows these bytes of a blob; the connection stays. */
  stallBodyAfter?: (Counted & { bytes: number }) | undefined;
  /** Bytes per second of each blob. */
  drip?: number | undefined;
  /** Blobs are sent with Content-Encoding gzip, whatever was asked for. */
  gzipEncoding?: boolean | undefined;

  // Heads and manifests
  headNoDigest?: boolean | undefined;
  headNoLength?: boolean | undefined;
  /** Docker-Content-Digest names something else. */
  wrongDigestHeader?: boolean | undefined;
  /** Manifests are padded with spaces to so many bytes. */
  hugeManifest?: number | undefined;
  /** The Content-Type of manifests. */
  wrongContentType?: string | undefined;
  /** For so many milliseconds after its upload a blob is unknown to a manifest that names it. */
  blobLagMs?: number | undefined;
  /** More layers are answered 405, as ECR does. */
  maxLayers?: number | undefined;
  /** Longer manifests are answered 413. */
  maxManifest?: number | undefined;
  /** This media type of a config is refused, as old Quay does. */
  refuseConfigType?: string | undefined;
  /** Moving a tag is answered so: ECR says 400, others 409 or 412. */
  tagsImmutable?: 400 | 409 | 412 | undefined;
  tagDelete?: boolean | undefined;
  manifestDelete?: boolean | undefined;

  // Pages
  /** Entries on a page of tags or referrers; 100 if not set. */
  pageSize?: number | undefined;
  /** Every page's Link points to itself. */
  linkLoop?: boolean | undefined;
  /** Every page's Link points to this origin. */
  crossOriginLink?: string | undefined;
  /** No tags are `null`. */
  nullTags?: boolean | undefined;

  // Authentication
  /** Who may enter: the users of the options. A bearer's token server is `/token` of the registry. */
  auth?: "none" | "basic" | "bearer" | undefined;
  /** Who comes without credentials gets tokens that can pull. */
  anonymousPull?: boolean | undefined;
  /** `false`: the token server has no POST, 404. */
  tokenPost?: boolean | undefined;
  /** Seconds that a token is good for; 300 if not set. */
  tokenTtl?: number | undefined;
  /** Of several scopes the token server grants the last, as GitLab does. */
  lastScopeOnly?: boolean | undefined;
  /** Good tokens are answered 401 insufficient_scope. */
  insufficientScope?: Counted | undefined;
  /** The URL of the token server in the challenge. */
  foreignRealm?: string | undefined;

  // Errors
  /** 429 with Retry-After: seconds or a date. Unset: no header. */
  rateLimit?: (Counted & { retryAfter?: number | string; on?: RegExp }) | undefined;
  /** Requests whose "METHOD /path" matches `on` (all if unset) fail with this status. */
  serverErrors?: (Counted & { status: number; on?: RegExp }) | undefined;
  htmlErrors?: boolean | undefined;
  /** Errors are followed by so many bytes. */
  hugeError?: number | undefined;
  /** The Warning header of every answer, for example `299 - "text"`. */
  warningHeader?: string | undefined;
}

/** Whether a counted fault happens now; counts it down. */
export function spend(fault: Counted | undefined): boolean {
  if (fault === undefined || fault.times <= 0) return false;
  fault.times--;
  return true;
}
