import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import { type CopySummary, copyGraph, OciArchive, OciLayout, parseTarget } from "@ctxpack/oci";
import { identifySubject } from "./find.ts";
import { lookUpLegacy, readOnlyLegacy } from "./legacy/find.ts";
import {
  type FoundPack,
  lookUp,
  lookUpTag,
  openPantry,
  openWritablePantry,
  type Pantry,
  packTag,
  type WritablePantry,
} from "./pantry.ts";
import { publish } from "./publish.ts";
import type { Session } from "./session.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

export interface CopyOptions extends WorkOptions {
  /** Which packs: URIs, or first digits of what is in the store. */
  readonly packs?: readonly string[] | undefined;
  /** Every tag of the source, channels and alternates too. */
  readonly all?: boolean | undefined;
  /** Take the place of other outputs of the same contracts; those stay as alternates. */
  readonly replace?: boolean | undefined;
  /** Only the manifest of one pack and its proofs, into a new `oci:DIR` that `cosign --local-image` reads. */
  readonly proofs?: boolean | undefined;
}

/** One pack or other tag that was copied. */
export interface CopiedTag {
  readonly tag: string;
  /** Absent for what is no pack. */
  readonly uri?: CtxUri;
  readonly manifest: Digest;
  readonly action: "created" | "exists" | "replaced";
}

export interface CopyResult {
  readonly from: string;
  readonly to: string;
  readonly tags: readonly CopiedTag[];
  readonly blobs: { readonly sent: number; readonly existing: number };
  /** Compressed bytes. */
  readonly bytes: { readonly sent: number; readonly existing: number };
}

/**
 * Copies whole packs, with everything that refers to them, between pantries and `oci-archive:` files. An
 * archive is written whole: the file must not exist.
 */
export async function copyPacks(
  session: Session,
  from: string,
  to: string,
  options: CopyOptions,
): Promise<CopyResult> {
  const work = workOf(options);
  const source = await openPantry(session, from, work.signal);
  const tags = await chooseTags(session, source, from, options, work);
  const destination = parseTarget(to);
  if (options.proofs) {
    const { copyProofs } = await import("./copy-proofs.ts");
    return await copyProofs(session, { source, tags, to }, work);
  }
  if (destination.kind !== "archive") {
    const target = await openWritablePantry(session, to, work.signal);
    return await copyTags(session, source, target, tags, options, work);
  }
  const file = resolve(session.cwd, destination.file);
  if (existsSync(file)) {
    throw new CtxPackError("CTXPACK_E_USAGE", `${to} is there already`, {
      hint: "an archive is written whole; remove the file, or name another one",
    });
  }
  const staging = await mkdtemp(join(dirname(file), `.${basename(file)}-`));
  try {
    const layout = await OciLayout.open(staging, { create: true, signal: work.signal });
    const place = `oci-archive:${file}`;
    const target = { address: to, place, target: layout, trusted: true };
    const result = await copyTags(session, source, target, tags, options, work);
    await OciArchive.write(file, layout, work);
    return result;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What to copy, as tags of the source. */
async function chooseTags(
  session: Session,
  source: Pantry,
  from: string,
  options: CopyOptions,
  work: Work,
): Promise<readonly string[]> {
  const name = parseTarget(from);
  const named = name.kind === "registry" ? name.reference.tag : name.tag;
  const packs = options.packs ?? [];
  if (options.all) return await allTags(source, work);
  if (named !== undefined && packs.length === 0) return [named];
  if (packs.length === 0) {
    throw new CtxPackError("CTXPACK_E_USAGE", "nothing says which packs to copy", {
      hint: "name URIs, or --all",
    });
  }
  const tags: string[] = [];
  for (const text of packs) {
    const { uri } = await identifySubject(session, text, work);
    const found = await lookUp(source, uri, work.signal);
    if (!found) {
      const legacy = await lookUpLegacy(source, uri, work.signal);
      if (legacy) throw readOnlyLegacy(legacy);
      throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${uri} is not in ${source.address}`, {
        details: { uri },
      });
    }
    tags.push(packTag(uri));
  }
  return tags;
}

/** Lists of referrers that a registry without an API for them keeps as tags; the referrers are copied as such. */
const REFERRERS_TAG = /^sha(?:256|512)-[0-9a-f]{64}$/;

async function allTags(source: Pantry, work: Work): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of source.target.tags(work)) {
    if (!REFERRERS_TAG.test(tag)) tags.push(tag);
  }
  return tags;
}

async function copyTags(
  session: Session,
  source: Pantry,
  target: WritablePantry,
  tags: readonly string[],
  options: CopyOptions,
  work: Work,
): Promise<CopyResult> {
  const copied: CopiedTag[] = [];
  const blobs = { sent: 0, existing: 0 };
  const bytes = { sent: 0, existing: 0 };
  for (const tag of tags) {
    const [result, summary] = await copyTag(session, source, target, tag, options, work);
    copied.push(result);
    blobs.sent += summary.copied.blobs;
    blobs.existing += summary.existing.blobs;
    bytes.sent += summary.copied.bytes;
    bytes.existing += summary.existing.bytes;
  }
  return { from: source.address, to: target.address, tags: copied, blobs, bytes };
}

async function copyTag(
  session: Session,
  source: Pantry,
  target: WritablePantry,
  tag: string,
  options: CopyOptions,
  work: Work,
): Promise<[CopiedTag, CopySummary]> {
  const pack = await packAt(source, tag, work);
  if (pack && (tag === packTag(pack.uri) || !options.all)) {
    const publication = { pack, replace: options.replace === true, referrers: true };
    const { action, manifest, summary } = await publish(session, target, publication, work);
    const { uri } = pack;
    return [{ tag: packTag(uri), uri, manifest: manifest.digest, action }, summary];
  }
  const descriptor = pack?.descriptor ?? (await source.target.resolve(tag, work));
  const summary = await copyGraph(source.target, target.target, descriptor, {
    ...work,
    referrers: true,
    concurrency: session.concurrency(source.remote || target.remote),
  });
  await target.target.tag(descriptor, tag, work);
  const result = { tag, manifest: descriptor.digest, action: "created" } as const;
  return [pack ? { ...result, uri: pack.uri } : result, summary];
}

/** The pack under a tag; `undefined` when it is something else, which `--all` copies too. */
async function packAt(source: Pantry, tag: string, work: Work): Promise<FoundPack | undefined> {
  try {
    return await lookUpTag(source, tag, work.signal);
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PACK") return undefined;
    throw error;
  }
}
