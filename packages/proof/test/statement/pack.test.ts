import {
  canonicalBytes,
  type JsonValue,
  type ResolvedContract,
  sha256,
  uriOf,
} from "@ctxpack/identity";
import { describe, expect, it } from "vitest";
import {
  CONTRACT_PACK_BUILD_TYPE,
  checkProvenanceContract,
  createStatement,
  isPackProvenance,
  type JsonObject,
  type PackFacts,
  PROVENANCE_TYPE,
  type Provenance,
  packProvenance,
  parseProvenance,
  parseStatement,
  RUN_BUILDER,
  readPackProvenance,
  SEED_BUILDER,
  statementBytes,
} from "../../src/index.ts";

const hex = (byte: string) => byte.repeat(32);
const contract: ResolvedContract = {
  schema: "ctxpack.contract/v1",
  inputs: [
    { name: "chunks", digest: `dirHash1:${hex("c1")}` },
    { name: "prompt", digest: `sha256:${hex("aa")}` },
    { name: "schema", value: { private: "value" } },
  ],
  transforms: [
    {
      tool: "embed",
      tool_version: "1.2",
      model: "large-3",
      code_hash: `dirHash1:${hex("cd")}`,
      env: { REGION: `sha256:${hex("ee")}`, ABSENT: null },
      params: { chunk_size: 512 },
    },
    { tool: "index", code_hash: "git:v1.2" },
  ],
};
const bytesOf = (value: ResolvedContract) => canonicalBytes(value as unknown as JsonValue);
const bytes = bytesOf(contract);
const uri = uriOf(sha256(bytes));
const pack = {
  name: "chunks",
  uri: `ctx://sha256:${hex("b1")}`,
  digest: `dirHash1:${hex("c1")}`,
  manifest: `sha256:${hex("d1")}`,
} as const;
const reused = {
  uri: `ctx://sha256:${hex("b2")}`,
  manifest: `sha256:${hex("d2")}`,
  items: 7,
} as const;
const versions = { ctxpack: "1.0.0", node: "24.15.0" };
const facts: PackFacts = {
  contract: bytes,
  kind: "run",
  packs: [pack],
  reused: [reused],
  tree: `sha256:${hex("f0")}`,
  startedOn: new Date("2026-11-20T10:00:00.123Z"),
  finishedOn: new Date("2026-11-20T10:01:00Z"),
  versions,
  platform: "linux/amd64",
};
const ci = {
  GITHUB_ACTIONS: "true",
  GITHUB_SERVER_URL: "https://github.com",
  GITHUB_REPOSITORY: "acme/packs",
  GITHUB_WORKFLOW_REF: "acme/packs/.github/workflows/pack.yml@refs/heads/main",
  GITHUB_REF: "refs/heads/main",
  GITHUB_SHA: hex("12").slice(0, 40),
  GITHUB_RUN_ID: "99",
  GITHUB_RUN_ATTEMPT: "2",
  GITHUB_TOKEN: "not for anybody",
};

function parsed(predicate: JsonObject): Provenance {
  const subject = { name: "acme/packs", digest: `sha256:${hex("00")}` as const };
  const statement = createStatement({ subject, predicateType: PROVENANCE_TYPE, predicate });
  return parseProvenance(parseStatement(statementBytes(statement)));
}

