import type { Store } from "@ctxpack/cache";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { type DescribedProofs, type DescribedSource, describeKept } from "./describe.ts";

/** What signers say may go on and on: so far back it is followed, and so many packs in all. */
const MOST_GENERATIONS = 8;
const MOST_PACKS = 100;

/**
 * What is said of a pack, and of the packs that it was made from, and so on, as far as the store has them: the very outputs
 * that went in. Each is told of once, where it is met first.
 */
export async function withOrigins(
  store: Store,
  uri: CtxUri,
  said: DescribedProofs,
  signal: AbortSignal,
): Promise<DescribedProofs> {
  const met = new Set<CtxUri>([uri]);
  const follow = async (proofs: DescribedProofs, generation: number): Promise<DescribedProofs> => {
    const { provenance } = proofs;
    if (provenance === undefined || generation > MOST_GENERATIONS) return proofs;
    const all = async <Source extends DescribedSource>(sources: readonly Source[]) => {
      const told: Source[] = [];
      for (const source of sources) {
        signal.throwIfAborted();
        const isNew = !met.has(source.uri) && met.size <= MOST_PACKS;
        met.add(source.uri);
        const of = isNew ? await saidOf(store, source) : undefined;
        told.push(of ? { ...source, proofs: await follow(of, generation + 1) } : source);
      }
      return told;
    };
    const packs = await all(provenance.packs);
    const reused = await all(provenance.reused);
    return { ...proofs, provenance: { ...provenance, packs, reused } };
  };
  return await follow(said, 1);
}

/** Proofs come from anybody: those that make no sense are as none. */
async function saidOf(
  store: Store,
  { uri, manifest }: DescribedSource,
): Promise<DescribedProofs | undefined> {
  const record = await store.get(uri);
  if (record === undefined || (manifest ?? record.manifest.digest) !== record.manifest.digest) {
    return undefined;
  }
  try {
    const kept = await store.proofs(uri);
    return kept && (await describeKept(kept));
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    return undefined;
  }
}
