import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { CtxPackError, digestHex, sha256 } from "@ctxpack/identity";

/** Whose signature is to count, as a person says it without a policy file. */
export interface GivenSigners {
  /** Public keys, PEM files. */
  readonly keys?: readonly string[] | undefined;
  /** Who a certificate has to be of, exactly: subject alternative name and issuer. */
  readonly identity?: string | undefined;
  readonly issuer?: string | undefined;
  /** A trusted_root.json for certificates; that of sigstore's public instance when absent. */
  readonly trustedRoot?: string | undefined;
}

/** The text of a policy, and what messages call it. */
export interface PolicyText {
  readonly text: string;
  readonly file: string;
}

/** What the one whose certificate counts is called. */
const IDENTITY = "identity";

/**
 * The policy that is meant by naming a key or an identity: any one of these signers, for any pack. `undefined` when
 * nobody is named. Throws CTXPACK_E_USAGE, _KEY_FILE and _PATH_NOT_FOUND.
 */
export async function policyOfSigners(
  given: GivenSigners,
  cwd: string,
  signal: AbortSignal,
): Promise<PolicyText | undefined> {
  const { keys = [], identity, issuer, trustedRoot } = given;
  const isNamed = namesIdentity(given);
  if (keys.length === 0 && !isNamed) return undefined;
  const { POLICY_SCHEMA, publicGoodMirror, readPublicKey } = await import("@ctxpack/proof");
  const signers: Record<string, object> = {};
  for (const file of keys) {
    const key = await readPublicKey(resolve(cwd, file), { signal });
    const publicKey = key.export({ type: "spki", format: "pem" });
    signers[newName(file, [IDENTITY, ...Object.keys(signers)])] = { publicKey };
  }
  if (isNamed) signers[IDENTITY] = { identity, issuer, trustRoot: "root" };
  const root =
    trustedRoot === undefined
      ? { tuf: (await publicGoodMirror()).url }
      : {
          file: resolve(cwd, trustedRoot),
          sha256: digestHex(sha256(await readTrustedRoot(cwd, trustedRoot))),
        };
  const policy = {
    schema: POLICY_SCHEMA,
    ...(isNamed && { trustRoots: { root } }),
    signers,
    rules: [{ require: [{ signers: Object.keys(signers) }], rollback: "allow" }],
  };
  return { text: JSON.stringify(policy), file: "this command" };
}

/** Whether whose certificate counts is said. Throws CTXPACK_E_USAGE when it is said in part. */
export function namesIdentity({ identity, issuer, trustedRoot }: GivenSigners): boolean {
  if (identity !== undefined && issuer !== undefined) return true;
  if ([identity, issuer, trustedRoot].every((one) => one === undefined)) return false;
  throw new CtxPackError("CTXPACK_E_USAGE", "whose certificate counts is not said", {
    hint: "give --identity and --issuer: a certificate by itself proves nothing",
  });
}

/** The bytes of a trusted_root.json that a person named. Throws CTXPACK_E_PATH_NOT_FOUND. */
export async function readTrustedRoot(cwd: string, given: string): Promise<Uint8Array> {
  return await readFile(resolve(cwd, given)).catch((cause) => {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${given} cannot be read`, { cause });
  });
}

/** A name that a policy may have and that nobody has yet: of two keys with one name one would not count. */
function newName(file: string, taken: readonly string[]): string {
  const written = basename(file)
    .replace(/\.(?:pub|pem)$/, "")
    .replaceAll(/[^A-Za-z0-9._-]/g, "-");
  const name = /^[A-Za-z0-9]/.test(written) ? written.slice(0, 48) : "key";
  let free = name;
  for (let i = 2; taken.includes(free); i++) free = `${name}-${i}`;
  return free;
}
