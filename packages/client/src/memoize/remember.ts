import { type CtxUri, parseContract } from "@ctxpack/identity";
import { isDamage } from "../damage.ts";
import type { GetOptions } from "../run/options.ts";
import type { Session } from "../session.ts";
import { type Call, callOf, type FunctionIdentity } from "./call.ts";
import { Flights } from "./flights.ts";
import { decode, type Result, readResult } from "./result.ts";

/** A function that can be remembered: of JSON or bytes, to JSON or bytes. `signal` is aborted when nobody waits any more. */
export type Memoizable<In, Out> = (
  input: In,
  options: { readonly signal: AbortSignal },
) => Promise<Out>;

/** The same, remembered. */
export type Memoized<In, Out> = (
  input: In,
  options?: { readonly signal?: AbortSignal | undefined },
) => Promise<Out>;

/** What a function is, and how its results are got and kept; a result that is in the store is not pushed again. */
export interface MemoizeOptions
  extends FunctionIdentity,
    Omit<GetOptions, "signal" | "onProgress" | "statCache"> {}

/**
 * Makes a function that remembers in the store of a session: each call is a contract, and what it returns a pack. Equal
 * calls at the same time run once. What throws is not remembered.
 */
export function remember<In, Out>(
  session: Session,
  fn: Memoizable<In, Out>,
  options: MemoizeOptions,
): Memoized<In, Out> {
  const { name, version, model, ...get } = options;
  const identity = { name, version, model };
  // What makes no contract is said at once, not at the first call.
  parseContract(callOf(identity, null).contract, { format: "json", file: `memoize "${name}"` });
  const memory = new Memory(session, name, get);
  return async (input, { signal } = {}) => {
    const call = callOf(identity, input);
    const compute = async (abort: AbortSignal): Promise<unknown> =>
      await fn(input, { signal: abort });
    return decode(await memory.recall(call, compute, signal)) as Out;
  };
}

/** The results of one function. */
class Memory {
  readonly #session: Session;
  readonly #name: string;
  readonly #get: GetOptions;
  readonly #flights = new Flights<Result>();
  /** A function mostly returns one kind of thing. */
  #likely: Result["file"] = "result.json";

  constructor(session: Session, name: string, get: GetOptions) {
    this.#session = session;
    this.#name = name;
    this.#get = get;
  }

  async recall(
    call: Call,
    compute: (signal: AbortSignal) => Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    const work = async (abort: AbortSignal): Promise<Result> => {
      const known = await this.#known(call.uri, abort);
      if (known !== undefined) return known;
      const { makeResult } = await import("./make.ts");
      const made = { ...call, compute, name: this.#name, likely: this.#likely };
      return await makeResult(this.#session, made, { ...this.#get, signal: abort });
    };
    const result = await this.#flights.join(call.uri, work, signal);
    this.#likely = result.file;
    return result;
  }

  /** What the store has: no contract is read for it. */
  async #known(uri: CtxUri, signal: AbortSignal): Promise<Result | undefined> {
    const { force, cache } = this.#get;
    if (force || cache?.local === "none" || cache?.local === "w") return undefined;
    const store = await this.#session.store(signal);
    const record = await store.get(uri);
    if (record === undefined || record.partial) return undefined;
    // What is refused is none: getting it asks the pantries, and computes it again.
    if (await this.#session.gate?.judgeStored(store, record, signal)) return undefined;
    try {
      return await readResult(store, uri, this.#likely, signal);
    } catch (error) {
      // Getting it says so, and computes it again.
      if (!isDamage(error)) throw error;
      return undefined;
    }
  }
}
