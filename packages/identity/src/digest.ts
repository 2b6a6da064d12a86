import { CtxPackError } from "./errors.ts";

/** The SHA-256 of some bytes: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

/** The digest of a folder by in-toto's `dirHash1` (DESIGN §4.2): `dirHash1:` and 64 lower-case hex digits. */
export type DirHash = `dirHash1:${string}`;

const digestPattern = /^sha256:[0-9a-f]{64}$/;
const dirHashPattern = /^dirHash1:[0-9a-f]{64}$/;

/** Whether `value` is a {@link Digest}. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && digestPattern.test(value);
}

/** Whether `value` is a {@link DirHash}. */
export function isDirHash(value: unknown): value is DirHash {
  return typeof value === "string" && dirHashPattern.test(value);
}

/**
 * The digest that `text` spells.
 *
 * @throws CtxPackError `CTXPACK_E_REFERENCE` unless it is `sha256:` and 64 lower-case hex digits.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new CtxPackError("CTXPACK_E_REFERENCE", `${JSON.stringify(text)} is not a digest`, {
    hint: "a digest is sha256: and 64 lower-case hex digits",
    details: { found: text },
  });
}

/** The 64 hex digits of a digest. */
export function digestHex(digest: Digest | DirHash): string {
  return digest.slice(digest.indexOf(":") + 1);
}
