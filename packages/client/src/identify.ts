import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { CtxPackError, type CtxUri, legacyUri, type Resolution } from "@ctxpack/identity";
import { type ContractLike, type LoadedContract, loadContract } from "./load-contract.ts";
import { packOutputs } from "./pack-input.ts";
import { type IdentifyLoadedOptions, type IdentifyOptions, resolveLoaded } from "./resolve.ts";
import type { Session } from "./session.ts";
import { type WorkOptions, workOf } from "./work.ts";

/** Resolves a contract to its canonical bytes and URI: every path is replaced by the digest of what it holds. */
export async function identify(
  session: Session,
  contract: ContractLike,
  options: IdentifyOptions,
): Promise<Resolution> {
  const loaded = await loadContract(session, contract, workOf(options));
  return await identifyLoaded(session, loaded, options);
}

/** `identify` for a contract that was read. */
export async function identifyLoaded(
  session: Session,
  loaded: LoadedContract,
  options: IdentifyLoadedOptions,
): Promise<Resolution> {
  const work = workOf(options);
  return await resolveLoaded(loaded, await session.knownDigests(work.signal), {
    ...work,
    env: session.env,
    packs: packOutputs(session),
    statCache: options.statCache,
    observe: options.observe,
    onListing: options.onListing,
  });
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
