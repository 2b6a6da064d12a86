import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { promisify } from "node:util";
import { algorithmOf } from "../keys/algorithm.ts";
import { keyId } from "../keys/key-id.ts";
import { type Passphrase, parsePrivateKey, readPrivateKey } from "../keys/read.ts";
import type { Signature, Signer, SigningIdentity } from "./signer.ts";

/** A private key: a file, or the PEM text itself. */
export type LocalSignerOptions = (
  | { readonly file: string; readonly pem?: undefined }
  | { readonly pem: string; readonly file?: undefined }
) & {
  readonly passphrase?: Passphrase | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A signer that holds a private key in memory. Throws as `readPrivateKey`. */
export async function localSigner(options: LocalSignerOptions): Promise<Signer> {
  const { passphrase, signal } = options;
  signal?.throwIfAborted();
  const key =
    options.file === undefined
      ? await parsePrivateKey(options.pem, { passphrase, what: "the private key" })
      : await readPrivateKey(options.file, { passphrase, signal });
  return new LocalSigner(key);
}

const signAsync = promisify(sign);

class LocalSigner implements Signer {
  readonly #key: KeyObject;
  readonly #identity: SigningIdentity;
  /** Node's name of the digest; Ed25519 has its own inside. */
  readonly #digest: "sha256" | null;

  constructor(key: KeyObject) {
    this.#key = key;
    this.#digest = algorithmOf(key, "the private key") === "ed25519" ? null : "sha256";
    this.#identity = keyIdentity(createPublicKey(key));
  }

  async sign(
    bytes: Uint8Array,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Signature> {
    options.signal?.throwIfAborted();
    const signature = await signAsync(this.#digest, bytes, this.#key);
    return { signature, identity: this.#identity };
  }
}

/** How a bundle names the key that signed it. */
export function keyIdentity(publicKey: KeyObject): SigningIdentity {
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return { kind: "key", publicKey: pem, keyId: keyId(publicKey) };
}
