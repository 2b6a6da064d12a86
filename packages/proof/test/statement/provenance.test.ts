import { describe, expect, it } from "vitest";
import {
  PROVENANCE_TYPE,
  parseProvenance,
  STATEMENT_TYPE,
  type Statement,
} from "../../src/index.ts";

const hex = "ab".repeat(32);

function statement(predicate: object, predicateType = PROVENANCE_TYPE): Statement {
  const subject = [{ name: "a", digest: { sha256: hex } }];
  return { _type: STATEMENT_TYPE, subject, predicateType, predicate: { ...predicate } };
}

const workflow = "https://github.com/acme/packs/.github/workflows/pack.yml@refs/heads/main";

/** As `actions/attest` writes it. */
const gitHub = {
  buildDefinition: {
    buildType: "https://actions.github.io/buildtypes/workflow/v1",
    externalParameters: {
      workflow: {
        ref: "refs/heads/main",
        repository: "https://github.com/acme/packs",
        path: ".github/workflows/pack.yml",
      },
    },
    internalParameters: {
      github: {
        event_name: "push",
        repository_id: "123",
        repository_owner_id: "456",
        runner_environment: "github-hosted",
      },
    },
    resolvedDependencies: [
      {
        uri: "git+https://github.com/acme/packs@refs/heads/main",
        digest: { gitCommit: "cd".repeat(20) },
      },
    ],
  },
  runDetails: {
    builder: { id: workflow },
    metadata: { invocationId: "https://github.com/acme/packs/actions/runs/1/attempts/1" },
  },
};

/** As npm writes it: no metadata but an id, a version of the builder. */
const npm = {
  buildDefinition: {
    buildType: "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
    externalParameters: { workflow: { ref: "refs/tags/v1", repository: "r", path: "p" } },
    internalParameters: { github: { event_name: "push" } },
    resolvedDependencies: [{ uri: "git+https://github.com/a/b@refs/tags/v1", digest: {} }],
  },
  runDetails: {
    builder: { id: "https://github.com/actions/runner/github-hosted", version: { npm: "11" } },
    metadata: { invocationId: "https://github.com/a/b/actions/runs/1/attempts/1" },
  },
};

const least = {
  buildDefinition: { buildType: "a:b", externalParameters: {} },
  runDetails: { builder: { id: "a:c" } },
};

describe("parseProvenance", () => {
  it("reads GitHub's", () => {
    expect(parseProvenance(statement(gitHub))).toEqual({
      ...gitHub.buildDefinition,
      builderId: workflow,
      metadata: gitHub.runDetails.metadata,
      byproducts: [],
    });
  });

  it("reads npm's", () => {
    expect(parseProvenance(statement(npm))).toMatchObject({
      buildType: npm.buildDefinition.buildType,
      builderId: npm.runDetails.builder.id,
      builderVersion: { npm: "11" },
      resolvedDependencies: [{ digest: {} }],
    });
  });

  it("reads what only has what SLSA requires, takes null for absent and looks past what is unknown", () => {
    const expected = {
      buildType: "a:b",
      externalParameters: {},
      resolvedDependencies: [],
      builderId: "a:c",
      metadata: {},
      byproducts: [],
    };
    expect(parseProvenance(statement(least))).toEqual(expected);
    const nulls = {
      buildDefinition: {
        ...least.buildDefinition,
        internalParameters: null,
        resolvedDependencies: null,
        acme_more: 1,
      },
      runDetails: { builder: { id: "a:c", version: null }, metadata: null, byproducts: null },
      acme_more: 1,
    };
    expect(parseProvenance(statement(nulls))).toEqual(expected);
  });

  it("keeps every member of a descriptor that in-toto names, and no other", () => {
    const descriptor = {
      name: "a",
      uri: "b:c",
      digest: { sha256: hex, gitCommit: "ab".repeat(20) },
      content: "AA==",
      downloadLocation: "d:e",
      mediaType: "f/g",
      annotations: { x: [1] },
    };
    const byproducts = [{ ...descriptor, more: 1 }];
    const predicate = { ...least, runDetails: { ...least.runDetails, byproducts } };
    expect(parseProvenance(statement(predicate)).byproducts).toEqual([descriptor]);
  });

  it.each([
    ["no buildDefinition", { runDetails: least.runDetails }, "/predicate/buildDefinition"],
    ["no runDetails", { buildDefinition: least.buildDefinition }, "/predicate/runDetails"],
    [
      "no buildType",
      { ...least, buildDefinition: { externalParameters: {} } },
      "/predicate/buildDefinition/buildType: expected a string, found nothing",
    ],
    [
      "no external parameters",
      { ...least, buildDefinition: { buildType: "a:b" } },
      "/buildDefinition/externalParameters",
    ],
    ["no builder", { ...least, runDetails: {} }, "/runDetails/builder"],
    ["no builder's id", { ...least, runDetails: { builder: {} } }, "/runDetails/builder/id"],
    [
      "a version that is a number",
      { ...least, runDetails: { builder: { id: "a", version: { node: 24 } } } },
      "/builder/version/node",
    ],
    [
      "a time without zone",
      { ...least, runDetails: { builder: { id: "a" }, metadata: { startedOn: "2026-01-01" } } },
      "/metadata/startedOn",
    ],
    [
      "a day that there is not",
      {
        ...least,
        runDetails: { builder: { id: "a" }, metadata: { finishedOn: "2026-13-01T00:00:00Z" } },
      },
      "/metadata/finishedOn",
    ],
    [
      "dependencies that are no list",
      { ...least, buildDefinition: { ...least.buildDefinition, resolvedDependencies: {} } },
      "/resolvedDependencies",
    ],
    [
      "a dependency's digest that is none",
      {
        ...least,
        buildDefinition: {
          ...least.buildDefinition,
          resolvedDependencies: [{ digest: { dirHash1: "ab" } }],
        },
      },
      "/resolvedDependencies/0/digest/dirHash1",
    ],
    [
      "annotations that are text",
      {
        ...least,
        buildDefinition: {
          ...least.buildDefinition,
          resolvedDependencies: [{ annotations: "a" }],
        },
      },
      "/resolvedDependencies/0/annotations",
    ],
  ])("refuses %s", (_, predicate, message) => {
    expect(() => parseProvenance(statement(predicate))).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PROOF_STATEMENT",
        message: expect.stringContaining(message),
      }),
    );
  });

  it("refuses a statement of another kind", () => {
    expect(() => parseProvenance(statement(least, "https://slsa.dev/provenance/v0.2"))).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_PROOF_PREDICATE" }),
    );
  });
});
