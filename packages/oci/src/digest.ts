import { createHash, type Hash } from "node:crypto";
import { CtxPackError, type Digest } from "@ctxpack/identity";

const grammar = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** A digest whose grammar was checked, in parts that are safe in a path and in a URL. */
export interface DigestParts {
  readonly algorithm: "sha256" | "sha512";
  readonly hex: string;
}

/** Whether `value` is a digest that a descriptor may have: sha256, or the sha512 of foreign content. */
export function isBlobDigest(value: unknown): value is string {
  return typeof value === "string" && grammar.test(value);
}

/**
 * Splits a digest for use in a path. Everything that builds a path goes through here, so a digest
 * that came from somewhere else than `parseDescriptor` cannot leave the blobs folder (CVE-2024-3727).
 * Throws CTXPACK_E_REFERENCE.
 */
export function splitDigest(digest: string): DigestParts {
  if (!isBlobDigest(digest)) {
    const shown = JSON.stringify(String(digest).slice(0, 160));
    throw new CtxPackError("CTXPACK_E_REFERENCE", `${shown} is not a digest`, {
      hint: "write it as sha256:<64 lower-case hex digits>",
    });
  }
  const algorithm = digest.startsWith("sha256:") ? "sha256" : "sha512";
  return { algorithm, hex: digest.slice(algorithm.length + 1) };
}

/** A running hash in the algorithm of `digest`. */
export function hasherOf(digest: string): Hash {
  return createHash(splitDigest(digest).algorithm);
}

/** The digest that a finished hasher has, in the algorithm of `like`. */
export function finishDigest(hasher: Hash, like: Digest): Digest {
  return `${splitDigest(like).algorithm}:${hasher.digest("hex")}` as Digest;
}
