import { CtxPack } from "../ctxpack.ts";
import type { Memoizable, Memoized, MemoizeOptions } from "./remember.ts";

/**
 * `CtxPack.memoize` in the store that this process's environment and configuration name, opened at the first call and
 * closed when nothing is left to do.
 *
 * @example
 * const embed = memoize(async (text: string) => await model.embed(text), {
 *   name: "embed", version: "1", model: "text-embedding-3-large",
 * });
 */
export function memoize<In, Out>(
  fn: Memoizable<In, Out>,
  options: MemoizeOptions,
): Memoized<In, Out> {
  let memoized: Promise<Memoized<In, Out>> | undefined;
  const open = async (): Promise<Memoized<In, Out>> => (await processWide()).memoize(fn, options);
  return async (input, call) => {
    memoized ??= open().catch((error: unknown) => {
      // The next call tries again.
      memoized = undefined;
      throw error;
    });
    return await (await memoized)(input, call);
  };
}

let opened: Promise<CtxPack> | undefined;

/** One for all memoized functions of this process. */
function processWide(): Promise<CtxPack> {
  opened ??= CtxPack.open().then(closeAtEnd, (error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

function closeAtEnd(ctx: CtxPack): CtxPack {
  process.once("beforeExit", () => void ctx[Symbol.asyncDispose]().catch(() => {}));
  return ctx;
}
