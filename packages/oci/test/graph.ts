import {
  bytesSource,
  type Descriptor,
  EMPTY_DESCRIPTOR,
  IMAGE_INDEX_TYPE,
  IMAGE_MANIFEST_TYPE,
  pushBytes,
  type Storage,
} from "@ctxpack/oci";

export function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

/** What a descriptor says beside what it names does not belong into a manifest. */
export function plain(d: Descriptor): Descriptor {
  return { mediaType: d.mediaType, digest: d.digest, size: d.size };
}

/** Pushes an artifact with one text layer for each of `texts`; children first, as a registry wants it. */
export async function pushArtifact(
  target: Storage,
  texts: readonly string[],
  more: {
    readonly artifactType?: string;
    readonly subject?: Descriptor;
    readonly note?: string;
  } = {},
): Promise<Descriptor> {
  await target.push(EMPTY_DESCRIPTOR, bytesSource(encode("{}")));
  const layers: Descriptor[] = [];
  for (const text of texts) layers.push(await pushBytes(target, "text/plain", encode(text)));
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST_TYPE,
    artifactType: more.artifactType ?? "application/vnd.example.thing",
    config: plain(EMPTY_DESCRIPTOR),
    layers,
    ...(more.subject && { subject: plain(more.subject) }),
    ...(more.note && { annotations: { note: more.note } }),
  };
  return pushBytes(target, IMAGE_MANIFEST_TYPE, encode(manifest));
}

export async function pushIndex(
  target: Storage,
  manifests: readonly Descriptor[],
  subject?: Descriptor,
): Promise<Descriptor> {
  const index = {
    schemaVersion: 2,
    mediaType: IMAGE_INDEX_TYPE,
    manifests: manifests.map(plain),
    ...(subject && { subject: plain(subject) }),
  };
  return pushBytes(target, IMAGE_INDEX_TYPE, encode(index));
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await collect(chunks)).toString();
}
