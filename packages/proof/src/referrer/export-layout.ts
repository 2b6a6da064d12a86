import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CtxPackError, digestHex } from "@ctxpack/identity";
import {
  type Descriptor,
  EMPTY_DESCRIPTOR,
  fetchBytes,
  IMAGE_INDEX_TYPE,
  MANIFEST_LIMIT,
  type ReadOnlyStorage,
  type ReferrerLister,
  rename,
} from "@ctxpack/oci";
import type { RefusedBundle } from "../verify/verified-bundle.ts";
import { discoverBundles, type FoundBundle } from "./discover.ts";

/** By this annotation cosign finds what a layout is about. */
const COSIGN_IMAGE = { kind: "dev.cosignproject.cosign/image" };

/** What an export holds. */
export interface ExportedLayout {
  /** The bundles in it. */
  readonly bundles: readonly FoundBundle[];
  /** What was attached and could not be read. */
  readonly refused: readonly RefusedBundle[];
}

/**
 * Writes a pack's manifest and its proofs, and nothing of its data, as an image layout that
 * `cosign verify-attestation --local-image` reads without a registry. `dir` is made; it may be an empty folder.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_MISSING` when nothing is attached, `CTXPACK_E_USAGE` when `dir` holds
 *   something, `CTXPACK_E_PERMISSION`, and what `discoverBundles` throws.
 */
export async function exportLayout(
  source: ReadOnlyStorage & ReferrerLister,
  subject: Descriptor,
  dir: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ExportedLayout> {
  const { signal } = options;
  await refuseOccupied(dir);
  const manifest = await fetchBytes(source, subject, { maxBytes: MANIFEST_LIMIT, signal });
  const blobs = new Map<string, Uint8Array>([
    [digestHex(subject.digest), manifest],
    [digestHex(EMPTY_DESCRIPTOR.digest), new TextEncoder().encode("{}")],
  ]);
  const bundles: FoundBundle[] = [];
  const refused: RefusedBundle[] = [];
  for await (const found of discoverBundles(source, subject, { signal })) {
    if (!("bytes" in found)) {
      refused.push(found);
      continue;
    }
    bundles.push(found);
    blobs.set(digestHex(found.digest), found.bytes);
    const limit = { maxBytes: MANIFEST_LIMIT, signal };
    blobs.set(digestHex(found.manifest.digest), await fetchBytes(source, found.manifest, limit));
  }
  if (bundles.length === 0) {
    throw new CtxPackError(
      "CTXPACK_E_PROOF_MISSING",
      refused[0] === undefined
        ? `${subject.digest} has no proofs to export`
        : `${subject.digest} has no proofs that can be read: ${refused[0].message}`,
      { hint: "ctxpack attest makes one" },
    );
  }
  const { mediaType, digest, size } = subject;
  const index = {
    schemaVersion: 2,
    mediaType: IMAGE_INDEX_TYPE,
    manifests: [{ mediaType, digest, size, annotations: COSIGN_IMAGE }],
  };
  await place(dir, blobs, JSON.stringify(index), signal);
  return { bundles, refused };
}

async function refuseOccupied(dir: string): Promise<void> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw diskFault(error, dir);
  });
  if (names.length === 0) return;
  throw new CtxPackError("CTXPACK_E_USAGE", `${dir} is not empty`, {
    hint: "name a folder that is not there yet",
    details: { path: dir },
  });
}

/** Written beside its place and renamed: there is no half of a layout. */
async function place(
  dir: string,
  blobs: ReadonlyMap<string, Uint8Array>,
  index: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = resolve(dir);
  const work = join(dirname(target), `.ctxpack-export-${randomUUID()}`);
  try {
    await mkdir(join(work, "blobs", "sha256"), { recursive: true });
    for (const [hex, bytes] of blobs) {
      signal?.throwIfAborted();
      await writeFile(join(work, "blobs", "sha256", hex), bytes, { flag: "wx" });
    }
    await writeFile(join(work, "index.json"), index, { flag: "wx" });
    await writeFile(join(work, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}', { flag: "wx" });
    rename(work, target);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw diskFault(error as NodeJS.ErrnoException, dir);
  }
}

function diskFault(error: NodeJS.ErrnoException, dir: string): CtxPackError {
  const { code = "" } = error;
  return new CtxPackError(
    code === "ENOSPC" || code === "EDQUOT" ? "CTXPACK_E_NO_SPACE" : "CTXPACK_E_PERMISSION",
    `${dir} cannot be written: ${code}`,
    { cause: error, details: { path: dir, errno: code } },
  );
}
