import { CtxPackError, type Digest, sha256 } from "@ctxpack/identity";
import type {
  FoundBundle,
  MetricsSink,
  NamedKey,
  OpenTrustRoots,
  RefusedBundle,
  TrustRoot,
  VerifiedBundle,
} from "@ctxpack/proof";
import { hangsOnRoot } from "./lacked-root.ts";

/** What there is to be said for a pack: proofs whose signatures are right, and those that do not count. */
export interface Evidence {
  readonly verified: readonly VerifiedBundle[];
  readonly refused: readonly RefusedBundle[];
  /** The bytes of what was verified, by their digest. */
  readonly bytes: ReadonlyMap<Digest, Uint8Array>;
  /** Proofs of which more could be said with a trust root that is not to be had. */
  readonly rootless: ReadonlySet<Digest>;
}

/** A proof, wherever it was found. */
export type FoundProof = Pick<FoundBundle, "bytes" | "digest">;

/** What signatures are held against. */
export interface Material {
  readonly keys: readonly NamedKey[];
  readonly trustRoots: readonly TrustRoot[];
  /** Those that are not to be had, and why. */
  readonly unavailable: OpenTrustRoots["unavailable"];
  readonly metrics?: MetricsSink | undefined;
}

/** Verifies each proof that is found. Throws what finding them throws, never what a proof does wrong. */
export async function weigh(
  found: AsyncIterable<FoundProof | RefusedBundle>,
  material: Material,
  signal: AbortSignal,
): Promise<Evidence> {
  const { isProofError, verifyForPolicies } = await import("@ctxpack/proof");
  const verified: VerifiedBundle[] = [];
  const refused: RefusedBundle[] = [];
  const bytes = new Map<Digest, Uint8Array>();
  const rootless = new Set<Digest>();
  const lacks = material.unavailable.length > 0;
  for await (const one of found) {
    if (!("bytes" in one)) {
      refused.push(one);
      continue;
    }
    try {
      const found = await verifyForPolicies(one.bytes, { ...material, signal });
      verified.push(...found);
      bytes.set(one.digest, one.bytes);
      if (lacks && (await hangsOnRoot(one.bytes, found))) rootless.add(one.digest);
    } catch (error) {
      signal.throwIfAborted();
      if (!CtxPackError.isInstance(error) || !isProofError(error.code)) throw error;
      refused.push({ digest: one.digest, code: error.code, message: error.message });
      if (lacks && (await hangsOnRoot(one.bytes, error.code))) rootless.add(one.digest);
    }
  }
  return { verified, refused, bytes, rootless };
}

/** Proofs that lie here, as if they had been found. */
export async function* kept(bundles: readonly Uint8Array[]): AsyncGenerator<FoundProof> {
  for (const bytes of bundles) yield { bytes, digest: sha256(bytes) };
}
