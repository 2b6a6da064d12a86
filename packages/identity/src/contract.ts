import type { JsonValue } from "./canonical.ts";
import type { Digest, DirHash } from "./digest.ts";
import type { CtxUri } from "./uri.ts";

/** What a contract's author writes (`ctxpack.contract/v1`, DESIGN §4.1); paths are relative to the contract's folder. */
export interface Contract {
  /** Only a resolved contract has it; the one member that tells the two apart. */
  readonly schema?: never;
  readonly $schema?: string;
  /** A label; not identity. */
  readonly name?: string;
  readonly inputs?: readonly ContractInput[];
  /** What `run`, `map` and `recheck` execute; identity. */
  readonly command?: readonly string[];
  readonly transforms: readonly ContractTransform[];
  /** Where the results go; not identity. */
  readonly outputs?: readonly ContractOutput[];
  /** Names of variables handed to the child; not identity. */
  readonly pass_env?: readonly string[];
  /** Anything; not identity. */
  readonly metadata?: { readonly [key: string]: JsonValue };
}

/** One input: exactly one of `path`, `pack`, `value`, `digest`; a `digest` may also pin a `pack`. */
export type ContractInput = PathInput | PackInput | ValueInput | DigestInput;

/** A file or folder. */
export interface PathInput extends Patterns {
  readonly name: string;
  readonly path: string;
  readonly pack?: never;
  readonly value?: never;
  readonly digest?: never;
}

/** The output of another contract. */
export interface PackInput extends Patterns {
  readonly name: string;
  readonly pack: CtxUri;
  readonly digest?: DirHash;
  readonly path?: never;
  readonly value?: never;
}

/** Small inline data. */
export interface ValueInput {
  readonly name: string;
  readonly value: JsonValue;
  readonly path?: never;
  readonly pack?: never;
  readonly digest?: never;
}

/** Something whose digest is already known. */
export interface DigestInput {
  readonly name: string;
  readonly digest: Digest | DirHash;
  readonly path?: never;
  readonly pack?: never;
  readonly value?: never;
}

/** Which files of an input count (DESIGN §4.2, patterns). */
export interface Patterns {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** One step: what was run, in which version, with which parameters. */
export interface ContractTransform {
  readonly tool: string;
  readonly tool_version?: string;
  readonly model?: string;
  /** Patterns over the contract's folder; their files are hashed into `code_hash`. */
  readonly code?: readonly string[];
  /** Given instead of `code`: an opaque `<word>:<1–256 printable ASCII>`. */
  readonly code_hash?: string;
  /** Names of variables whose values are part of identity. */
  readonly env?: readonly string[];
  readonly params?: { readonly [key: string]: JsonValue };
}

/** Where a result is written. */
export interface ContractOutput {
  readonly path: string;
  /** Its place in the pack when there is more than one output. */
  readonly name?: string;
}

/** A contract with every path replaced by a digest and nothing left that is not identity (DESIGN §4.2). */
export interface ResolvedContract {
  readonly command?: readonly string[];
  /** Sorted by name. */
  readonly inputs: readonly ResolvedInput[];
  readonly map?: { readonly input: string; readonly out: string };
  readonly schema: "ctxpack.contract/v1";
  readonly transforms: readonly ResolvedTransform[];
}

/** One input: its name and exactly one of `digest` and `value`. */
export type ResolvedInput =
  | { readonly name: string; readonly digest: Digest | DirHash; readonly value?: never }
  | { readonly name: string; readonly value: JsonValue; readonly digest?: never };

/** One step, with its code and environment as digests. */
export interface ResolvedTransform {
  readonly code_hash?: string;
  /** Name → digest of the value's UTF-8 bytes, `null` when unset. */
  readonly env?: { readonly [name: string]: Digest | null };
  readonly model?: string;
  readonly params?: { readonly [key: string]: JsonValue };
  readonly tool: string;
  readonly tool_version?: string;
}

/** Whether a contract is resolved already. */
export function isResolved(contract: Contract | ResolvedContract): contract is ResolvedContract {
  return contract.schema !== undefined;
}
