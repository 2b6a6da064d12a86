import { canonicalBytes, type JsonValue } from "./canonical.ts";
import { isResolved, type ResolvedContract } from "./contract.ts";
import type { Digest } from "./digest.ts";
import { CtxPackError } from "./errors.ts";
import { checkContract, normalize, parseResolvedContract } from "./parse.ts";

/** The name of a pack: `ctx://` and the sha256 of its resolved contract's canonical bytes. */
export type CtxUri = `ctx://sha256:${string}`;

const uriPattern = /^(?:ctx:\/\/)?(?:sha256:)?([0-9a-f]{64})$/;

/**
 * The URI that `text` spells, as `ctx://sha256:H`, `ctx://H`, `sha256:H` or `H`, where H is 64 lower-case hex digits.
 *
 * @throws CtxPackError `CTXPACK_E_REFERENCE` for anything else, short URIs too: only a store can complete those.
 */
export function parseUri(text: string): CtxUri {
  const hex = uriPattern.exec(text)?.[1];
  if (hex !== undefined) return `ctx://sha256:${hex}`;
  throw new CtxPackError("CTXPACK_E_REFERENCE", `${JSON.stringify(text)} is not a ctx:// URI`, {
    hint: "a URI is ctx://sha256: and 64 lower-case hex digits",
    details: { found: text },
  });
}

/** The URI of the contract whose canonical bytes have this digest. */
export function uriOf(digest: Digest): CtxUri {
  return `ctx://${digest}`;
}

/** The digest in a URI: that of the pack's config blob. */
export function uriDigest(uri: CtxUri): Digest {
  return uri.slice("ctx://".length) as Digest;
}

/**
 * The URI of a resolved contract, given as a value or as its canonical bytes. Runs wherever WebCrypto does.
 *
 * @throws CtxPackError `CTXPACK_E_CONTRACT` for what is no resolved contract, and for bytes that are not canonical.
 */
export async function contractUri(
  contract: ResolvedContract | Uint8Array,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<CtxUri> {
  options.signal?.throwIfAborted();
  const bytes = contract instanceof Uint8Array ? contract : bytesOf(contract);
  parseResolvedContract(bytes);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  return `ctx://sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** A value is held to the same rules as bytes: what could not be read back has no URI. */
function bytesOf(contract: ResolvedContract): Uint8Array {
  const checked = checkContract(contract, "resolved contract");
  return canonicalBytes(
    (isResolved(checked) ? normalize(checked) : checked) as unknown as JsonValue,
  );
}
