import { describe, expect, it } from "vitest";
import {
  createStatement,
  isReleaseOf,
  type JsonObject,
  parseRelease,
  parseStatement,
  RELEASE_TYPE,
  releasePredicate,
  type Statement,
  statementBytes,
} from "../../src/index.ts";

const digest = `sha256:${"ab".repeat(32)}` as const;
const facts = { repository: "localhost:5000/acme/Handbook", tag: "v3", digest };

function statement(predicate: JsonObject, predicateType = RELEASE_TYPE): Statement {
  const subject = { name: "a", digest };
  return parseStatement(statementBytes(createStatement({ subject, predicateType, predicate })));
}

describe("release", () => {
  it("binds a tag to a manifest", () => {
    const release = parseRelease(statement(releasePredicate({ ...facts, packageId: "p1" })));
    expect(release).toEqual({
      purl: `pkg:oci/handbook@sha256%3A${"ab".repeat(32)}?repository_url=localhost:5000/acme/Handbook&tag=v3`,
      packageId: "p1",
    });
    expect(isReleaseOf(release, facts)).toBe(true);
    for (const other of [
      { ...facts, tag: "v4" },
      { ...facts, repository: "localhost:5000/evil/Handbook" },
      { ...facts, digest: `sha256:${"cd".repeat(32)}` as const },
      { ...facts, tag: "v3&tag=v4" },
    ]) {
      expect(isReleaseOf(release, other)).toBe(false);
    }
    expect(parseRelease(statement(releasePredicate(facts))).packageId).toBeUndefined();
  });

  it.each([
    ["another kind", "https://slsa.dev/provenance/v1", {}, "CTXPACK_E_PROOF_PREDICATE"],
    ["no package URL", RELEASE_TYPE, {}, "CTXPACK_E_PROOF_STATEMENT"],
    [
      "a packageId of null",
      RELEASE_TYPE,
      { purl: "pkg:a/b", packageId: null },
      "CTXPACK_E_PROOF_STATEMENT",
    ],
  ])("refuses %s", (_, type, predicate, code) => {
    expect(() => parseRelease(statement(predicate, type))).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
