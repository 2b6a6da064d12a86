import { type Digest, digestHex, ORIGIN } from "@ctxpack/identity";
import {
  at,
  type JsonObject,
  listAt,
  type MemberPlace,
  objectAt,
  refuse,
  stringAt,
} from "./members.ts";
import { SUMMARY_TYPE } from "./predicate-type.ts";
import type { Statement } from "./statement.ts";

/** `verifier.id` of our summaries. */
export const VERIFIER: string = `${ORIGIN}verifiers/cli/v1`;

/** Levels listed in a summary, at most. */
const MAX_LEVELS = 64;

/** What a verification found. */
export interface SummaryFacts {
  /** `oci://ghcr.io/acme/packs@sha256:…`: where it was found. */
  readonly resourceUri: string;
  readonly passed: boolean;
  readonly timeVerified: Date;
  /** `name`: as a person knows the policy, without a path. */
  readonly policy: { readonly name: string; readonly digest: Digest };
  /** Every proof that was used; `manifest` of its referrer, `digest` of its bytes. */
  readonly proofs: readonly {
    readonly manifest?: Digest | undefined;
    readonly digest: Digest;
  }[];
  /** SLSA build level that the policy grants the builder, 0 to 3. */
  readonly buildLevel?: number | undefined;
  readonly versions: Readonly<Record<string, string>>;
}

/** The predicate of a SLSA verification summary; its subject is the manifest that was verified. */
export function summaryPredicate(facts: SummaryFacts): JsonObject {
  const { policy, passed, proofs, resourceUri } = facts;
  const repository = resourceUri.replace(/@sha256:[0-9a-f]{64}$/, "");
  const inputs = proofs.map(({ manifest, digest }) => ({
    ...(manifest !== undefined && { uri: `${repository}@${manifest}` }),
    digest: { sha256: digestHex(digest) },
  }));
  return {
    verifier: { id: VERIFIER, version: facts.versions },
    timeVerified: `${facts.timeVerified.toISOString().slice(0, 19)}Z`,
    resourceUri,
    policy: { uri: policy.name, digest: { sha256: digestHex(policy.digest) } },
    // All that were used, or none: a list with gaps would say something false.
    ...(inputs.length > 0 && { inputAttestations: inputs }),
    verificationResult: passed ? "PASSED" : "FAILED",
    verifiedLevels: passed ? [`SLSA_BUILD_LEVEL_${facts.buildLevel ?? 0}`] : [],
    slsaVersion: "1.2",
  };
}

/** A verification summary, whoever wrote it. */
export interface Summary {
  readonly verifierId: string;
  readonly timeVerified: string;
  readonly resourceUri: string;
  readonly passed: boolean;
  readonly verifiedLevels: readonly string[];
}

/**
 * Reads a verification summary statement.
 *
 * @throws CtxPackError `CTXPACK_E_PROOF_PREDICATE` for a statement of another kind, `CTXPACK_E_PROOF_STATEMENT` for
 *   one without what SLSA requires.
 */
export function parseSummary({ predicateType, predicate }: Statement): Summary {
  const place: MemberPlace = {
    code: "CTXPACK_E_PROOF_STATEMENT",
    where: "verification summary",
    path: ["predicate"],
  };
  if (predicateType !== SUMMARY_TYPE) {
    const message = `predicateType is ${JSON.stringify(predicateType)}, not ${SUMMARY_TYPE}`;
    throw refuse({ ...place, code: "CTXPACK_E_PROOF_PREDICATE", path: [] }, message);
  }
  const text = (key: string) => stringAt(predicate[key], at(place, key));
  const result = text("verificationResult");
  if (result !== "PASSED" && result !== "FAILED") {
    throw refuse(at(place, "verificationResult"), "expected PASSED or FAILED");
  }
  const verifier = objectAt(predicate["verifier"], at(place, "verifier"));
  const levels = at(place, "verifiedLevels");
  return {
    verifierId: stringAt(verifier["id"], at(place, "verifier", "id")),
    timeVerified: text("timeVerified"),
    resourceUri: text("resourceUri"),
    passed: result === "PASSED",
    verifiedLevels: listAt(predicate["verifiedLevels"], levels, MAX_LEVELS).map((level, index) =>
      stringAt(level, at(levels, index)),
    ),
  };
}
