import {
  CtxPackError,
  type CtxUri,
  type Digest,
  parseResolvedContract,
  sha256,
  uriOf,
} from "@ctxpack/identity";
import { certainExponent, IndexReader, isFileEntry, Listing } from "../pack/index.ts";
import { ComposedReader, type ContentPlace } from "./composed-reader.ts";
import type { EarlierPack } from "./earlier.ts";
import { type HeldPack, openPack } from "./held.ts";
import { lease } from "./lease.ts";
import { type PackingOptions, pack, publish } from "./packing.ts";
import type { Parts } from "./parts.ts";
import { noPack } from "./records.ts";
import type { ItemResult, Results } from "./results.ts";
import { foldingsOf, resultOf, type SeedResult } from "./seed.ts";

/** One file of a pack that is put together from what the store has. */
export interface ComposedFile extends ItemResult {
  /** In the new pack. */
  readonly path: string;
  /** The pack that has its content, and the row there; the result of the item itself without. */
  readonly from?: { readonly uri: CtxUri; readonly row: number } | undefined;
}

/** How a pack is put together. */
export interface ComposeOptions extends PackingOptions {
  /** The families of maps it is one of. */
  readonly families?: readonly string[] | undefined;
}

/** `Store.compose`: where files follow one another as they do in a pack they come from, its blobs are used. */
export async function compose(
  parts: Parts,
  results: Results,
  contract: Uint8Array,
  files: Iterable<ComposedFile>,
  options: ComposeOptions,
): Promise<SeedResult> {
  options.signal?.throwIfAborted();
  parseResolvedContract(contract);
  const uri = uriOf(sha256(contract));
  using _working = parts.workspace.begin();
  using leases = new DisposableStack();
  leases.use(lease(parts, uri));
  const { listing, byPath, counts } = list(files);
  const packs = new Map<CtxUri, HeldPack>();
  for (const source of counts.keys()) {
    leases.use(lease(parts, source));
    packs.set(source, hold(parts, source));
  }
  const fileOf = (row: number): ComposedFile => byPath.get(listing.path(row)) as ComposedFile;
  const placeOf = (row: number): ContentPlace => {
    const file = fileOf(row);
    if (file.from === undefined) return { path: results.path(file) };
    return { pack: packs.get(file.from.uri) as HeldPack, row: file.from.row };
  };
  const main = [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
  const earlier =
    main === undefined
      ? undefined
      : await earlierOf(
          parts,
          packs.get(main) as HeldPack,
          options.profile,
          (row) => fileOf(row).digest,
        );
  const reader = new ComposedReader(parts, placeOf);
  const packed = await pack(
    parts,
    { listing, reader, earlier },
    { kind: "contract", bytes: contract },
    options,
  );
  expectDigests(IndexReader.open(packed.index), byPath);
  const { record, created } = await publish(parts, uri, packed, options);
  const manifest = record.manifest.digest;
  const { exponent } = packed.summary;
  for (const family of manifest === packed.manifest.digest ? (options.families ?? []) : []) {
    await parts.database.joinFamily({ family, uri, manifest, exponent }, options.signal);
  }
  return { ...resultOf(packed), record, created, warnings: foldingsOf(listing) };
}

/** The entries, and from which packs how many of them come. */
function list(files: Iterable<ComposedFile>): {
  readonly listing: Listing;
  readonly byPath: ReadonlyMap<string, ComposedFile>;
  readonly counts: ReadonlyMap<CtxUri, number>;
} {
  const listing = new Listing();
  const byPath = new Map<string, ComposedFile>();
  const counts = new Map<CtxUri, number>();
  for (const file of files) {
    const { path, size, key, exec, from } = file;
    listing.addFile(path, size, { key, ...(exec && { exec }) });
    byPath.set(path, file);
    if (from !== undefined) counts.set(from.uri, (counts.get(from.uri) ?? 0) + 1);
  }
  listing.seal();
  return { listing, byPath, counts };
}

function hold(parts: Parts, uri: CtxUri): HeldPack {
  const record = parts.records.get(uri);
  if (record === undefined) throw noPack(uri, parts.places.dir);
  return openPack(parts, record);
}

/** The pack as one whose segments may come again; `undefined` when nobody knows how it was cut. */
async function earlierOf(
  parts: Parts,
  { record, manifest, index }: HeldPack,
  profile: PackingOptions["profile"],
  digestOf: (row: number) => Digest,
): Promise<EarlierPack | undefined> {
  if (index.profile !== profile) return undefined;
  const exponent =
    certainExponent(index.tarSize, profile) ??
    (await parts.database.exponentOf(record.manifest.digest));
  if (exponent === undefined) return undefined;
  const { segments } = manifest;
  return {
    segments,
    known: {
      index,
      exponent,
      isUnchanged: (row, entry) => entry.digest === digestOf(row),
      hasSegment: (i) => {
        const blob = segments[i];
        return blob !== undefined && parts.blobs.touch(blob);
      },
    },
  };
}

/** What was read has to be what was asked for: a result that rotted would get a digest of its own. */
function expectDigests(index: IndexReader, byPath: ReadonlyMap<string, ComposedFile>): void {
  for (const entry of index.entries()) {
    const expected = byPath.get(entry.path)?.digest;
    if (isFileEntry(entry) && entry.digest === expected) continue;
    throw new CtxPackError(
      "CTXPACK_E_STORE_DAMAGED",
      `the content of ${entry.path} is not the one that was stored`,
      { hint: "run it again", details: { path: entry.path, expected, damaged: true } },
    );
  }
}
