import type { DirHash } from "../digest.ts";
import { hashTree } from "../tree/hash.ts";
import { refuseOverlap, type Selection } from "./overlap.ts";
import type { ResolveContext } from "./resolve.ts";

/** Hashes the files of a folder that a contract selects, and makes sure that no output is among them. */
export async function hashSelection(
  selection: Selection,
  context: ResolveContext,
): Promise<DirHash> {
  const { parsed, outputs, digests, signal, onProgress } = context;
  const { pointer, root, include, exclude } = selection;
  await refuseOverlap(parsed, outputs, selection);
  const tree = await hashTree(root, { include, exclude, digests, signal, onProgress });
  await refuseOverlap(parsed, outputs, selection, tree.lines);
  await context.onListing?.({ pointer, digest: tree.digest, lines: tree.lines });
  return tree.digest;
}
