import type { CtxUri, Digest } from "@ctxpack/identity";
import { parseDocument } from "@ctxpack/identity/schema";
import { validateLock } from "./lock.generated.ts";
import { type Lock, type LockedSigner, MAX_LOCK } from "./lock.ts";

/** A pin as it stands in the file, after the schema has accepted it. */
interface WrittenPin {
  readonly manifest: Digest;
  readonly bundles: readonly Digest[];
  readonly signers: readonly LockedSigner[];
  readonly policies: readonly Digest[];
  readonly time?: string;
}

/**
 * Reads a lock file.
 *
 * @throws CtxPackError `CTXPACK_E_CONFIG`: `file:line:column: /json/pointer: what is wrong`.
 */
export function parseLock(text: string | Uint8Array, file: string): Lock {
  const { value } = parseDocument(text, {
    file,
    code: "CTXPACK_E_CONFIG",
    maxBytes: MAX_LOCK,
    validate: validateLock,
  });
  const { packs } = value as unknown as { readonly packs: Readonly<Record<CtxUri, WrittenPin>> };
  return {
    file,
    packs: new Map(
      Object.entries(packs).map(([uri, { time, ...pin }]) => [
        uri as CtxUri,
        { ...pin, ...(time !== undefined && { time: new Date(time) }) },
      ]),
    ),
  };
}