describe("packProvenance", () => {
  it("says contract, inputs, tools, code, packs and times", () => {
    expect(packProvenance(facts)).toEqual({
      buildDefinition: {
        buildType: CONTRACT_PACK_BUILD_TYPE,
        externalParameters: { contract: uri },
        internalParameters: { ctxpack: { kind: "run", platform: "linux/amd64" } },
        resolvedDependencies: [
          {
            name: "contract",
            uri,
            digest: { sha256: uri.slice(-64) },
            mediaType: "application/vnd.ctxpack.contract.v1+json",
            annotations: {
              ctxpack_role: "contract",
              ctxpack_transforms: [
                {
                  tool: "embed",
                  tool_version: "1.2",
                  model: "large-3",
                  code_hash: `dirHash1:${hex("cd")}`,
                  env: ["ABSENT", "REGION"],
                },
                { tool: "index", code_hash: "git:v1.2" },
              ],
            },
          },
          {
            name: "inputs/chunks",
            uri: pack.uri,
            digest: { dirHash1: hex("c1") },
            annotations: { ctxpack_role: "pack", ctxpack_manifest: pack.manifest },
          },
          {
            name: "inputs/prompt",
            digest: { sha256: hex("aa") },
            annotations: { ctxpack_role: "input" },
          },
          {
            name: `reused/${hex("d2")}`,
            uri: reused.uri,
            digest: { sha256: hex("d2") },
            annotations: { ctxpack_role: "reused", ctxpack_count: 7 },
          },
          {
            name: "transforms/0/code",
            digest: { dirHash1: hex("cd") },
            annotations: { ctxpack_role: "code" },
          },
        ],
      },
      runDetails: {
        builder: { id: RUN_BUILDER, version: versions },
        metadata: { startedOn: "2026-11-20T10:00:00Z", finishedOn: "2026-11-20T10:01:00Z" },
        byproducts: [{ name: "tree", digest: { sha256: hex("f0") } }],
      },
    });
  });

  it("is about a workflow in CI, and uses nothing else of the environment", () => {
    const predicate = packProvenance({ ...facts, kind: "seed", env: ci });
    expect(predicate).toMatchObject({
      buildDefinition: {
        externalParameters: {
          contract: uri,
          source: { repository: "https://github.com/acme/packs", ref: "refs/heads/main" },
        },
        internalParameters: { ctxpack: { kind: "seed" } },
      },
      runDetails: {
        builder: {
          id: "https://github.com/acme/packs/.github/workflows/pack.yml@refs/heads/main",
        },
        metadata: { invocationId: "https://github.com/acme/packs/actions/runs/99/attempts/2" },
      },
    });
    expect(JSON.stringify(predicate)).not.toContain("not for anybody");
    expect(parsed(predicate).resolvedDependencies).toContainEqual({
      name: "source",
      uri: "git+https://github.com/acme/packs@refs/heads/main",
      digest: { gitCommit: ci.GITHUB_SHA },
    });
  });

  it.each([
    ["outside CI", { GITHUB_ACTIONS: "false" }],
    ["with a repository that is none", { GITHUB_REPOSITORY: "acme packs" }],
    ["without a workflow", { GITHUB_WORKFLOW_REF: undefined }],
    ["with a server that is no URL", { GITHUB_SERVER_URL: "github.com" }],
    ["without a ref", { GITHUB_REF: "main" }],
  ])("names ctxpack as the builder %s", (_, change) => {
    const env = { ...ci, ...change };
    expect(parsed(packProvenance({ ...facts, kind: "seed", env })).builderId).toBe(SEED_BUILDER);
    expect(parsed(packProvenance({ ...facts, env })).builderId).toBe(RUN_BUILDER);
  });

  it("does without what a CI service does not say", () => {
    const { GITHUB_SHA: _, GITHUB_RUN_ID: __, ...env } = ci;
    const provenance = parsed(packProvenance({ ...facts, env }));
    expect(provenance.metadata.invocationId).toBeUndefined();
    const source = provenance.resolvedDependencies.find(({ name }) => name === "source");
    expect(source?.digest).toBeUndefined();
    const { metadata } = parsed(
      packProvenance({ ...facts, env: { ...ci, GITHUB_RUN_ATTEMPT: "" } }),
    );
    expect(metadata.invocationId).toBe("https://github.com/acme/packs/actions/runs/99/attempts/1");
  });

  it("never has values of env, params, inline values", () => {
    const text = JSON.stringify(packProvenance(facts));
    for (const secret of [hex("ee"), "chunk_size", "private"]) expect(text).not.toContain(secret);
  });

  it("gives the same bytes for the same facts in another order", () => {
    const other = { ...pack, name: "prompt", digest: `dirHash1:${hex("aa")}` } as const;
    const one = canonicalBytes(packProvenance({ ...facts, packs: [pack, other] }));
    const two = canonicalBytes(packProvenance({ ...facts, packs: [other, pack] }));
    expect(one).toEqual(two);
  });

  it.each([
    [
      ["/usr/bin/python3", "embed.py"],
      ["…/python3", "embed.py"],
    ],
    [
      ["./tool", "src/a.py", "{in:docs}/x", "{out}"],
      ["./tool", "src/a.py", "{in:docs}/x", "{out}"],
    ],
    [
      ["tool", "--out=/home/alice/out", "-I/home/alice/x"],
      ["tool", "--out=…", "-I…"],
    ],
    [
      ["tool", "/home/alice:/data", "~/x", "~bob/y"],
      ["tool", "…:…", "…", "…"],
    ],
    [
      ["tool", "file:///home/alice/x"],
      ["tool", "…"],
    ],
    [
      ["tool", "https://example.com/a/b"],
      ["tool", "https://example.com/a/b"],
    ],
    [
      ["tool", "C:\\Users\\alice\\x", "\\\\host\\share"],
      ["tool", "…", "…"],
    ],
    [
      ["tool", `ghp_${"a".repeat(36)}`],
      ["tool", "[redacted]"],
    ],
  ])("publishes the command %j as %j", (command, expected) => {
    const { externalParameters } = parsed(packProvenance({ ...facts, command }));
    expect(externalParameters["command"]).toEqual(expected);
  });

  it("counts the inputs where they are too many to list, and still lists packs", () => {
    const names = Array.from({ length: 1000 }, (_, index) => `input-${index}`);
    const inputs = [...contract.inputs];
    for (const name of names) inputs.push({ name, digest: `sha256:${hex("ab")}` });
    inputs.sort((a, b) => (a.name < b.name ? -1 : 1));
    const large = bytesOf({ ...contract, inputs });
    const predicate = packProvenance({ ...facts, contract: large });
    expect(canonicalBytes(predicate).length).toBeLessThan(10_000);
    const provenance = parsed(predicate);
    const counted = provenance.resolvedDependencies.find(({ name }) => name === "inputs");
    expect(counted?.annotations).toEqual({ ctxpack_role: "inputs", ctxpack_count: 1001 });
    expect(readPackProvenance(provenance).packs).toEqual([pack]);
    checkProvenanceContract(provenance, large);
  });

  it("refuses bytes that are no resolved contract", () => {
    const wrong = { ...facts, contract: new TextEncoder().encode("{}") };
    expect(() => packProvenance(wrong)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_CONTRACT" }),
    );
  });
});

