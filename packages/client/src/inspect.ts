import type { PackRecord, Rechecks } from "@ctxpack/cache";
import type { Entry, IndexReader } from "@ctxpack/cache/pack";
import { parsePackManifest } from "@ctxpack/cache/pack";
import type { CtxUri, Digest } from "@ctxpack/identity";
import { findReadable, type Location } from "./find.ts";
import type { LegacyDescription } from "./legacy/inspect.ts";
import { type PackConfig, readConfig } from "./pack-config.ts";
import { describeRemote } from "./remote-pack.ts";
import type { Session } from "./session.ts";
import { type DescribedProofs, describeFoundProofs, describeStored } from "./trust/describe.ts";
import { withOrigins } from "./trust/origins.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

export interface FromOptions extends WorkOptions {
  /** Read from this pantry, whatever the store has. */
  readonly from?: string | undefined;
}

/** What made a pack, a contract or an agent, and what it holds. */
export type PackDescription = PackConfig & PackFacts;

/** What is told of a pack of either kind. */
interface PackFacts {
  readonly uri: CtxUri;
  /** `store`, or the pantry's address. */
  readonly where: string;
  readonly manifest: Digest;
  readonly tree: Digest;
  readonly files: number;
  readonly segments: number;
  readonly bytes: {
    /** Sum of the sizes of the files. */
    readonly content: number;
    /** What a pull transfers: segments and index, compressed. */
    readonly packed: number;
  };
  /** What the store knows beside it. */
  readonly name?: string;
  readonly origin?: string;
  readonly createdAt?: string;
  readonly pinned?: boolean;
  /** What became of computing it again on this machine; `different` more than 0: it is not deterministic. */
  readonly rechecks?: Omit<Rechecks, "uri" | "tree">;
  /** Who says how it was made; absent when nobody does. */
  readonly proofs?: DescribedProofs;
}

/** Describes a pack from its manifest, contract and index; reads no data. */
export async function inspect(
  session: Session,
  text: string,
  options: FromOptions,
): Promise<PackDescription | LegacyDescription> {
  const work = workOf(options);
  const location = await findReadable(session, text, { ...options, unaccepted: true }, work);
  if (location.kind === "legacy") {
    const { inspectLegacy } = await import("./legacy/inspect.ts");
    return await inspectLegacy(session, location.found, work);
  }
  const { config, manifestDigest, manifest } = await describeLocation(session, location, work);
  const layers = [manifest.index, ...manifest.segments];
  return {
    ...config,
    uri: location.uri,
    where: location.kind === "store" ? "store" : location.found.address,
    manifest: manifestDigest,
    tree: manifest.tree,
    files: manifest.files,
    segments: manifest.segments.length,
    bytes: {
      content: manifest.bytes,
      packed: layers.reduce((sum, { size }) => sum + size, 0),
    },
    ...(await factsOf(session, location, work)),
  };
}

async function factsOf(session: Session, location: Location, work: Work): Promise<Facts> {
  if (location.kind === "store") return await storeFacts(session, location.record, work);
  const proofs = await describeFoundProofs(location.found, work.signal);
  return proofs === undefined ? {} : { proofs };
}

type Facts = Pick<
  PackDescription,
  "name" | "origin" | "createdAt" | "pinned" | "rechecks" | "proofs"
>;

async function storeFacts(session: Session, record: PackRecord, { signal }: Work): Promise<Facts> {
  const { uri, name, origin, createdAt, pinned } = record;
  const store = await session.store(signal);
  const said = await describeStored(store, record);
  const proofs = said && (await withOrigins(store, uri, said, signal));
  const known = await store.rechecks(uri);
  return {
    ...(name !== undefined && { name }),
    origin,
    createdAt,
    pinned,
    ...(known && { rechecks: withoutOutput(known) }),
    ...(proofs && { proofs }),
  };
}

/** The description has both. */
function withoutOutput({
  uri: _,
  tree: __,
  ...rechecks
}: Rechecks): Omit<Rechecks, "uri" | "tree"> {
  return rechecks;
}

/** The entries of a pack, sorted bytewise by path, from its index alone; a v0 pack has none, and is fetched. */
export async function entries(
  session: Session,
  text: string,
  options: FromOptions,
): Promise<Iterable<Entry>> {
  const work = workOf(options);
  const location = await findReadable(session, text, options, work);
  if (location.kind === "legacy") {
    const { LegacyPack } = await import("./legacy/pack.ts");
    await using pack = await LegacyPack.open(session, location.found, work);
    return pack.entries();
  }
  return (await describeLocation(session, location, work)).index.entries();
}

/** Manifest, config and index of a pack, from the store or from a pantry. */
export async function describeLocation(
  session: Session,
  location: Location,
  work: Work,
): Promise<{
  config: PackConfig;
  index: IndexReader;
  manifestDigest: Digest;
  manifest: ReturnType<typeof parsePackManifest>;
}> {
  if (location.kind === "pantry") {
    const { found } = location;
    const remote = await describeRemote(session, found, work.signal);
    return { ...remote, manifestDigest: found.descriptor.digest, manifest: found.manifest };
  }
  const store = await session.store(work.signal);
  const { descriptor, bytes } = await store.manifest(location.uri);
  const manifest = parsePackManifest(bytes);
  return {
    config: await readConfig(store.blobs, manifest, work.signal),
    index: await store.index(location.uri, { signal: work.signal }),
    manifestDigest: descriptor.digest,
    manifest,
  };
}
