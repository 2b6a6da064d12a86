import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  type Contract,
  CtxPackError,
  type CtxUri,
  legacyUri,
  type ParsedContract,
  type Resolution,
  readContract,
  resolveContract,
} from "@ctxpack/identity";
import { packOutputs } from "./pack-input.ts";
import type { OpenStore, Session } from "./session.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

/** A contract: the path of its file, or what was read from one, or a value. */
export type ContractLike = string | ParsedContract | Contract;

export interface IdentifyOptions extends WorkOptions {
  /** False reads every file although its digest is remembered. Default true. */
  readonly statCache?: boolean | undefined;
}

/** Resolves a contract to its canonical bytes and URI: every path is replaced by the digest of what it holds. */
export async function identify(
  session: Session,
  contract: ContractLike,
  options: IdentifyOptions,
): Promise<Resolution> {
  const work = workOf(options);
  const { parsed, baseDir } = await loadContract(session, contract, work);
  const opened = await storeIfThereIsOne(session, work);
  const digests = options.statCache === false ? undefined : opened?.store.digests;
  const resolution = await resolveContract(parsed, {
    baseDir,
    env: session.env,
    packs: packOutputs(session),
    signal: work.signal,
    onProgress: work.onProgress,
    ...(digests && { digests }),
    ...(opened?.writable && { onListing: (listing) => opened.store.keepListing(listing) }),
  });
  if (opened?.writable) await digests?.save();
  return resolution;
}

/** The URI that the first prototype gave a contract file (DESIGN §4.3). */
export async function identifyLegacy(
  session: Session,
  file: string,
  options: WorkOptions,
): Promise<CtxUri> {
  const work = workOf(options);
  const path = resolve(session.cwd, file);
  const text = await readFile(path, { encoding: "utf8", signal: work.signal });
  return await legacyUri(text, { baseDir: dirname(path), signal: work.signal });
}

/** Reads a contract file, or takes a value; paths in it count from `baseDir`. */
export async function loadContract(
  session: Session,
  contract: ContractLike,
  { signal }: Work,
): Promise<{ parsed: ParsedContract | Contract; baseDir: string; file?: string }> {
  if (typeof contract === "string") {
    const file = resolve(session.cwd, contract);
    const parsed = await readContract(file, { signal });
    return { parsed, baseDir: dirname(file), file: contract };
  }
  if ("locate" in contract) {
    const baseDir = dirname(resolve(session.cwd, contract.file));
    return { parsed: contract, baseDir, file: contract.file };
  }
  return { parsed: contract, baseDir: session.cwd };
}

/** A contract has a URI also where no store can be: then nothing is remembered. */
async function storeIfThereIsOne(session: Session, work: Work): Promise<OpenStore | undefined> {
  try {
    return await session.openStore(work.signal);
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_PERMISSION") return undefined;
    throw error;
  }
}