type Change = (provenance: Provenance) => Provenance;

const withParameters =
  (externalParameters: JsonObject): Change =>
  (provenance) => ({ ...provenance, externalParameters });

/** Changes the dependency of that name, or takes it away. */
const withDependency =
  (name: string, change: object | undefined): Change =>
  (provenance) => ({
    ...provenance,
    resolvedDependencies: provenance.resolvedDependencies.flatMap((one) =>
      one.name !== name ? [one] : change === undefined ? [] : [{ ...one, ...change }],
    ),
  });

const withMore =
  (more: object): Change =>
  (provenance) => ({
    ...provenance,
    resolvedDependencies: [...provenance.resolvedDependencies, more],
  });

const annotated = (role: string, more: object = {}) => ({
  annotations: { ctxpack_role: role, ...more },
});

describe("readPackProvenance", () => {
  const provenance = parsed(packProvenance({ ...facts, env: ci, command: ["make"] }));

  it("reads what packProvenance writes", () => {
    expect(isPackProvenance(provenance)).toBe(true);
    expect(readPackProvenance(provenance)).toEqual({
      contract: uri,
      command: ["make"],
      source: { repository: "https://github.com/acme/packs", ref: "refs/heads/main" },
      transforms: [
        {
          tool: "embed",
          tool_version: "1.2",
          model: "large-3",
          code_hash: `dirHash1:${hex("cd")}`,
          env: ["ABSENT", "REGION"],
        },
        { tool: "index", code_hash: "git:v1.2" },
      ],
      packs: [pack],
      reused: [reused],
    });
  });

  it.each<[string, Change, string]>([
    ["another build type", (p) => ({ ...p, buildType: "a:b" }), "CTXPACK_E_PROOF_PREDICATE"],
    ["no contract", withParameters({}), "CTXPACK_E_PROOF_PARAMETERS"],
    ["a smuggled one", withParameters({ contract: uri, x: 1 }), "CTXPACK_E_PROOF_PARAMETERS"],
    ["a short URI", withParameters({ contract: "ctx://ab" }), "CTXPACK_E_PROOF_PARAMETERS"],
    [
      "an empty command",
      withParameters({ contract: uri, command: [] }),
      "CTXPACK_E_PROOF_PARAMETERS",
    ],
    [
      "a command's number",
      withParameters({ contract: uri, command: [1] }),
      "CTXPACK_E_PROOF_PARAMETERS",
    ],
    [
      "no contract among dependencies",
      withDependency("contract", undefined),
      "CTXPACK_E_PROOF_CONTRACT",
    ],
    ["two contracts", withMore(annotated("contract")), "CTXPACK_E_PROOF_CONTRACT"],
    [
      "a contract of another URI",
      withDependency("contract", { uri: pack.uri }),
      "CTXPACK_E_PROOF_CONTRACT",
    ],
    [
      "a contract of another digest",
      withDependency("contract", { digest: {} }),
      "CTXPACK_E_PROOF_CONTRACT",
    ],
    [
      "no word of tools",
      withDependency("contract", annotated("contract")),
      "CTXPACK_E_PROOF_CONTRACT",
    ],
    [
      "a tool that is none",
      withDependency("contract", annotated("contract", { ctxpack_transforms: [{ tool: "" }] })),
      "CTXPACK_E_PROOF_CONTRACT",
    ],
    [
      "a tool with more",
      withDependency(
        "contract",
        annotated("contract", { ctxpack_transforms: [{ tool: "a", x: 1 }] }),
      ),
      "CTXPACK_E_PROOF_CONTRACT",
    ],
    [
      "a pack without URI",
      withDependency("inputs/chunks", { uri: undefined }),
      "CTXPACK_E_PROOF_STATEMENT",
    ],
    [
      "a pack without dirHash1",
      withDependency("inputs/chunks", { digest: {} }),
      "CTXPACK_E_PROOF_STATEMENT",
    ],
    [
      "a pack's manifest that is none",
      withDependency("inputs/chunks", annotated("pack", { ctxpack_manifest: 1 })),
      "CTXPACK_E_PROOF_STATEMENT",
    ],
    ["a reused pack without digest", withMore(annotated("reused")), "CTXPACK_E_PROOF_STATEMENT"],
  ])("refuses %s", (_, change, code) => {
    expect(() => readPackProvenance(change(provenance))).toThrow(expect.objectContaining({ code }));
  });

  it("takes a reused pack without a count", () => {
    const more = { uri: reused.uri, digest: { sha256: hex("77") }, ...annotated("reused") };
    const { reused: found } = readPackProvenance(withMore(more)(provenance));
    expect(found.at(-1)).toEqual({ uri: reused.uri, manifest: `sha256:${hex("77")}`, items: 0 });
  });
});

