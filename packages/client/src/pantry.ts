import { resolve } from "node:path";
import { type PackManifest, parsePackManifest } from "@ctxpack/cache/pack";
import { CtxPackError, type CtxUri, digestHex, uriDigest, uriOf } from "@ctxpack/identity";
import {
  type Deleter,
  type Descriptor,
  fetchBytes,
  MANIFEST_LIMIT,
  OciArchive,
  OciLayout,
  parseTarget,
  type ReadOnlyStorage,
  type ReadOnlyTarget,
  type Reference,
  type ReferrerLister,
  type Resolver,
  type TagLister,
  type Target,
  type TargetName,
} from "@ctxpack/oci";
import { isTrusted, type PantryConfig } from "./config.ts";
import type { Session } from "./session.ts";

/** Somewhere packs are shared, opened for reading. */
export interface Pantry {
  /** As a person would write it; what records and messages say. */
  readonly address: string;
  /** What policies know it by: as `address`, a folder or file by its absolute path. */
  readonly place: string;
  readonly target: ReadOnlyTarget & TagLister & ReferrerLister;
  /** The user's own directory, or marked by the user: its packs may be taken without a policy. */
  readonly trusted: boolean;
  /** Behind a network: more is under way at a time. */
  readonly remote?: boolean;
}

/** Somewhere packs are shared, opened for writing. */
export interface WritablePantry extends Pantry {
  readonly target: Target & TagLister & ReferrerLister & Deleter;
}

/** A pack where it was found: nothing but its manifest has been read. */
export interface FoundPack {
  /** The pantry's address, or `the store`. */
  readonly address: string;
  /** What policies know the pantry by; absent for the store. */
  readonly place?: string;
  /** The tag that a person asked for it by, when that is not the one of its URI. */
  readonly name?: string;
  /** Where its blobs are, and in a pantry what refers to it. */
  readonly source: ReadOnlyStorage & Partial<ReferrerLister & Resolver>;
  readonly uri: CtxUri;
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: PackManifest;
  /** Behind a network. */
  readonly remote?: boolean;
}

/** The tag a pack has in every pantry. */
export function packTag(uri: CtxUri): string {
  return `ctx-${digestHex(uriDigest(uri))}`;
}

/** Opens one pantry for reading. `given` is a name from the configuration or an address. */
export async function openPantry(
  session: Session,
  given: string | PantryConfig | TargetName,
  signal: AbortSignal,
): Promise<Pantry> {
  const { name, baseDir, place, trusted } = locate(session, given);
  switch (name.kind) {
    case "layout": {
      const dir = resolve(baseDir, name.dir);
      const target = await OciLayout.open(dir, { readOnly: true, signal });
      return { address: `oci:${name.dir}`, place, target, trusted };
    }
    case "archive": {
      const target = await OciArchive.open(resolve(baseDir, name.file), { signal });
      return { address: `oci-archive:${name.file}`, place, target, trusted };
    }
    case "registry": {
      const target = await session.registries.readable(name.reference);
      return { address: place, place, target, trusted, remote: true };
    }
  }
}

/** Opens one pantry for writing; a directory is made when it is not there. */
export async function openWritablePantry(
  session: Session,
  given: string | PantryConfig | TargetName,
  signal: AbortSignal,
): Promise<WritablePantry> {
  const { name, baseDir, place, trusted } = locate(session, given);
  refuseTag(name);
  switch (name.kind) {
    case "layout": {
      const dir = resolve(baseDir, name.dir);
      const target = await OciLayout.open(dir, { create: true, signal });
      return { address: `oci:${name.dir}`, place, target, trusted };
    }
    case "archive":
      throw readOnlyArchive(name.file);
    case "registry": {
      const target = await session.registries.repository(name.reference);
      return { address: place, place, target, trusted, remote: true };
    }
  }
}

/** The pantries to look in: the one named, else the configured ones. */
export function pantriesFor(
  session: Session,
  from: string | undefined,
): readonly (string | PantryConfig)[] {
  if (from === undefined) return session.config.pantries;
  refuseTag(locate(session, from).name);
  return [from];
}

