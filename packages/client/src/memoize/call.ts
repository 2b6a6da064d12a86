import {
  CtxPackError,
  type CtxUri,
  canonicalBytes,
  canonicalize,
  type JsonValue,
  RESOLVED_SCHEMA,
  type ResolvedContract,
  sha256,
  uriOf,
} from "@ctxpack/identity";

/** What decides about a function, beside what it is called with. */
export interface FunctionIdentity {
  /** What computes: the `tool` of each call's contract. */
  readonly name: string;
  /** Another one whenever the function gives other results. */
  readonly version: string;
  readonly model?: string | undefined;
}

/** One call as a contract. */
export interface Call {
  readonly uri: CtxUri;
  /** The canonical bytes of the resolved contract. */
  readonly contract: Uint8Array;
}

/** JSON that is longer than this is in the contract by its digest; in UTF-16 units. */
const MOST_INLINE = 64 << 10;

/**
 * The contract of one call: JSON is an input with its value, bytes and long JSON one with their digest. Throws
 * CTXPACK_E_USAGE for anything else.
 */
export function callOf(identity: FunctionIdentity, input: unknown): Call {
  const { name, version, model } = identity;
  const resolved: ResolvedContract = {
    inputs: [inputOf(identity, input)],
    schema: RESOLVED_SCHEMA,
    transforms: [{ tool: name, tool_version: version, ...(model !== undefined && { model }) }],
  };
  const contract = canonicalBytes(resolved as unknown as JsonValue);
  return { uri: uriOf(sha256(contract)), contract };
}

function inputOf({ name }: FunctionIdentity, input: unknown): ResolvedContract["inputs"][number] {
  if (input instanceof Uint8Array) return { name: "bytes", digest: sha256(input) };
  const text = jsonOf(input, `the input of ${name}`);
  if (text.length <= MOST_INLINE) return { name: "value", value: input as JsonValue };
  return { name: "json", digest: sha256(new TextEncoder().encode(text)) };
}

/** Canonical JSON. Throws CTXPACK_E_USAGE, naming the JSON pointer, for what has none. */
export function jsonOf(value: unknown, what: string): string {
  try {
    return canonicalize(value as JsonValue);
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    throw new CtxPackError(
      "CTXPACK_E_USAGE",
      `${what} is neither JSON nor bytes: ${error.message}`,
      {
        hint: "use plain objects, arrays, strings, numbers, booleans and null, or a Uint8Array",
        cause: error,
        details: error.details,
      },
    );
  }
}
