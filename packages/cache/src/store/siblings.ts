import { join } from "node:path";
import type { Digest } from "@ctxpack/identity";
import { bootName } from "./boot.ts";
import type { HeldPack } from "./held.ts";
import { isIntact } from "./marker.ts";
import type { Parts } from "./parts.ts";

/**
 * For each segment of a pack, the folder of the store that has its files already, under the same paths: that of an
 * earlier version, as a rule. A folder that does not pass the quick check lends nothing.
 */
export async function siblingsOf(
  parts: Parts,
  pack: HeldPack,
  signal: AbortSignal | undefined,
): Promise<(row: number) => string | undefined> {
  const { segments } = pack.index;
  const digests = segments.map(({ digest }) => digest);
  const homes = await parts.database.homes(digests, signal);
  const roots = new Map<Digest, string | undefined>();
  const rootOf = (tree: Digest): string | undefined => {
    const wrapper = parts.places.tree(tree);
    return isIntact(wrapper, bootName()) ? join(wrapper, "files") : undefined;
  };
  return (row) => {
    const home = homes[row];
    if (home === undefined) return undefined;
    if (!roots.has(home)) roots.set(home, rootOf(home));
    return roots.get(home);
  };
}

/** Remembers that the folder of a pack has the files of its segments. */
export async function rememberHome(parts: Parts, pack: HeldPack): Promise<void> {
  const { segments, tree } = pack.index;
  await parts.database.settle(
    segments.map(({ digest }) => digest),
    tree,
  );
}
