import {
  CtxPackError,
  type CtxUri,
  type JsonValue,
  legacyBytes,
  sha256,
  uriOf,
} from "@ctxpack/identity";
import { type Member, readMembers } from "./json.ts";

/** What the `manifest.json` of a v0 pack says. */
export interface LegacyFacts {
  /** As it was written. A number beyond a double is rounded here, not in `hashed`. */
  readonly contract: JsonValue;
  /** The text whose sha256 the URI is. */
  readonly hashed: string;
  readonly provenance: JsonValue;
}

/** A `manifest.json` larger than this is not read: a contract may be 4 MiB long, provenance is short. */
export const MAX_DESCRIPTION: number = 4 * 2 ** 20;

/**
 * Reads `manifest.json` and checks that it is the one of `uri`: the tag promised 12 digits, the contract
 * proves all 64. Throws CTXPACK_E_PACK.
 */
export function parseDescription(bytes: Uint8Array, uri: CtxUri): LegacyFacts {
  const text = decode(bytes);
  // Judges the syntax of all of it, so that what follows reads valid JSON.
  orRefuse(() => legacyBytes(text));
  const members = readMembers(text);
  const contract = only(members, "contract");
  const claimed = only(members, "uri").value;
  const hashed = hash(contract);
  const found = uriOf(sha256(hashed));
  if (found !== uri || claimed !== uri) {
    throw new CtxPackError(
      "CTXPACK_E_PACK",
      `manifest.json is of another pack: it says ${JSON.stringify(claimed)?.slice(0, 120)} and its contract has the URI ${found}, expected ${uri}`,
      { details: { expected: uri, found, claimed } },
    );
  }
  const provenance = members.some(({ key }) => key === "provenance")
    ? only(members, "provenance").value
    : null;
  return { contract: contract.value, hashed: new TextDecoder().decode(hashed), provenance };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refuse("it is not UTF-8", cause);
  }
}

/** Parsers differ on which of two equal keys counts: there must be one. */
function only(members: readonly Member[], key: string): Member {
  const [member, ...more] = members.filter((each) => each.key === key);
  if (member !== undefined && more.length === 0) return member;
  throw refuse(member ? `it has ${JSON.stringify(key)} twice` : `it has no ${JSON.stringify(key)}`);
}

/** A contract that kept its paths beside their digests is hashed with the digests alone. */
function hash(contract: Member): Uint8Array {
  const { value } = contract;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("its contract is no object");
  }
  const digests = new Map<string, string>();
  const { inputs } = value as { readonly inputs?: JsonValue };
  for (const input of Array.isArray(inputs) ? (inputs as readonly JsonValue[]) : []) {
    if (typeof input !== "object" || input === null) continue;
    const { path, digest } = input as { readonly path?: JsonValue; readonly digest?: JsonValue };
    if (typeof path === "string" && typeof digest === "string") digests.set(path, digest);
  }
  return orRefuse(() => legacyBytes(contract.text, digests));
}

/** A contract that breaks a rule is the user's mistake elsewhere; here it is the pack's. */
function orRefuse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    throw refuse(error.message, error);
  }
}

function refuse(why: string, cause?: unknown): CtxPackError {
  return new CtxPackError("CTXPACK_E_PACK", `manifest.json of a v0 pack: ${why}`, { cause });
}
