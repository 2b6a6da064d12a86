import * as yaml from "yaml";
import { type ParseContractOptions, type ParsedContract, parseText } from "./parse.ts";

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
  return parseText(source, options, () => yaml);
}
