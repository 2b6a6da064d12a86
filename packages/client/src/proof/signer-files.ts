import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { parseTrustRoot, readPublicKey, type SignatureOptions } from "@ctxpack/proof";

/** Files and names that say whose signature counts. */
export interface SignerFiles {
  /** Public keys, PEM. */
  readonly keys: readonly string[];
  /** TrustedRoot JSON, for signatures with a certificate. */
  readonly trustedRoot?: string | undefined;
  /** Who a certificate has to be of, exactly: subject alternative name and issuer. */
  readonly identity?: string | undefined;
  readonly issuer?: string | undefined;
}

/**
 * Reads who may have signed; nothing when nobody is named. Paths are relative to `cwd`.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE`, `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PROOF_TRUST_ROOT`; `CTXPACK_E_USAGE`
 *   when a trust root is given without the identity that counts, or the other way round.
 */
export async function readSignerFiles(
  files: SignerFiles,
  options: { readonly cwd: string; readonly signal?: AbortSignal | undefined },
): Promise<Omit<SignatureOptions, "bundles"> | undefined> {
  const { identity, issuer, keys, trustedRoot } = files;
  const given = [trustedRoot, identity, issuer].filter((one) => one !== undefined);
  if (given.length > 0 && given.length < 3) {
    throw new CtxPackError("CTXPACK_E_USAGE", "whose certificate counts is not said", {
      hint: "give --trusted-root, --identity and --issuer together: a certificate by itself proves nothing",
    });
  }
  if (keys.length === 0 && given.length === 0) return undefined;
  const named = keys.map(async (file) => ({
    name: basename(file).replace(/\.(?:pub|pem)$/, ""),
    publicKey: await readPublicKey(resolve(options.cwd, file), options),
  }));
  const roots = [trustedRoot]
    .filter((file) => file !== undefined)
    .map(async (file) => parseTrustRoot(file, await readRoot(resolve(options.cwd, file), file)));
  return {
    keys: await Promise.all(named),
    trustRoots: await Promise.all(roots),
    identities: identity !== undefined && issuer !== undefined ? [{ identity, issuer }] : [],
  };
}

async function readRoot(path: string, shown: string): Promise<Uint8Array> {
  return await readFile(path).catch((cause) => {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${shown} cannot be read`, { cause });
  });
}
