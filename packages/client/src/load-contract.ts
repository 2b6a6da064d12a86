import { dirname, resolve } from "node:path";
import {
  type Contract,
  canonicalize,
  type JsonValue,
  type ParsedContract,
  parseContract,
  type ResolvedContract,
  readContract,
} from "@ctxpack/identity";

/** A contract: the path of its file, or what was read from one, or a value. */
export type ContractLike = string | ParsedContract | Contract | ResolvedContract;

/** A contract that was read, and the folder its paths count from. */
export interface LoadedContract {
  readonly parsed: ParsedContract;
  readonly baseDir: string;
}

/** Reads a contract file, or takes a value; the paths of a value count from the working directory. */
export async function loadContract(
  { cwd }: { readonly cwd: string },
  contract: ContractLike,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<LoadedContract> {
  if (typeof contract === "string") {
    const path = resolve(cwd, contract);
    // Errors name the file as the person wrote it, where that leads to the same file.
    const parsed = await readContract(resolve(contract) === path ? contract : path, { signal });
    return { parsed, baseDir: dirname(path) };
  }
  if (isParsed(contract)) {
    return { parsed: contract, baseDir: dirname(resolve(cwd, contract.file)) };
  }
  // Held to the same rules as a file.
  const text = canonicalize(contract as unknown as JsonValue);
  return { parsed: parseContract(text, { format: "json" }), baseDir: cwd };
}

function isParsed(contract: Exclude<ContractLike, string>): contract is ParsedContract {
  return "locate" in contract && typeof contract.locate === "function";
}
