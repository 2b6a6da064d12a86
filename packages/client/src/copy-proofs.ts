import { resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { EMPTY_DESCRIPTOR, parseTarget } from "@ctxpack/oci";
import type { CopyResult } from "./copy.ts";
import { lookUpTag, type Pantry } from "./pantry.ts";
import type { Session } from "./session.ts";
import type { Work } from "./work.ts";

/**
 * Copies a pack's manifest and proofs, and nothing of its data, into a new folder: an image layout that cosign verifies
 * without a registry. Throws CTXPACK_E_USAGE unless it is one pack and a folder that holds nothing, and
 * CTXPACK_E_PROOF_MISSING for a pack without proofs.
 */
export async function copyProofs(
  session: Session,
  what: { readonly source: Pantry; readonly tags: readonly string[]; readonly to: string },
  work: Work,
): Promise<CopyResult> {
  const { source, tags, to } = what;
  const destination = parseTarget(to);
  const [tag, ...others] = tags;
  if (tag === undefined || others.length > 0 || destination.kind !== "layout") {
    throw new CtxPackError("CTXPACK_E_USAGE", "proofs are copied of one pack, into oci:DIR", {
      hint: "name one URI, and a folder that is not there yet",
    });
  }
  const { uri, descriptor } = await lookUpTag(source, tag, work.signal);
  const { exportLayout } = await import("@ctxpack/proof");
  const dir = resolve(session.cwd, destination.dir);
  const { bundles, refused } = await exportLayout(source.target, descriptor, dir, work);
  for (const { message } of refused) session.warn(`left out: ${message}`);
  const sizes = bundles.flatMap(({ bytes, manifest }) => [bytes.length, manifest.size]);
  const written = [descriptor.size, EMPTY_DESCRIPTOR.size, ...sizes];
  return {
    from: source.address,
    to,
    tags: [{ tag, uri, manifest: descriptor.digest, action: "created" }],
    blobs: { sent: written.length, existing: 0 },
    bytes: { sent: written.reduce((sum, size) => sum + size), existing: 0 },
  };
}
