import { resolve } from "node:path";
import { CtxPackError, type CtxPackErrorCode, type CtxUri } from "@ctxpack/identity";
import { identifyUsed } from "../identify-used.ts";
import { loadContract } from "../load-contract.ts";
import type { IdentifyOptions } from "../resolve.ts";
import type { Session } from "../session.ts";
import { type Explanation, explainMiss } from "../why/why.ts";
import { type Work, workOf } from "../work.ts";
import { contractFilesBelow } from "./contract-files.ts";
import { type InPantries, PantryCheck } from "./pantry-check.ts";

export interface StatusOptions extends IdentifyOptions {
  /** Contract files; those below the working directory when absent or empty. */
  readonly contracts?: readonly string[] | undefined;
}

/** How a contract's result stands. */
export type ContractState =
  /** The store has it. */
  | "fresh"
  /** A pantry has it, the store does not. */
  | "remote"
  /** What there is was made with another contract of this name or output. */
  | "stale"
  /** Nothing was made of it, as far as the store knows. */
  | "never built"
  /** It has no URI: it is invalid, or an input is not there. */
  | "unknown";

/** One contract of a project. */
export interface ContractStatus {
  /** As it was named, or relative to the working directory. */
  readonly file: string;
  readonly state: ContractState;
  /** Absent when unknown. */
  readonly uri?: CtxUri;
  readonly name?: string;
  /** The configured pantries: which have it, which could not be asked. Absent when unknown. */
  readonly pantries?: InPantries;
  /** Present when stale: what it differs in from what there is. */
  readonly explanation?: Explanation;
  /** Present when unknown. */
  readonly error?: { readonly code: CtxPackErrorCode; readonly message: string };
}

export interface StatusResult {
  readonly contracts: readonly ContractStatus[];
  /** None of them is stale, never built or unknown. */
  readonly fresh: boolean;
}

/**
 * Says how the results of a project's contracts stand. A contract that cannot be resolved, and a pantry that cannot be
 * asked, are said beside the others. Throws CTXPACK_E_PERMISSION for a folder that may not be searched.
 */
export async function status(session: Session, options: StatusOptions): Promise<StatusResult> {
  const work = workOf(options);
  const { signal } = work;
  const named = options.contracts ?? [];
  const search = { except: resolve(session.config.cacheDir), signal };
  const files = named.length > 0 ? named : await contractFilesBelow(session.cwd, search);
  const check = new PantryCheck(session);
  const contracts: ContractStatus[] = [];
  for (const file of files) {
    contracts.push(await statusOf(session, file, { ...options, ...work }, check));
  }
  const fresh = contracts.every(({ state }) => state === "fresh" || state === "remote");
  return { contracts, fresh };
}

async function statusOf(
  session: Session,
  file: string,
  options: IdentifyOptions & Work,
  check: PantryCheck,
): Promise<ContractStatus> {
  let identified: Awaited<ReturnType<typeof identifyUsed>>;
  try {
    identified = await identifyUsed(session, await loadContract(session, file, options), options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    const { code, message } = error;
    return { file, state: "unknown", error: { code, message } };
  }
  const { resolution, labels } = identified;
  const { uri } = resolution;
  const { name } = labels;
  const pantries = await check.ask(uri, options.signal);
  const about = { file, uri, ...(name !== undefined && { name }), pantries };
  const store = await session.store(options.signal);
  const record = await store.get(uri);
  const isWhole = record !== undefined && !record.partial;
  if (isWhole && !(await session.gate?.judgeStored(store, record, options.signal))) {
    return { ...about, state: "fresh" };
  }
  if (pantries.has.length > 0) return { ...about, state: "remote" };
  const known = { labels, onlyRelated: true, onFailure: () => {} };
  const explanation = await explainMiss(session, resolution, known, options);
  if (explanation === undefined) return { ...about, state: "never built" };
  return { ...about, state: "stale", explanation };
}