describe("checkProvenanceContract", () => {
  const provenance = parsed(packProvenance(facts));

  it("accepts the contract that it is about", () => {
    checkProvenanceContract(provenance, bytes);
  });

  it.each<[string, Change]>([
    [
      "other tools",
      withDependency(
        "contract",
        annotated("contract", { ctxpack_transforms: [{ tool: "trusted" }] }),
      ),
    ],
    ["an input's other digest", withDependency("inputs/prompt", { digest: { sha256: hex("ab") } })],
    ["an input left out", withDependency("inputs/prompt", undefined)],
    ["a pack left out", withDependency("inputs/chunks", undefined)],
    ["an input that is none", withDependency("inputs/prompt", { name: "inputs/other" })],
    ["an input of another name", withDependency("inputs/prompt", { name: "others/prompt" })],
    [
      "one input twice in place of two",
      withDependency("inputs/chunks", {
        name: "inputs/prompt",
        digest: { sha256: hex("aa") },
        ...annotated("input"),
      }),
    ],
    [
      "a second digest of an input",
      withDependency("inputs/prompt", { digest: { sha256: hex("aa"), dirHash1: hex("aa") } }),
    ],
    ["inputs that are more", withMore(annotated("inputs", { ctxpack_count: 1 }))],
  ])("refuses %s", (_, change) => {
    expect(() => checkProvenanceContract(change(provenance), bytes)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_PROOF_CONTRACT" }),
    );
  });

  it("refuses another contract", () => {
    const other = bytesOf({ ...contract, transforms: [{ tool: "other" }] });
    expect(() => checkProvenanceContract(provenance, other)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_PROOF_CONTRACT" }),
    );
  });
});
