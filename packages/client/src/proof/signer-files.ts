import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import {
  parseTrustRoot,
  readPublicKey,
  type SignatureOptions,
  type TrustRoot,
  TrustRootManager,
  trustDirectory,
} from "@ctxpack/proof";

/** Files and names that say whose signature counts. */
export interface SignerFiles {
  /** Public keys, PEM. */
  readonly keys: readonly string[];
  /** TrustedRoot JSON, for signatures with a certificate; default: sigstore's public instance. */
  readonly trustedRoot?: string | undefined;
  /** Who a certificate has to be of, exactly: subject alternative name and issuer. */
  readonly identity?: string | undefined;
  readonly issuer?: string | undefined;
}

/**
 * Reads who may have signed; nothing when nobody is named. Paths are relative to `cwd`. A certificate is verified with
 * `trustedRoot`, or else with that of sigstore's public instance, which is kept in the trust directory and refreshed
 * unless `offline`.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE`, `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PROOF_TRUST_ROOT`,
 *   `CTXPACK_E_UNAVAILABLE`; `CTXPACK_E_USAGE` when a certificate is to count and not whose.
 */
export async function readSignerFiles(
  files: SignerFiles,
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly offline?: boolean | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Omit<SignatureOptions, "bundles"> | undefined> {
  const { identity, issuer, keys, trustedRoot } = files;
  const isNamed = identity !== undefined && issuer !== undefined;
  if (!isNamed && [identity, issuer, trustedRoot].some((one) => one !== undefined)) {
    throw new CtxPackError("CTXPACK_E_USAGE", "whose certificate counts is not said", {
      hint: "give --identity and --issuer: a certificate by itself proves nothing",
    });
  }
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
  const { cwd, env, offline, signal } = options;
  if (file !== undefined) return parseTrustRoot(file, await readRoot(resolve(cwd, file), file));
  const manager = new TrustRootManager({ directory: trustDirectory({ env }), offline });
  return await manager.get({ signal });
}

async function readRoot(path: string, shown: string): Promise<Uint8Array> {
  return await readFile(path).catch((cause) => {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${shown} cannot be read`, { cause });
  });
}
