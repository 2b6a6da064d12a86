import { resolve } from "node:path";
import { CtxPackError, type Digest, isDigest } from "@ctxpack/identity";
import type { LoadedPolicy } from "@ctxpack/proof";

/** Which bytes a policy file has to have. */
export interface PolicyPin {
  readonly file: string;
  readonly digest: Digest;
}

/** The pin that a user gave. Throws CTXPACK_E_USAGE for one that is no sha256, or of no policy. */
export function pinOfPolicy(
  given: { readonly policy?: string | undefined; readonly policySha256?: string | undefined },
  cwd: string,
): PolicyPin | undefined {
  const { policy, policySha256: hex } = given;
  if (hex === undefined) return undefined;
  const digest = hex.startsWith("sha256:") ? hex : `sha256:${hex}`;
  if (!isDigest(digest)) {
    throw new CtxPackError("CTXPACK_E_USAGE", `"${hex.slice(0, 80)}" is no sha256 of a policy`, {
      hint: "write 64 lower-case hex digits, as sha256sum prints them",
    });
  }
  if (policy !== undefined) return { file: resolve(cwd, policy), digest };
  throw new CtxPackError("CTXPACK_E_USAGE", "a policy's sha256 is given, and no policy", {
    hint: "name the file as well: --policy FILE",
  });
}

/**
 * Reads a policy file and what it names. Throws CTXPACK_E_CONFIG for the pinned one with other bytes: nothing is judged
 * by it, so it is no refusal that a run may take for a miss.
 */
export async function readPolicyFile(
  file: string,
  pin: PolicyPin | undefined,
  signal: AbortSignal | undefined,
): Promise<LoadedPolicy> {
  const { readPolicy } = await import("@ctxpack/proof");
  const policy = await readPolicy(file, { signal });
  if (pin?.file !== file || policy.digest === pin.digest) return policy;
  throw new CtxPackError("CTXPACK_E_CONFIG", `${file} is not the policy that was pinned`, {
    hint: `its digest is ${policy.digest}; pin that only if you know who changed it`,
    details: { file, expected: pin.digest, found: policy.digest },
  });
}