/** The pantry to write to: the one named, else the first configured. */
export function pantryToWrite(session: Session, to: string | undefined): string | PantryConfig {
  const pantry = to ?? session.config.pantries[0];
  if (pantry !== undefined) return pantry;
  throw new CtxPackError("CTXPACK_E_USAGE", "there is no pantry to write to", {
    hint: "name one with --to host/repository or --to oci:DIR, in CTXPACK_REGISTRY or in ctxpack.config.json",
  });
}

/** Throws CTXPACK_E_REFERENCE, _USAGE or _UNSUPPORTED for what can be no pantry to write to; asks nobody. */
export function checkWritable(session: Session, given: string | PantryConfig): void {
  const { name } = locate(session, given);
  refuseTag(name);
  if (name.kind === "archive") throw readOnlyArchive(name.file);
}

/** Looks a pack up by its URI; `undefined` when the pantry does not have it. Reads the manifest only. */
export async function lookUp(
  pantry: Pantry,
  uri: CtxUri,
  signal: AbortSignal,
): Promise<FoundPack | undefined> {
  try {
    return await lookUpTag(pantry, packTag(uri), signal, uri);
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND") return undefined;
    throw error;
  }
}

/**
 * Reads the pack manifest that a tag leads to. Throws CTXPACK_E_NOT_FOUND, and CTXPACK_E_PACK when it is
 * no pack or, with `uri`, the pack of another contract.
 */
export async function lookUpTag(
  pantry: Pantry,
  tag: string,
  signal: AbortSignal,
  uri?: CtxUri,
): Promise<FoundPack> {
  const descriptor = await pantry.target.resolve(tag, { signal });
  const bytes = await fetchBytes(pantry.target, descriptor, { maxBytes: MANIFEST_LIMIT, signal });
  const manifest = parsePackManifest(bytes);
  const found = uriOf(manifest.config.digest);
  if (uri !== undefined && found !== uri) {
    throw new CtxPackError(
      "CTXPACK_E_PACK",
      `${pantry.address}: the tag ${tag} holds the pack of another contract, ${found}`,
      { details: { expected: uri, found, manifest: descriptor.digest } },
    );
  }
  return {
    address: pantry.address,
    place: pantry.place,
    source: pantry.target,
    uri: found,
    descriptor,
    bytes,
    manifest,
    ...(pantry.remote && { remote: true }),
  };
}

interface Located extends Pick<Pantry, "place" | "trusted"> {
  readonly name: TargetName;
  readonly baseDir: string;
}

function locate(session: Session, given: string | PantryConfig | TargetName): Located {
  const { config, cwd } = session;
  const typed = (name: TargetName, baseDir = cwd): Located => {
    const place = placeOf(name, baseDir);
    // What was typed is the user's word.
    return { name, baseDir, place, trusted: name.kind !== "registry" || config.trusted.has(place) };
  };
  if (typeof given !== "string" && "kind" in given) return typed(given);
  const configured =
    typeof given === "string" ? config.named.find(({ name }) => name === given) : given;
  if (configured === undefined) return typed(parseTarget(given as string));
  const located = typed(parseTarget(configured.address), configured.baseDir);
  return { ...located, trusted: isTrusted(config, configured) };
}

/** What policies and the user's word about a pantry know it by. */
function placeOf(name: TargetName, baseDir: string): string {
  switch (name.kind) {
    case "layout":
      return `oci:${resolve(baseDir, name.dir)}`;
    case "archive":
      return `oci-archive:${resolve(baseDir, name.file)}`;
    case "registry":
      return repositoryAddress(name.reference);
  }
}

/** Packs have the tags their URIs give them; a tag in an address would be ignored. */
function refuseTag(name: TargetName): void {
  const tag = name.kind === "registry" ? name.reference.tag : name.tag;
  if (tag === undefined) return;
  throw new CtxPackError("CTXPACK_E_USAGE", `a pantry has no tag, and here is one: ${tag}`, {
    hint: "ctxpack tag gives a pack a name; ctxpack pull takes one in place of a URI: oci:DIR:TAG, host/repository:TAG",
  });
}

function readOnlyArchive(file: string): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `oci-archive:${file} cannot be added to: an archive is written whole`,
    { hint: "write it with ctxpack cp" },
  );
}

/** A repository as people write it. */
function repositoryAddress({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}
