import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { CtxPackError } from "@ctxpack/identity";
import { algorithmOf } from "./algorithm.ts";

/** A passphrase, or what asks for it; only an encrypted key asks. */
export type Passphrase = string | (() => string | Promise<string>);

export interface ReadPrivateKeyOptions {
  readonly passphrase?: Passphrase | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** No key of ours has a kilobyte, in bytes. */
const FILE_LIMIT = 64 << 10;

/**
 * Reads a private key from a PEM file that only its owner may read (on POSIX systems).
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE`: not a private key, another kind than ECDSA P-256 and Ed25519, open to others,
 *   a wrong or missing passphrase; `CTXPACK_E_PATH_NOT_FOUND`.
 */
export async function readPrivateKey(
  file: string,
  options: ReadPrivateKeyOptions = {},
): Promise<KeyObject> {
  const { passphrase, signal } = options;
  const pem = await readKeyFile(file, { secret: true, signal });
  return parsePrivateKey(pem, { passphrase, what: file });
}

/** The private key that PEM text holds; `what` names it in errors. Throws as {@link readPrivateKey}. */
export async function parsePrivateKey(
  pem: string,
  options: { readonly passphrase?: Passphrase | undefined; readonly what: string },
): Promise<KeyObject> {
  const { what } = options;
  const label = labelOf(pem);
  const encrypted = label === "ENCRYPTED PRIVATE KEY";
  if (!encrypted && label !== "PRIVATE KEY") {
    throw new CtxPackError("CTXPACK_E_KEY_FILE", `${what} is not a private key in PKCS#8 PEM`, {
      hint: hintFor(label),
    });
  }
  const passphrase = encrypted ? await passphraseFor(options.passphrase, what) : undefined;
  let key: KeyObject;
  try {
    key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
  } catch (cause) {
    const wrong = encrypted ? "cannot be decrypted with this passphrase" : "is damaged";
    throw new CtxPackError("CTXPACK_E_KEY_FILE", `${what} ${wrong}`, { cause });
  }
  algorithmOf(key, what);
  return key;
}

/**
 * Reads a public key from a PEM file (SPKI).
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE`: not a public key, or another kind than ECDSA P-256 and Ed25519;
 *   `CTXPACK_E_PATH_NOT_FOUND`.
 */
export async function readPublicKey(
  file: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<KeyObject> {
  return parsePublicKey(await readKeyFile(file, { secret: false, ...options }), file);
}

/** The public key that PEM text holds; `what` names it in errors. Throws as {@link readPublicKey}. */
export function parsePublicKey(pem: string, what: string): KeyObject {
  // Given the PEM of a private key or of a certificate, Node would take the public key out of it.
  const label = labelOf(pem);
  let key: KeyObject;
  try {
    if (label !== "PUBLIC KEY") throw new TypeError(`PEM label ${label}`);
    key = createPublicKey(pem);
  } catch (cause) {
    throw new CtxPackError("CTXPACK_E_KEY_FILE", `${what} is not a public key in SPKI PEM`, {
      hint: label?.endsWith("PRIVATE KEY")
        ? "this is a private key: to verify, give the .pub file beside it"
        : "it has to begin with -----BEGIN PUBLIC KEY-----",
      cause,
    });
  }
  algorithmOf(key, what);
  return key;
}

function labelOf(pem: string): string | undefined {
  return /^-----BEGIN ([A-Z0-9 ]+)-----\r?$/m.exec(pem)?.[1];
}

function hintFor(label: string | undefined): string {
  switch (label) {
    case "OPENSSH PRIVATE KEY":
      return "ssh-keygen -p -m PKCS8 -f <copy of the key> writes it as PKCS#8";
    case "ENCRYPTED SIGSTORE PRIVATE KEY":
    case "ENCRYPTED COSIGN PRIVATE KEY":
      return "this is cosign's own format; make a key with ctxpack keygen and give cosign its .pub";
    case "EC PARAMETERS":
    case "EC PRIVATE KEY":
      return "openssl pkcs8 -topk8 -in <this file> -out <another> writes it as PKCS#8";
    case "PUBLIC KEY":
      return "this is the public half: to sign, give the private one";
    default:
      return "it has to begin with -----BEGIN PRIVATE KEY-----; ctxpack keygen makes one";
  }
}

async function passphraseFor(passphrase: Passphrase | undefined, what: string): Promise<string> {
  if (passphrase !== undefined) {
    return typeof passphrase === "string" ? passphrase : await passphrase();
  }
  throw new CtxPackError("CTXPACK_E_KEY_FILE", `${what} is encrypted and no passphrase was given`, {
    hint: "set CTXPACK_KEY_PASSPHRASE",
  });
}

interface KeyFileOptions {
  readonly secret: boolean;
  readonly signal?: AbortSignal | undefined;
}

async function readKeyFile(file: string, options: KeyFileOptions): Promise<string> {
  options.signal?.throwIfAborted();
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    return await readHandle(handle, file, options.secret);
  } catch (cause) {
    if (CtxPackError.isInstance(cause)) throw cause;
    const { code = "" } = cause as NodeJS.ErrnoException;
    const missing = code === "ENOENT" || code === "ENOTDIR";
    throw new CtxPackError(
      missing ? "CTXPACK_E_PATH_NOT_FOUND" : "CTXPACK_E_KEY_FILE",
      missing ? `there is no key file ${file}` : `${file} cannot be read (${code})`,
      { cause, details: { path: file, errno: code } },
    );
  } finally {
    await handle?.close();
  }
}

async function readHandle(handle: FileHandle, file: string, secret: boolean): Promise<string> {
  const stat = await handle.stat();
  const details = { path: file };
  if (!stat.isFile() || stat.size > FILE_LIMIT) {
    throw new CtxPackError("CTXPACK_E_KEY_FILE", `${file} is not a key file`, { details });
  }
  // Windows has no such bits.
  if (secret && process.platform !== "win32" && (stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    throw new CtxPackError("CTXPACK_E_KEY_FILE", `${file} may be read by others (mode ${mode})`, {
      hint: `chmod 600 ${file}`,
      details,
    });
  }
  const bytes = Buffer.alloc(FILE_LIMIT);
  const { bytesRead } = await handle.read(bytes, 0, FILE_LIMIT, 0);
  return bytes.toString("latin1", 0, bytesRead);
}
