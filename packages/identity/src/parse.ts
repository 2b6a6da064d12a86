import { canonicalize, type JsonValue, MAX_NESTING } from "./canonical.ts";
import { type Contract, isResolved, type ResolvedContract } from "./contract.ts";
import { CtxPackError } from "./errors.ts";
import { pointerSteps } from "./pointer.ts";
import { validate } from "./schema/validate.ts";
import { readJson } from "./source/json.ts";
import { nodeAt, type SourceNode } from "./source/node.ts";
import { errorAt, type Place, positionAt } from "./source/place.ts";
import { literalAt, problemError } from "./source/problem-place.ts";
import { decodeText } from "./source/text.ts";
import { jsonValueOf } from "./source/value.ts";
import { readYaml, type YamlLibrary } from "./source/yaml.ts";

/** Canonical bytes of a resolved contract, at most (DESIGN §4.1). */
export const MAX_CANONICAL: number = 1024 * 1024;

/** A contract that follows every rule of the format, and where its parts stand in the text it was read from. */
export interface ParsedContract {
  /** A {@link ResolvedContract} when the text has a `schema` member. */
  readonly contract: Contract | ResolvedContract;
  /** The path or name that was given; errors begin with it. */
  readonly file: string;
  /** Line and column, from 1, of the value a JSON pointer leads to; columns count UTF-16 code units. */
  locate(pointer: string): { line: number; column: number } | undefined;
}

/** How to read a contract's text. */
export interface ParseContractOptions {
  /** The contract's path, for messages and for the folder its paths are relative to. Default `contract`. */
  readonly file?: string;
  /** Default: by the file's extension, else JSON when the first character is `{`. */
  readonly format?: "json" | "yaml";
}

/** `parseContract`, with a way to the library that YAML is read with: asked for where there is YAML. */
export function parseText(
  source: string | Uint8Array,
  options: ParseContractOptions,
  yaml: () => YamlLibrary,
): ParsedContract {
  const file = options.file ?? "contract";
  const text = decodeText(source, file);
  const format = options.format ?? formatOf(file, text);
  if (format === "json") return parseJson(text, file);
  return parseRoot(readYaml({ text, file }, yaml()), text, file);
}

function parseJson(text: string, file: string): ParsedContract {
  return parseRoot(readJson({ text, file, maxNesting: MAX_NESTING }), text, file);
}

function parseRoot(root: SourceNode, text: string, file: string): ParsedContract {
  const value = jsonValueOf({ text, file, root, canonicalIntegers: hasSchema(root) });
  const result = validate(value, (pointer) => literalAt(root, pointer));
  if ("problems" in result) {
    throw problemError(result.problems, { root, text, file, code: "CTXPACK_E_CONTRACT" });
  }
  return {
    contract: result.contract,
    file,
    locate: (pointer) => {
      const node = nodeAt(root, pointerSteps(pointer));
      return node && positionAt(text, node.offset);
    },
  };
}

/**
 * The resolved contract whose canonical bytes these are, exactly: the config blob of a pack.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT` for anything else, and for more than 1 MiB.
 */
export function parseResolvedContract(bytes: Uint8Array): ResolvedContract {
  const file = "resolved contract";
  if (bytes.length > MAX_CANONICAL) {
    throw new CtxPackError(
      "CTXPACK_E_CONTRACT",
      `${file}: ${bytes.length} bytes, at most ${MAX_CANONICAL} are allowed`,
    );
  }
  const { contract } = parseJson(decodeText(bytes, file), file);
  if (!isResolved(contract)) {
    throw new CtxPackError("CTXPACK_E_CONTRACT", `${file}: "schema" is missing`);
  }
  const canonical = canonicalize(normalize(contract) as unknown as JsonValue);
  if (canonical !== new TextDecoder().decode(bytes)) {
    throw new CtxPackError("CTXPACK_E_CONTRACT", `${file}: not written as canonical JSON`);
  }
  return contract;
}

/**
 * A contract given as a value, held to the same rules as a text.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT`, with a JSON pointer.
 */
export function checkContract(
  contract: Contract | ResolvedContract,
  file = "contract",
): Contract | ResolvedContract {
  const value = contract as unknown as JsonValue;
  // First what no schema sees: undefined, lone surrogates, numbers that are not finite, cycles.
  canonicalize(value);
  const result = validate(value);
  if (!("problems" in result)) return result.contract;
  const { pointer, message, hint } = result.problems[0];
  throw errorAt("CTXPACK_E_CONTRACT", { file, pointer }, message, { hint });
}

/** The form a resolved contract is hashed in: its inputs sorted by name. */
export function normalize(contract: ResolvedContract): ResolvedContract {
  const inputs = contract.inputs.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { ...contract, inputs };
}

/** The place of a JSON pointer in a contract, for an error about it. */
export function placeOf(parsed: ParsedContract, pointer: string): Place {
  return { file: parsed.file, ...parsed.locate(pointer), pointer };
}

function formatOf(file: string, text: string): "json" | "yaml" {
  if (/\.json$/i.test(file)) return "json";
  if (/\.ya?ml$/i.test(file)) return "yaml";
  return text.trimStart().startsWith("{") ? "json" : "yaml";
}

function hasSchema(root: SourceNode): boolean {
  return root.kind === "map" && root.entries.some((entry) => entry.key === "schema");
}
