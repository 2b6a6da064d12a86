import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  type Contract,
  CtxPackError,
  type CtxUri,
  canonicalize,
  type FileDigests,
  type JsonValue,
  legacyUri,
  type ParsedContract,
  parseContract,
  type Resolution,
  type ResolvedContract,
  type ResolveOptions,
  readContract,
  resolveContract,
} from "@ctxpack/identity";
import { packOutputs } from "./pack-input.ts";
import type { OpenStore, Session } from "./session.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

/** A contract: the path of its file, or what was read from one, or a value. */
export type ContractLike = string | ParsedContract | Contract | ResolvedContract;

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
  const loaded = await loadContract(session, contract, workOf(options));
  return await identifyLoaded(session, loaded, options);
}

/** How a contract that was read is resolved. */
export interface IdentifyLoadedOptions extends IdentifyOptions {
  /** Stands between resolving and what is known of files. */
  readonly observe?: (known: FileDigests | undefined) => FileDigests;
  /** Receives the lines of every tree. */
  readonly onListing?: (listing: Listing) => void;
}

type Listing = Parameters<NonNullable<ResolveOptions["onListing"]>>[0];

/** `identify` for a contract that was read. */
export async function identifyLoaded(
  session: Session,
  { parsed, baseDir }: LoadedContract,
  options: IdentifyLoadedOptions,
): Promise<Resolution> {
  const work = workOf(options);
  const opened = await storeIfThereIsOne(session, work);
  const known = options.statCache === false ? undefined : opened?.store.digests;
  const digests = options.observe?.(known) ?? known;
  const resolution = await resolveContract(parsed, {
    baseDir,
    env: session.env,
    packs: packOutputs(session),
    signal: work.signal,
    onProgress: work.onProgress,
    ...(digests && { digests }),
    onListing: async (listing) => {
      options.onListing?.(listing);
      if (opened?.writable) await opened.store.keepListing(listing);
    },
  });
  if (opened?.writable) await known?.save();
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
  const text = await readFile(path, { encoding: "utf8", signal: work.signal }).catch((error) => {
    if (error.code !== "ENOENT" && error.code !== "EISDIR") throw error;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${file}: no such contract file`, {
      cause: error,
      details: { file },
    });
  });
  return await legacyUri(text, { baseDir: dirname(path), signal: work.signal });
}

/** A contract that was read, and the folder its paths count from. */
export interface LoadedContract {
  readonly parsed: ParsedContract;
  readonly baseDir: string;
}

/** Reads a contract file, or takes a value; the paths of a value count from the working directory. */
export async function loadContract(
  session: Session,
  contract: ContractLike,
  { signal }: Work,
): Promise<LoadedContract> {
  if (typeof contract === "string") {
    const path = resolve(session.cwd, contract);
    // Errors name the file as the person wrote it, where that leads to the same file.
    const parsed = await readContract(resolve(contract) === path ? contract : path, { signal });
    return { parsed, baseDir: dirname(path) };
  }
  if (isParsed(contract)) {
    return { parsed: contract, baseDir: dirname(resolve(session.cwd, contract.file)) };
  }
  // Held to the same rules as a file.
  const text = canonicalize(contract as unknown as JsonValue);
  return { parsed: parseContract(text, { format: "json" }), baseDir: session.cwd };
}

function isParsed(contract: Exclude<ContractLike, string>): contract is ParsedContract {
  return "locate" in contract && typeof contract.locate === "function";
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
