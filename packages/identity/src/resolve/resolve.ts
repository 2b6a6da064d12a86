import { dirname, resolve } from "node:path";
import { canonicalBytes, type JsonValue } from "../canonical.ts";
import {
  type Contract,
  isResolved,
  type ResolvedContract,
  type ResolvedInput,
  type ResolvedTransform,
} from "../contract.ts";
import type { DirHash } from "../digest.ts";
import { sha256 } from "../hash.ts";
import { checkContract, MAX_CANONICAL, normalize, type ParsedContract } from "../parse.ts";
import type { OnProgress } from "../progress.ts";
import { RESOLVED_SCHEMA } from "../schema/origin.ts";
import { errorAt } from "../source/place.ts";
import type { FileDigests } from "../tree/digests.ts";
import { type CtxUri, uriOf } from "../uri.ts";
import { resolveInput } from "./input.ts";
import { outputPlaces } from "./overlap.ts";
import type { PackOutputs, ResolvedPack } from "./pack.ts";
import { resolveTransform } from "./transform.ts";

/** What resolving a contract may use. Nothing is taken from the process: variables come in through `env`. */
export interface ResolveOptions {
  /** The folder that paths and `code` are relative to. Default: the contract file's, else the working directory. */
  readonly baseDir?: string | undefined;
  /** The variables that `env` members are digests of; needed when a contract names any. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly digests?: FileDigests | undefined;
  /** Where outputs of other contracts are found; needed for a `pack` without `digest`. */
  readonly packs?: PackOutputs | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Receives the lines of every `dirHash1` that is computed: their SHA-256 is the digest. */
  readonly onListing?:
    | ((listing: {
        readonly pointer: string;
        readonly digest: DirHash;
        readonly lines: Uint8Array;
      }) => void | Promise<void>)
    | undefined;
}

/** A contract's identity. */
export interface Resolution {
  readonly resolved: ResolvedContract;
  /** Its canonical bytes: the config blob of the pack. */
  readonly bytes: Uint8Array;
  readonly uri: CtxUri;
  /** The outputs of other contracts that went in. */
  readonly packs: readonly ResolvedPack[];
}

/** What the resolution of one contract passes around. */
export interface ResolveContext extends ResolveOptions {
  readonly parsed: ParsedContract;
  readonly baseDir: string;
  readonly outputs: Awaited<ReturnType<typeof outputPlaces>>;
}

/**
 * Resolves a contract: hashes its inputs and code, digests its environment, drops what is not identity. A resolved
 * contract resolves to itself.
 *
 * @throws CtxPackError at `file:line:column: /json/pointer`, with the code of what went wrong: `CTXPACK_E_CONTRACT`,
 *   `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PERMISSION`, `CTXPACK_E_TREE`; `CTXPACK_E_CONFLICT` when a pack's output is
 *   not the pinned one; `CTXPACK_E_USAGE` when `env` or `packs` is needed and not given.
 */
export async function resolveContract(
  contract: ParsedContract | Contract | ResolvedContract,
  options: ResolveOptions = {},
): Promise<Resolution> {
  options.signal?.throwIfAborted();
  const parsed = isParsed(contract) ? contract : fromValue(contract);
  if (isResolved(parsed.contract)) return identify(parsed.contract, [], parsed.file);
  const baseDir = resolve(options.baseDir ?? dirname(parsed.file));
  const outputs = await outputPlaces(parsed.contract, baseDir);
  const context: ResolveContext = { ...options, parsed, baseDir, outputs };
  return resolveParts(parsed.contract, context);
}

async function resolveParts(contract: Contract, context: ResolveContext): Promise<Resolution> {
  const packs: ResolvedPack[] = [];
  const inputs: ResolvedInput[] = [];
  for (const [index, input] of (contract.inputs ?? []).entries()) {
    const { resolved, pack } = await resolveInput(input, `/inputs/${index}`, context);
    inputs.push(resolved);
    if (pack !== undefined) packs.push(pack);
  }
  const transforms: ResolvedTransform[] = [];
  for (const [index, transform] of contract.transforms.entries()) {
    transforms.push(await resolveTransform(transform, `/transforms/${index}`, context));
  }
  const { command } = contract;
  const resolved: ResolvedContract = {
    ...(command === undefined ? {} : { command }),
    inputs,
    schema: RESOLVED_SCHEMA,
    transforms,
  };
  return identify(resolved, packs, context.parsed.file);
}

function identify(
  contract: ResolvedContract,
  packs: readonly ResolvedPack[],
  file: string,
): Resolution {
  const resolved = normalize(contract);
  const bytes = canonicalBytes(resolved as unknown as JsonValue);
  if (bytes.length > MAX_CANONICAL) {
    const message = `${bytes.length} bytes when resolved; at most ${MAX_CANONICAL} are allowed`;
    throw errorAt("CTXPACK_E_CONTRACT", { file }, message, {
      hint: "make large values a file and name it as an input",
    });
  }
  return { resolved, bytes, uri: uriOf(sha256(bytes)), packs };
}

function isParsed(
  contract: ParsedContract | Contract | ResolvedContract,
): contract is ParsedContract {
  return "locate" in contract && typeof contract.locate === "function";
}

function fromValue(contract: Contract | ResolvedContract): ParsedContract {
  return { contract: checkContract(contract), file: "contract", locate: () => undefined };
}
