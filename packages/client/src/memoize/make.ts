import { parseContract } from "@ctxpack/identity";
import { getOrMake } from "../run/get.ts";
import { computeMaker } from "../run/get-or-compute.ts";
import type { GetOptions } from "../run/options.ts";
import type { Session } from "../session.ts";
import type { Call } from "./call.ts";
import { type Result, readResult, resultOf, writeResult } from "./result.ts";

/** A call that the store does not know. */
interface NewCall extends Call {
  /** Of the function. */
  readonly name: string;
  readonly compute: (signal: AbortSignal) => Promise<unknown>;
  /** What it will probably be. */
  readonly likely: Result["file"];
}

/** Gets the result of a call from a pantry, from another process that computes it, or computes it. */
export async function makeResult(
  session: Session,
  { contract, name, compute, likely }: NewCall,
  options: GetOptions,
): Promise<Result> {
  const parsed = parseContract(contract, { format: "json", file: `memoize "${name}"` });
  const maker = computeMaker<Result>(
    { parsed, baseDir: session.cwd },
    async (dir, { signal }) => await writeResult(dir, resultOf(await compute(signal), name)),
    (store, uri, { signal }) => readResult(store, uri, likely, signal),
  );
  return (await getOrMake(session, maker, options)).placed;
}
