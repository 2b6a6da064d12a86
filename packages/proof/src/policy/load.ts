import type { KeyObject } from "node:crypto";
import { CtxPackError, digestHex, sha256 } from "@ctxpack/identity";
import { readBounded } from "../file/read-bounded.ts";
import { keyId } from "../keys/key-id.ts";
import { readPublicKey } from "../keys/read.ts";
import { inlinePublicKey } from "./key.ts";
import { parsePolicy } from "./parse.ts";
import { type KeySigner, MAX_POLICY, type Policy, type TrustRootSource } from "./policy.ts";

/** A trusted_root.json or root.json is tens of kilobytes. */
const MAX_ROOT = 4 << 20;

/** A policy and everything that it names. */
export interface LoadedPolicy extends Policy {
  /** By the name of the signer. */
  readonly keys: ReadonlyMap<string, PolicyKey>;
  /** By the name that the policy gives them. */
  readonly roots: ReadonlyMap<string, PolicyTrustRoot>;
}

export interface PolicyKey {
  readonly publicKey: KeyObject;
  /** OpenSSH fingerprint. */
  readonly keyId: string;
}

/**
 * A trust root as a policy means it. Two policies may give different roots the same name, so what verified bundles
 * name is the `id`: it says which bytes are meant.
 */
export type PolicyTrustRoot =
  /** A trusted_root.json; the digest has been checked. */
  | { readonly kind: "file"; readonly id: string; readonly bytes: Uint8Array }
  /** A TUF repository; `root` is the root.json that is believed, checked against its digest. */
  | {
      readonly kind: "tuf";
      readonly id: string;
      readonly mirror: string;
      readonly root?: Uint8Array;
    };

/**
 * Reads a policy file and what it names.
 *
 * @throws CtxPackError as `parsePolicy` and `loadPolicy`; `CTXPACK_E_PATH_NOT_FOUND` when there is no such file.
 */
export async function readPolicy(
  file: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<LoadedPolicy> {
  const limit = { most: MAX_POLICY, code: "CTXPACK_E_CONFIG", ...options } as const;
  const bytes = await readBounded(file, limit);
  return loadPolicy(parsePolicy(bytes, file), options);
}

/**
 * Reads the keys and trust roots that a policy names.
 *
 * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND`; `CTXPACK_E_KEY_FILE` for a key that is none or another one than
 *   the policy says; `CTXPACK_E_PROOF_TRUST_ROOT` for a root whose bytes have another digest.
 */
export async function loadPolicy(
  policy: Policy,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<LoadedPolicy> {
  const { signal } = options;
  signal?.throwIfAborted();
  const keys = new Map<string, PolicyKey>();
  for (const [name, signer] of policy.signers) {
    if (signer.kind === "key") keys.set(name, await loadKey(name, signer, policy.file, signal));
  }
  const roots = new Map<string, PolicyTrustRoot>();
  for (const [name, source] of policy.trustRoots) {
    roots.set(name, await loadRoot(name, source, policy.file, signal));
  }
  return { ...policy, keys, roots };
}

async function loadKey(
  name: string,
  signer: KeySigner,
  policyFile: string,
  signal: AbortSignal | undefined,
): Promise<PolicyKey> {
  const { key } = signer;
  if ("text" in key) {
    const publicKey = inlinePublicKey(key.text, `the key of ${name}`);
    return { publicKey, keyId: keyId(publicKey) };
  }
  const publicKey = await readPublicKey(key.file, { signal });
  const found = keyId(publicKey);
  if (found === key.keyId) return { publicKey, keyId: found };
  throw new CtxPackError(
    "CTXPACK_E_KEY_FILE",
    `${key.file} is not the key of ${name} that ${policyFile} means`,
    {
      hint: `it has the fingerprint ${found}; write that into the policy only if you know whose it is`,
      details: { path: key.file, expected: key.keyId, found },
    },
  );
}

async function loadRoot(
  name: string,
  source: TrustRootSource,
  policyFile: string,
  signal: AbortSignal | undefined,
): Promise<PolicyTrustRoot> {
  const pinned = source.kind === "file" ? source : source.root;
  const bytes = pinned && (await readPinned(pinned, name, policyFile, signal));
  if (source.kind === "file") {
    return { kind: "file", id: `sha256:${source.sha256}`, bytes: bytes as Uint8Array };
  }
  const { mirror } = source;
  const id = pinned === undefined ? mirror : `${mirror}#sha256:${pinned.sha256}`;
  return { kind: "tuf", id, mirror, ...(bytes && { root: bytes }) };
}

async function readPinned(
  pinned: { readonly file: string; readonly sha256: string },
  name: string,
  policyFile: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { file } = pinned;
  const bytes = await readBounded(file, { most: MAX_ROOT, code: "CTXPACK_E_CONFIG", signal });
  const found = digestHex(sha256(bytes));
  if (found === pinned.sha256) return bytes;
  throw new CtxPackError(
    "CTXPACK_E_PROOF_TRUST_ROOT",
    `${file} is not the trust root ${name} that ${policyFile} means`,
    {
      hint: `its sha256 is ${found}; write that into the policy only if you know where it comes from`,
      details: { path: file, expected: pinned.sha256, found },
    },
  );
}
