import { describe, expect, it } from "vitest";
import {
  createStatement,
  type JsonObject,
  parseStatement,
  parseSummary,
  type Statement,
  SUMMARY_TYPE,
  type SummaryFacts,
  statementBytes,
  summaryPredicate,
  VERIFIER,
} from "../../src/index.ts";

const digest = `sha256:${"ab".repeat(32)}` as const;
const other = `sha256:${"cd".repeat(32)}` as const;
const facts: SummaryFacts = {
  resourceUri: `oci://ghcr.io/acme/packs@${digest}`,
  passed: true,
  timeVerified: new Date("2026-11-20T10:00:00.5Z"),
  policy: { name: "policy.json", digest: other },
  proofs: [{ manifest: other, digest }, { digest: other }],
  buildLevel: 2,
  versions: { ctxpack: "1.0.0" },
};

function statement(predicate: JsonObject, predicateType = SUMMARY_TYPE): Statement {
  const subject = { name: "a", digest };
  return parseStatement(statementBytes(createStatement({ subject, predicateType, predicate })));
}

describe("verification summary", () => {
  it("says who verified what by which policy and which proofs", () => {
    const predicate = summaryPredicate(facts);
    expect(predicate).toEqual({
      verifier: { id: VERIFIER, version: { ctxpack: "1.0.0" } },
      timeVerified: "2026-11-20T10:00:00Z",
      resourceUri: facts.resourceUri,
      policy: { uri: "policy.json", digest: { sha256: "cd".repeat(32) } },
      inputAttestations: [
        { uri: `oci://ghcr.io/acme/packs@${other}`, digest: { sha256: "ab".repeat(32) } },
        { digest: { sha256: "cd".repeat(32) } },
      ],
      verificationResult: "PASSED",
      verifiedLevels: ["SLSA_BUILD_LEVEL_2"],
      slsaVersion: "1.2",
    });
    expect(parseSummary(statement(predicate))).toEqual({
      verifierId: VERIFIER,
      timeVerified: "2026-11-20T10:00:00Z",
      resourceUri: facts.resourceUri,
      passed: true,
      verifiedLevels: ["SLSA_BUILD_LEVEL_2"],
    });
  });

  it("has no level when it failed, level 0 when none is granted, and no empty list of proofs", () => {
    const failed = summaryPredicate({ ...facts, passed: false, proofs: [] });
    expect(failed).not.toHaveProperty("inputAttestations");
    expect(parseSummary(statement(failed))).toMatchObject({ passed: false, verifiedLevels: [] });
    expect(summaryPredicate({ ...facts, buildLevel: undefined })).toMatchObject({
      verifiedLevels: ["SLSA_BUILD_LEVEL_0"],
    });
  });

  it.each([
    ["another kind", "https://slsa.dev/provenance/v1", {}, "CTXPACK_E_PROOF_PREDICATE"],
    ["no result", SUMMARY_TYPE, {}, "CTXPACK_E_PROOF_STATEMENT"],
    [
      "a result that is none",
      SUMMARY_TYPE,
      { verificationResult: "OK" },
      "CTXPACK_E_PROOF_STATEMENT",
    ],
    ["no verifier", SUMMARY_TYPE, { verificationResult: "PASSED" }, "CTXPACK_E_PROOF_STATEMENT"],
  ])("refuses %s", (_, type, predicate, code) => {
    expect(() => parseSummary(statement(predicate, type))).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
