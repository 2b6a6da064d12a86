import { createRequire } from "node:module";
import { type ParseContractOptions, type ParsedContract, parseText } from "./parse.ts";
import type { YamlLibrary } from "./source/yaml.ts";

let library: YamlLibrary | undefined;

/**
 * Reads a contract, or a resolved one, from JSON or YAML.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT`: `file:line:column: /json/pointer: what is wrong`, for the first thing
 *   that is wrong; the same facts are in `details`.
 */
export function parseContract(
  source: string | Uint8Array,
  options: ParseContractOptions = {},
): ParsedContract {
  return parseText(source, options, loadYaml);
}

function loadYaml(): YamlLibrary {
  library ??= createRequire(import.meta.url)("yaml") as YamlLibrary;
  return library;
}
