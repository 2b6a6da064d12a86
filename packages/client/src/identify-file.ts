import { KnownDigests } from "@ctxpack/cache";
import { isResolved, type Resolution } from "@ctxpack/identity";
import { type Env, loadConfig } from "./config.ts";
import { type LoadedContract, loadContract } from "./load-contract.ts";
import { type IdentifyOptions, resolveLoaded } from "./resolve.ts";
import { workOf } from "./work.ts";

/** How a contract file is identified, and for whom: as for `CtxPack.uri` and `CtxPack.open`. */
export interface IdentifyFileOptions extends IdentifyOptions {
  readonly env: Env;
  readonly cwd: string;
}

/**
 * What `CtxPack.uri` gives for a contract file, without what packs and pantries take: for a program that does nothing
 * else. `undefined` for a contract with packs among its inputs; `CtxPack.uri` then does it. Throws what that throws.
 */
export async function identifyFile(
  file: string,
  options: IdentifyFileOptions,
): Promise<Resolution | undefined> {
  const { env, cwd, statCache } = options;
  const work = workOf(options);
  const { cacheDir } = loadConfig({ cwd, env });
  const loaded = await loadContract({ cwd }, file, work);
  if (takesPacks(loaded)) return undefined;
  using known = await KnownDigests.open(cacheDir, work);
  return await resolveLoaded(loaded, known, { ...work, env, statCache });
}

function takesPacks({ parsed: { contract } }: LoadedContract): boolean {
  return !isResolved(contract) && (contract.inputs ?? []).some(({ pack }) => pack !== undefined);
}
