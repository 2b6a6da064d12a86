import { otherDigest } from "./blobs.ts";
import type { Exchange } from "./exchange.ts";
import { digestOf, hasDigest, type Store } from "./store.ts";

interface Named {
  readonly digest?: string;
  readonly mediaType?: string;
}

/** As much of a manifest or an index as a registry looks at. */
export interface ParsedManifest {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: Named;
  readonly layers?: readonly Named[];
  readonly manifests?: readonly Named[];
  readonly subject?: Named;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function parseManifest(bytes: Buffer): ParsedManifest | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null ? (value as ParsedManifest) : undefined;
  } catch {
    return undefined;
  }
}

/** HEAD, GET, PUT and DELETE of a manifest by tag or digest. */
export async function handleManifest(
  exchange: Exchange,
  store: Store,
  repository: string,
  reference: string,
): Promise<void> {
  const { method } = exchange;
  if (method === "PUT") await putManifest(exchange, store, repository, reference);
  else if (method === "DELETE") deleteManifest(exchange, store, repository, reference);
  else if (method === "GET" || method === "HEAD") {
    getManifest(exchange, store, repository, reference);
  } else exchange.error(405, "UNSUPPORTED", "method not allowed");
}

function getManifest(
  exchange: Exchange,
  store: Store,
  repository: string,
  reference: string,
): void {
  const { faults, method } = exchange;
  const found = store.find(repository);
  const digest = reference.includes(":") ? reference : found?.tags.get(reference);
  const manifest = found?.manifests.get(digest ?? "");
  if (digest === undefined || manifest === undefined) {
    exchange.error(404, "MANIFEST_UNKNOWN", "manifest unknown", {}, { reference });
    return;
  }
  const pad = Math.max(0, (faults.hugeManifest ?? 0) - manifest.bytes.length);
  const bytes = Buffer.concat([manifest.bytes, Buffer.alloc(pad, " ")]);
  const headers: Record<string, string | number> = {
    "Content-Type": faults.wrongContentType ?? manifest.mediaType,
    "Docker-Content-Digest": faults.wrongDigestHeader ? otherDigest(digest) : digest,
    ETag: `"${digest}"`,
  };
  if (method === "GET") {
    exchange.reply(200, headers, bytes);
    return;
  }
  if (faults.headNoDigest) delete headers["Docker-Content-Digest"];
  if (!faults.headNoLength) headers["Content-Length"] = bytes.length;
  exchange.head(200, headers);
  exchange.response.end();
}

async function putManifest(
  exchange: Exchange,
  store: Store,
  repository: string,
  reference: string,
): Promise<void> {
  const { faults } = exchange;
  const bytes = await exchange.body();
  if (bytes.length > (faults.maxManifest ?? Infinity)) {
    exchange.error(413, "SIZE_INVALID", "manifest too large");
    return;
  }
  const manifest = parseManifest(bytes);
  const mediaType = (exchange.header("content-type") ?? "").replace(/\s*;.*/s, "");
  if (manifest === undefined || (manifest.mediaType ?? mediaType) !== mediaType) {
    exchange.error(400, "MANIFEST_INVALID", "no manifest of the stated media type");
    return;
  }
  if ((manifest.layers?.length ?? 0) > (faults.maxLayers ?? Infinity)) {
    const message = "Limit on number of layers per image exceeded";
    exchange.error(405, "UNSUPPORTED", message);
    return;
  }
  const configType = manifest.config?.mediaType;
  if (configType !== undefined && configType === faults.refuseConfigType) {
    exchange.error(400, "MANIFEST_INVALID", `unsupported config media type ${configType}`);
    return;
  }
  const missing = findMissing(store, repository, manifest, faults.blobLagMs ?? 0);
  if (missing !== undefined) {
    exchange.error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", {}, missing);
    return;
  }
  const byDigest = reference.includes(":");
  if (byDigest && !hasDigest(bytes, reference)) {
    exchange.error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    return;
  }
  const digest = byDigest ? reference : digestOf(bytes);
  const found = store.open(repository);
  const tags = byDigest ? exchange.url.searchParams.getAll("tag") : [reference];
  const moved = tags.find((tag) => (found.tags.get(tag) ?? digest) !== digest);
  if (moved !== undefined && faults.tagsImmutable !== undefined) {
    const message = `the tag ${moved} already exists and is immutable`;
    exchange.error(faults.tagsImmutable, "TAG_INVALID", message);
    return;
  }
  found.manifests.set(digest, { bytes, mediaType });
  for (const tag of tags) found.tags.set(tag, digest);
  const subject = faults.ociSubject === false ? undefined : manifest.subject?.digest;
  const origin = faults.locationRelative ? "" : exchange.url.origin;
  exchange.reply(201, {
    Location: `${origin}/v2/${repository}/manifests/${digest}`,
    "Docker-Content-Digest": digest,
    ...(subject !== undefined && { "OCI-Subject": subject }),
    ...(byDigest && tags.length > 0 && { "OCI-Tag": tags.join(", ") }),
  });
}

/** The first thing a manifest names that is not there yet; a subject need not be. */
function findMissing(
  store: Store,
  repository: string,
  manifest: ParsedManifest,
  lagMs: number,
): string | undefined {
  const found = store.find(repository);
  const latest = Date.now() - lagMs;
  for (const { digest = "" } of [manifest.config ?? [], manifest.layers ?? []].flat()) {
    const blob = found?.blobs.get(digest);
    if (blob === undefined || blob.at > latest) return digest;
  }
  return manifest.manifests?.find(({ digest = "" }) => !found?.manifests.has(digest))?.digest;
}

function deleteManifest(
  exchange: Exchange,
  store: Store,
  repository: string,
  reference: string,
): void {
  const { tagDelete = true, manifestDelete = true } = exchange.faults;
  const found = store.find(repository);
  const byDigest = reference.includes(":");
  if (byDigest ? !manifestDelete : !tagDelete) {
    exchange.error(405, "UNSUPPORTED", "The operation is unsupported.");
    return;
  }
  const there = byDigest ? found?.manifests.delete(reference) : found?.tags.delete(reference);
  if (!there) {
    exchange.error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    return;
  }
  for (const [tag, digest] of found?.tags ?? []) {
    if (digest === reference) found?.tags.delete(tag);
  }
  exchange.reply(202);
}
