import { type Evaluation, evaluate } from "./evaluate.ts";
import type { JudgedDependency, Verdict } from "./verdict.ts";

/** Packs made from packs made from packs …: more is an attack or a mistake. */
const MAX_DEPTH = 16;
const MAX_PACKS = 256;

/** What is known of a pack that another one was made from; `undefined` when it is not to be had. */
export type GatherDependency = (
  dependency: JudgedDependency,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<Pick<Evaluation, "pack" | "verified" | "refused"> | undefined>;

/**
 * {@link evaluate}, and where a policy wants it the same for every pack that this one was made from, at most 16 deep
 * and 256 in all. A pack that is not to be had, one that is made from itself, and what is beyond these limits
 * are refused.
 *
 * @throws what `gather` throws, and `signal.reason`.
 */
export async function evaluateWithDependencies(
  evaluation: Evaluation,
  options: {
    readonly gather: GatherDependency;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Verdict> {
  const judged = new Map<string, boolean>(evaluation.dependencies);
  let gathered = 0;
  const judge = async (one: Evaluation, depth: number): Promise<Verdict> => {
    for (;;) {
      options.signal?.throwIfAborted();
      const verdict = evaluate({ ...one, dependencies: judged });
      if (verdict.accepted || verdict.unjudged.length === 0) return verdict;
      for (const dependency of verdict.unjudged) {
        const digest = dependency.digest as string;
        if (judged.has(digest)) continue;
        // Refused until the contrary is known: so is a pack that comes back to itself.
        judged.set(digest, false);
        if (depth >= MAX_DEPTH || ++gathered > MAX_PACKS) continue;
        const found = await options.gather(dependency, { signal: options.signal });
        if (found === undefined || found.pack.manifest !== digest) continue;
        const { accepted } = await judge({ ...one, ...found, lock: undefined }, depth + 1);
        judged.set(digest, accepted);
      }
    }
  };
  judged.set(evaluation.pack.manifest, false);
  return judge(evaluation, 0);
}
