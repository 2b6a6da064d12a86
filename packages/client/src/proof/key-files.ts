import { resolve } from "node:path";
import { generateKey, type KeyAlgorithm, type KeyFiles, writeKeyFiles } from "@ctxpack/proof";

export interface MakeKeyOptions {
  /** What the file's path is relative to. */
  readonly cwd: string;
  /** `ecdsa-p256` unless said. */
  readonly algorithm?: KeyAlgorithm | undefined;
  /** Encrypts the private key. */
  readonly passphrase?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a key pair in two files: `file`, and its public half with `.pub`.
 *
 * @throws CtxPackError `CTXPACK_E_USAGE` when one of them is there already, `CTXPACK_E_PERMISSION`.
 */
export async function makeKeyFiles(
  file: string,
  { cwd, algorithm, passphrase, signal }: MakeKeyOptions,
): Promise<KeyFiles & { readonly keyId: string }> {
  const pair = await generateKey({ algorithm, passphrase, signal });
  return { ...(await writeKeyFiles(resolve(cwd, file), pair, { signal })), keyId: pair.keyId };
}
