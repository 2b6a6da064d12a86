import { basename, resolve } from "node:path";
import {
  type MetricsSink,
  parseTrustRoot,
  readPublicKey,
  type SignatureOptions,
  type TrustRoot,
  TrustRootManager,
  trustDirectory,
} from "@ctxpack/proof";
import { type GivenSigners, namesIdentity, readTrustedRoot } from "../trust/given-signers.ts";

/**
 * Reads who may have signed; nothing when nobody is named. Paths are relative to `cwd`. A certificate is verified with
 * `trustedRoot`, or else with that of sigstore's public instance, which is kept in the trust directory and refreshed
 * unless `offline`.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE`, `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PROOF_TRUST_ROOT`,
 *   `CTXPACK_E_UNAVAILABLE`; `CTXPACK_E_USAGE` when a certificate is to count and not whose.
 */
export async function readSignerFiles(
  given: GivenSigners,
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly offline?: boolean | undefined;
    readonly metrics?: MetricsSink | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Omit<SignatureOptions, "bundles"> | undefined> {
  const { identity = "", issuer = "", keys = [], trustedRoot } = given;
  const isNamed = namesIdentity(given);
  if (keys.length === 0 && !isNamed) return undefined;
  const named = keys.map(async (file) => ({
    name: basename(file).replace(/\.(?:pub|pem)$/, ""),
    publicKey: await readPublicKey(resolve(options.cwd, file), options),
  }));
  return {
    keys: await Promise.all(named),
    trustRoots: isNamed ? [await trustRootOf(trustedRoot, options)] : [],
    identities: isNamed ? [{ identity, issuer }] : [],
  };
}

async function trustRootOf(
  file: string | undefined,
  options: Parameters<typeof readSignerFiles>[1],
): Promise<TrustRoot> {
  const { cwd, env, offline, metrics, signal } = options;
  if (file !== undefined) return parseTrustRoot(file, await readTrustedRoot(cwd, file));
  const manager = new TrustRootManager({ directory: trustDirectory({ env }), offline, metrics });
  return await manager.get({ signal });
}
