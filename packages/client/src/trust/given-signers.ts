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
  const isNamed = identity !== undefined && issuer !== undefined;
  if (!isNamed && [identity, issuer, trustedRoot].some((one) => one !== undefined)) {
    throw new CtxPackError("CTXPACK_E_USAGE", "whose certificate counts is not said", {
      hint: "give --identity and --issuer: a certificate by itself proves nothing",
    });
  }
  if (keys.length === 0 && !isNamed) return undefined;
  const { POLICY_SCHEMA, publicGoodMirror, readPublicKey } = await import("@ctxpack/proof");
  const signers: Record<string, object> = {};
  for (const [i, file] of keys.entries()) {
    const key = await readPublicKey(resolve(cwd, file), { signal });
    signers[nameOf(file, i)] = { publicKey: key.export({ type: "spki", format: "pem" }) };
  }
  if (isNamed) signers["identity"] = { identity, issuer, trustRoot: "root" };
  const root =
    trustedRoot === undefined
      ? { tuf: (await publicGoodMirror()).url }
      : await pinned(resolve(cwd, trustedRoot), trustedRoot);
  const policy = {
    schema: POLICY_SCHEMA,
    ...(isNamed && { trustRoots: { root } }),
    signers,
    rules: [{ require: [{ signers: Object.keys(signers) }], rollback: "allow" }],
  };
  return { text: JSON.stringify(policy), file: "the signers you named" };
}

/** A name that a policy may have. */
function nameOf(file: string, i: number): string {
  const name = basename(file)
    .replace(/\.(?:pub|pem)$/, "")
    .replaceAll(/[^A-Za-z0-9._-]/g, "-");
  return /^[A-Za-z0-9]/.test(name)
    ? `${name.slice(0, 48)}${i === 0 ? "" : `-${i + 1}`}`
    : `key-${i + 1}`;
}

async function pinned(file: string, given: string): Promise<{ file: string; sha256: string }> {
  const bytes = await readFile(file).catch((cause) => {
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${given} cannot be read`, { cause });
  });
  return { file, sha256: digestHex(sha256(bytes)) };
}
