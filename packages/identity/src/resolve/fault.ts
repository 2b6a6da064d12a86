import { CtxPackError } from "../errors.ts";
import { placeOf } from "../parse.ts";
import { errorAt } from "../source/place.ts";
import type { ResolveContext } from "./resolve.ts";

/** Runs `work`; an error about a part of the contract is thrown on with the place of that part. */
export async function atPlace<Result>(
  context: ResolveContext,
  pointer: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    context.signal?.throwIfAborted();
    // What has a place already came from the contract itself.
    if (!CtxPackError.isInstance(error) || error.details["pointer"] !== undefined) throw error;
    const { code, message, hint, details } = error;
    throw errorAt(code, placeOf(context.parsed, pointer), message, { hint, details, cause: error });
  }
}
