import type { PackRecord } from "@ctxpack/cache";
import type { CtxUri } from "@ctxpack/identity";
import { type ContractLike, type LoadedContract, loadContract } from "../load-contract.ts";
import type { PushResult } from "../push.ts";
import type { Session } from "../session.ts";
import { workOf } from "../work.ts";
import { getOrMake, type Maker } from "./get.ts";
import type { GetOptions } from "./options.ts";

/** Computes an output: what it leaves in `dir`, which is empty, is the output. */
export type Compute = (dir: string, options: { readonly signal: AbortSignal }) => Promise<void>;

export interface GetOrComputeResult {
  readonly uri: CtxUri;
  /** Nothing was computed. */
  readonly hit: boolean;
  /** `store`, `computed`, or the address of the pantry it came from. */
  readonly source: string;
  /** The folder that holds the output: read-only, shared by everybody who uses the store. */
  readonly path: string;
  readonly record: PackRecord;
  readonly pushed?: PushResult;
  /** The pantry whose other output was taken in place of our own. */
  readonly kept?: string;
}

/** Gets the output of a contract, or computes it with a function. */
export async function getOrCompute(
  session: Session,
  contract: ContractLike,
  compute: Compute,
  options: GetOptions,
): Promise<GetOrComputeResult> {
  const loaded = await loadContract(session, contract, workOf(options));
  const maker = computeMaker(loaded, compute, (store, uri, work) => store.tree(uri, work));
  const { placed, child: _, log: __, ...got } = await getOrMake(session, maker, options);
  return { ...got, path: placed };
}

/** Makes the output of a contract with a function, and hands it out as `place` does. */
export function computeMaker<Placed>(
  loaded: LoadedContract,
  compute: Compute,
  place: Maker<Placed>["place"],
): Maker<Placed> {
  return {
    loaded,
    place,
    make: async ({ store, work }) => {
      const folder = store.scratch();
      const undo = async (): Promise<void> => folder[Symbol.dispose]();
      try {
        await compute(folder.path, { signal: work.signal });
        work.signal.throwIfAborted();
      } catch (error) {
        await undo();
        throw error;
      }
      return { undo, collect: async () => ({ root: folder.path, [Symbol.dispose]: undo }) };
    },
  };
}
