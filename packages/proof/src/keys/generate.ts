import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { CtxPackError } from "@ctxpack/identity";
import type { KeyAlgorithm } from "./algorithm.ts";
import { keyId } from "./key-id.ts";

export interface GenerateKeyOptions {
  /** Ed25519 signatures cannot be put into a Rekor v2 log (it takes digests only). */
  readonly algorithm?: KeyAlgorithm | undefined;
  /** The private key is encrypted with it (PBES2, AES-256-CBC). */
  readonly passphrase?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A new key, as files hold it. */
export interface KeyPair {
  /** PKCS#8 in PEM, encrypted where a passphrase was given. */
  readonly privateKey: string;
  /** SPKI in PEM. */
  readonly publicKey: string;
  /** The OpenSSH fingerprint of the public key. */
  readonly keyId: string;
}

/**
 * Makes a key to sign with, ECDSA P-256 unless said otherwise.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE` for a passphrase that is empty or longer than OpenSSL reads.
 */
export async function generateKey(options: GenerateKeyOptions = {}): Promise<KeyPair> {
  const { algorithm = "ecdsa-p256", passphrase, signal } = options;
  signal?.throwIfAborted();
  if (passphrase !== undefined) checkPassphrase(passphrase);
  const pair = await makePair(algorithm);
  signal?.throwIfAborted();
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return {
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem", ...encryption }).toString(),
    publicKey: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
    keyId: keyId(pair.publicKey),
  };
}

const generate = promisify(generateKeyPair);

function makePair(
  algorithm: KeyAlgorithm,
): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  return algorithm === "ed25519" ? generate("ed25519") : generate("ec", { namedCurve: "P-256" });
}

/** OpenSSL's readers take 1,024 bytes of a passphrase. */
function checkPassphrase(passphrase: string): void {
  const length = Buffer.byteLength(passphrase);
  if (length > 0 && length < 1024) return;
  throw new CtxPackError("CTXPACK_E_KEY_FILE", `a passphrase of ${length} bytes cannot be used`, {
    hint: length === 0 ? "leave it out for a key without one" : "use at most 1,023 bytes",
  });
}
