import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { type CtxUri, type Digest, type JsonValue, sha256 } from "@ctxpack/identity";
import {
  createStatement,
  type Evaluation,
  evaluate,
  type JudgedPack,
  keyId,
  type LoadedPolicy,
  loadPolicy,
  PROVENANCE_TYPE,
  parsePolicy,
  type Statement,
  type Verdict,
  type VerifiedBundle,
  type VerifiedSigner,
} from "@ctxpack/proof";

export const NOW = new Date("2026-11-20T12:00:00Z");
export const URI: CtxUri = `ctx://sha256:${"c".repeat(64)}`;
export const MANIFEST: Digest = `sha256:${"a".repeat(64)}`;
export const PACK: JudgedPack = { manifest: MANIFEST, uri: URI, pantry: "ghcr.io/acme/packs" };
export const BUILD_TYPE = "https://ctxpack.dev/buildtypes/contract-pack/v1";
export const BUILDER = "https://ctxpack.dev/builders/run/v1";
export const GITHUB = "https://token.actions.githubusercontent.com";
export const WORKFLOW = "https://github.com/acme/packs/.github/workflows/pack.yml@refs/heads/main";

/** Keys that tests sign with; made once. */
export const KEYS: Readonly<Record<"alice" | "bob" | "carol", { pem: string; keyId: string }>> = {
  alice: makeKey(),
  bob: makeKey(),
  carol: makeKey(),
};

function makeKey(): { pem: string; keyId: string } {
  const { publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return { pem: publicKey, keyId: keyId(createPublicKey(publicKey)) };
}

/** What a policy file says, by default: packs of acme, signed by alice. */
export function policyJson(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schema: "ctxpack.policy/v1",
    signers: {
      alice: { publicKey: KEYS.alice.pem },
      bob: { publicKey: KEYS.bob.pem },
      carol: { publicKey: KEYS.carol.pem },
    },
    rules: [{ pantries: ["ghcr.io/acme/**"], require: [{ signers: ["alice"] }] }],
    ...change,
  };
}

export async function policy(
  change: Record<string, unknown> = {},
  file = "policy.json",
): Promise<LoadedPolicy> {
  return loadPolicy(parsePolicy(JSON.stringify(policyJson(change)), file));
}

/** A policy with one rule that has one requirement. */
export async function requiring(
  requirement: Record<string, unknown>,
  rule: Record<string, unknown> = {},
  change: Record<string, unknown> = {},
): Promise<LoadedPolicy> {
  return policy({ rules: [{ require: [requirement], ...rule }], ...change });
}

/** The predicate of provenance, as we write it. */
export interface Made {
  readonly contract?: string;
  readonly tools?: readonly string[];
  readonly buildType?: string;
  readonly builder?: string;
  readonly parameters?: Record<string, JsonValue>;
  readonly dependencies?: readonly JsonValue[];
}

export function provenance(made: Made = {}): Statement["predicate"] {
  const { contract = URI, tools = ["ocr"], buildType = BUILD_TYPE, builder = BUILDER } = made;
  const described = {
    name: "contract",
    uri: contract,
    digest: { sha256: contract.slice(-64) },
    annotations: {
      ctxpack_role: "contract",
      ctxpack_transforms: tools.map((tool) => ({ tool })),
    },
  };
  const ours = buildType === BUILD_TYPE;
  return {
    buildDefinition: {
      buildType,
      externalParameters: { ...(ours && { contract }), ...made.parameters },
      resolvedDependencies: [...(ours ? [described] : []), ...(made.dependencies ?? [])],
    },
    runDetails: { builder: { id: builder } },
  };
}

export interface Signed {
  readonly by?: keyof typeof KEYS | VerifiedSigner;
  readonly made?: Made;
  readonly statement?: Statement;
  readonly at?: string | readonly string[];
  readonly logEntries?: number;
}

let count = 0;

/** A bundle as verification gives it back. */
export function bundle(signed: Signed = {}): VerifiedBundle {
  const { by = "alice", at = [], logEntries = 0 } = signed;
  const statement =
    signed.statement ??
    createStatement({
      subject: { name: "ghcr.io/acme/packs", digest: MANIFEST },
      predicateType: PROVENANCE_TYPE,
      predicate: provenance(signed.made),
    });
  return {
    digest: sha256(new TextEncoder().encode(String(count++))),
    statement,
    signer: typeof by === "string" ? { kind: "key", keyId: KEYS[by].keyId, name: "whatever" } : by,
    times: [at].flat().map((time) => ({
      time: new Date(time),
      source: "timestamp-authority" as const,
    })),
    logEntries,
  };
}

/** A workflow's certificate. */
export function workflow(
  change: Partial<Extract<VerifiedSigner, { kind: "certificate" }>> = {},
): VerifiedSigner {
  return {
    kind: "certificate",
    identity: WORKFLOW,
    issuer: GITHUB,
    extensions: { "1.3.6.1.4.1.57264.1.15": "123456" },
    trustRoot: "https://tuf-repo-cdn.sigstore.dev",
    ...change,
  };
}

/** A policy that believes that workflow. */
export function believing(
  signer: Record<string, unknown> = {},
  requirement: Record<string, unknown> = { signers: ["ci"] },
): Record<string, unknown> & { readonly signers: { readonly ci: Record<string, unknown> } } {
  return {
    trustRoots: { public: { tuf: "https://tuf-repo-cdn.sigstore.dev" } },
    signers: {
      ci: { identity: WORKFLOW, issuer: GITHUB, trustRoot: "public", ...signer },
    },
    rules: [{ require: [requirement] }],
  };
}

export function judge(
  policies: LoadedPolicy | readonly LoadedPolicy[],
  verified: readonly VerifiedBundle[],
  more: Partial<Evaluation> = {},
): Verdict {
  const list = Array.isArray(policies) ? policies : [policies];
  return evaluate({ policies: list, pack: PACK, verified, refused: [], now: NOW, ...more });
}
