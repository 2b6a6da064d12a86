import type { VerifiedBundle } from "../verify/verified-bundle.ts";
import type { LoadedPolicy } from "./load.ts";
import type { Policy } from "./policy.ts";
import type { ProvenanceFacts } from "./provenance.ts";
import type { JudgedDependency, JudgedPack, Reason } from "./verdict.ts";

const CODE = "CTXPACK_E_PROOF_REVOKED";

/** Why a policy refuses a pack whatever is said about it. */
export function revokedPack(pack: JudgedPack, policy: Policy): Reason | undefined {
  const reason = reasonFor(policy, { digest: pack.manifest, uri: pack.uri });
  if (reason === undefined) return undefined;
  return { code: CODE, message: `${policy.file} revokes this pack: ${reason}` };
}

/** Why a bundle does not count: the policy revokes it, or the key it is signed with. */
export function revokedKey(bundle: VerifiedBundle, policy: LoadedPolicy): Reason | undefined {
  const { signer, digest } = bundle;
  const key = signer.kind === "key" ? signer.keyId : undefined;
  const reason = reasonFor(policy, { digest, key });
  if (reason === undefined) return undefined;
  const what = reasonFor(policy, { digest }) === undefined ? "the key it is signed with" : "it";
  return { code: CODE, message: `does not count: ${policy.file} revokes ${what}: ${reason}` };
}

/** Why a pack made from this is refused: the policy revokes a part of it. */
export function revokedPart(provenance: ProvenanceFacts, policy: Policy): Reason | undefined {
  const parts = [
    ...provenance.dependencies.map(({ name, uri, digest = {} }) => ({
      what: name ?? uri,
      uri,
      digest: `sha256:${digest["sha256"]}`,
    })),
    ...provenance.packs.map(({ uri, digest }) => ({ what: uri, uri, digest })),
  ];
  for (const { what = "something", uri, digest } of parts) {
    const reason = reasonFor(policy, { digest, uri });
    if (reason === undefined) continue;
    const message = `says that the pack was made from ${what}, which ${policy.file} revokes: ${reason}`;
    return { code: CODE, message };
  }
  return undefined;
}

/** What a dependency lacks for the rule; packs about which nothing was found out are put into `unjudged`. */
export function dependencyFault(
  provenance: ProvenanceFacts,
  standard: {
    readonly rule: { readonly dependencies: "digest" | "verify" };
    readonly dependencies: ReadonlyMap<string, boolean>;
  },
  unjudged: JudgedDependency[],
): Reason | undefined {
  const code = "CTXPACK_E_PROOF_DEPENDENCY";
  for (const { name, uri, digest = {} } of provenance.dependencies) {
    if (Object.keys(digest).length > 0) continue;
    const what = name ?? uri ?? "something";
    return { code, message: `says that the pack was made from ${what}, and not of which digest` };
  }
  if (standard.rule.dependencies === "digest") return undefined;
  const judged = (digest = ""): boolean | undefined => standard.dependencies.get(digest);
  const unnamed = provenance.packs.find(({ digest }) => digest === undefined);
  if (unnamed !== undefined) {
    const message = `says that the pack was made from ${unnamed.uri}, and not from which manifest of it`;
    return { code, message };
  }
  const refused = provenance.packs.find(({ digest }) => judged(digest) === false);
  unjudged.push(...provenance.packs.filter(({ digest }) => judged(digest) === undefined));
  const first = refused ?? unjudged[0];
  if (first === undefined) return undefined;
  return {
    code,
    message: `says that the pack was made from ${first.uri}, which ${refused ? "is refused" : "was not looked at"}`,
    ...(refused && { hint: `ctxpack verify ${first.uri} says why` }),
  };
}

function reasonFor(
  { revoked }: Policy,
  found: {
    readonly digest?: string | undefined;
    readonly uri?: string | undefined;
    readonly key?: string | undefined;
  },
): string | undefined {
  return revoked.find((one) => {
    if ("digest" in one) return one.digest === found.digest;
    if ("uri" in one) return one.uri === found.uri;
    return one.key === found.key;
  })?.reason;
}
