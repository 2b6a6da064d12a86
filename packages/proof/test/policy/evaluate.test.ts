import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sha256 } from "@ctxpack/identity";
import {
  createStatement,
  type LoadedPolicy,
  RELEASE_TYPE,
  type VerifiedBundle,
} from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import {
  BUILDER,
  believing,
  bundle,
  judge,
  KEYS,
  MANIFEST,
  PACK,
  policy,
  requiring,
  URI,
  WORKFLOW,
  workflow,
} from "./fixture.ts";

/** A file to stand for a trust root: what is in one is not looked at here. */
const own = sha256(readFileSync(fileURLToPath(import.meta.url))).slice("sha256:".length);
const OTHER = `sha256:${"b".repeat(64)}` as const;
const SEEN = { at: "2026-11-20T10:00:00Z", logEntries: 1 };

interface Case {
  readonly policy: () => Promise<LoadedPolicy>;
  readonly bundles?: readonly VerifiedBundle[];
  readonly more?: Parameters<typeof judge>[2];
  /** Absent: accepted. */
  readonly code?: string;
  readonly message?: RegExp;
}

const release = (by: "alice" | "bob" = "bob") =>
  bundle({
    by,
    statement: createStatement({
      subject: { name: "ghcr.io/acme/packs", digest: MANIFEST },
      predicateType: RELEASE_TYPE,
      predicate: {},
    }),
  });

const teamOf = (name: string, identityPattern: string) => ({
  [name]: { identityPattern, issuer: "https://id.example", trustRoot: "public" },
});
const person = (identity: string) =>
  bundle({ by: workflow({ identity, issuer: "https://id.example" }), ...SEEN });
const source = (repository: string) => ({ source: { repository, ref: "refs/heads/main" } });
const madeFrom = (dependency: Record<string, unknown>) =>
  bundle({ made: { dependencies: [dependency as never] } });
const base = (manifest?: string) => ({
  name: "inputs/base",
  uri: `ctx://sha256:${"d".repeat(64)}`,
  digest: { dirHash1: "e".repeat(64) },
  annotations: { ctxpack_role: "pack", ...(manifest && { ctxpack_manifest: manifest }) },
});

const cases: Readonly<Record<string, Case>> = {
  "signed by whom the rule names": { policy, bundles: [bundle()] },
  "no proofs": { policy, code: "CTXPACK_E_PROOF_MISSING", message: /nobody vouches .* alice/ },
  "nothing that can be read": {
    policy,
    more: {
      refused: [{ digest: OTHER, code: "CTXPACK_E_PROOF_BUNDLE", message: "is not JSON" }],
    },
    code: "CTXPACK_E_PROOF_BUNDLE",
    message: /is not JSON/,
  },
  "of several that do not count, the one that came furthest is told": {
    policy,
    bundles: [bundle({ by: "bob" }), bundle({ made: { buildType: "https://x.example/b" } })],
    more: {
      refused: [
        { digest: OTHER, code: "CTXPACK_E_PROOF_SIGNATURE", message: "wrong signature" },
        { digest: undefined, code: "CTXPACK_E_PROOF_BUNDLE", message: "too many" },
      ],
    },
    code: "CTXPACK_E_PROOF_PREDICATE",
    message: /build of type https:\/\/x\.example\/b/,
  },
  "a wrong signature is further than what cannot be read": {
    policy,
    more: {
      refused: [
        { digest: undefined, code: "CTXPACK_E_PROOF_BUNDLE", message: "too many" },
        { digest: OTHER, code: "CTXPACK_E_PROOF_SIGNATURE", message: "wrong signature" },
      ],
    },
    code: "CTXPACK_E_PROOF_SIGNATURE",
  },
  "another pantry": {
    policy,
    bundles: [bundle()],
    more: { pack: { ...PACK, pantry: "ghcr.io/evil/packs" } },
    code: "CTXPACK_E_POLICY",
    message: /no rule of policy\.json is about ghcr\.io\/evil\/packs/,
  },
  "a pack of no pantry, and rules about pantries": {
    policy,
    bundles: [bundle()],
    more: { pack: { manifest: MANIFEST, uri: URI } },
    code: "CTXPACK_E_POLICY",
  },
  "a proof of another manifest": {
    policy,
    bundles: [bundle()],
    more: { pack: { ...PACK, manifest: OTHER } },
    code: "CTXPACK_E_PROOF_SUBJECT",
    message: /is about sha256:a{64}, not about sha256:b{64}/,
  },
  "a signer whom the rule does not name": {
    policy,
    bundles: [bundle({ by: "bob" })],
    code: "CTXPACK_E_PROOF_SIGNER",
    message: /signed by bob \(the key SHA256:.*\); policy\.json asks for alice/,
  },
  "a revoked signer's time has come": {
    policy: () =>
      policy({
        signers: { alice: { publicKey: KEYS.alice.pem, revokedAt: "2026-11-19" } },
      }),
    bundles: [bundle({ at: "2026-11-20T00:00:00Z" })],
    code: "CTXPACK_E_PROOF_KEY",
    message: /alice, which was revoked at 2026-11-19T00:00:00Z; it was signed at 2026-11-20/,
  },
  "signed before the key was revoked": {
    policy: () =>
      policy({ signers: { alice: { publicKey: KEYS.alice.pem, revokedAt: "2026-11-19" } } }),
    bundles: [bundle({ at: ["2026-11-20T00:00:00Z", "2026-11-18T00:00:00Z"] })],
  },
  "a revoked key, and nobody knows when it signed": {
    policy: () =>
      policy({ signers: { alice: { publicKey: KEYS.alice.pem, revokedAt: "2026-11-19" } } }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_KEY",
    message: /nobody vouches for when/,
  },
  "a key that has run out": {
    policy: () =>
      policy({ signers: { alice: { publicKey: KEYS.alice.pem, validUntil: "2026-11-19" } } }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_KEY",
    message: /was valid until/,
  },
  "a key that is not valid yet": {
    policy: () =>
      policy({ signers: { alice: { publicKey: KEYS.alice.pem, validFrom: "2026-11-21" } } }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_KEY",
    message: /is valid from/,
  },
  "a key without the time that is asked for": {
    policy: () => policy({ signers: { alice: { publicKey: KEYS.alice.pem, times: 1 } } }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_TIMESTAMP",
    message: /nobody vouches for when; 1 has to/,
  },
  "a key without the log entry that is asked for": {
    policy: () => policy({ signers: { alice: { publicKey: KEYS.alice.pem, logEntries: 1 } } }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_LOG",
  },
  "one of two names of the signer is enough": {
    policy: () =>
      requiring(
        { signers: ["old", "new"] },
        {},
        {
          signers: {
            old: { publicKey: KEYS.alice.pem, validUntil: "2026-01-01" },
            new: { publicKey: KEYS.alice.pem },
          },
        },
      ),
    bundles: [bundle()],
  },
  "an identity": {
    policy: () => policy(believing()),
    bundles: [bundle({ by: workflow(), ...SEEN })],
  },
  "an identity without a log entry": {
    policy: () => policy(believing()),
    bundles: [bundle({ by: workflow(), at: SEEN.at })],
    code: "CTXPACK_E_PROOF_LOG",
  },
  "an identity where no log is asked for": {
    policy: () => policy(believing({ logEntries: 0 })),
    bundles: [bundle({ by: workflow(), at: SEEN.at })],
  },
  "the same identity from another issuer": {
    policy: () => policy(believing()),
    bundles: [bundle({ by: workflow({ issuer: "https://evil.example" }), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
    message: /not ci of policy\.json: it was issued for https:\/\/evil\.example/,
  },
  "the same identity under another trust root": {
    policy: () => policy(believing()),
    bundles: [bundle({ by: workflow({ trustRoot: "sha256:1234" }), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
    message: /leads to another trust root than public/,
  },
  "a repository that took the name of another": {
    policy: () => policy(believing({ extensions: { sourceRepositoryId: "654321" } })),
    bundles: [bundle({ by: workflow(), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
    message: /its sourceRepositoryId is 123456, not 654321/,
  },
  "an extension that is not there": {
    policy: () => policy(believing({ extensions: { runnerEnvironment: "github-hosted" } })),
    bundles: [bundle({ by: workflow(), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
    message: /its runnerEnvironment is not said/,
  },
  "the extensions that are asked for": {
    policy: () => policy(believing({ extensions: { sourceRepositoryId: "123456" } })),
    bundles: [bundle({ by: workflow(), ...SEEN })],
  },
  "a pattern matches the whole identity": {
    policy: () =>
      policy(
        believing({ identity: undefined, identityPattern: "https://github\\.com/acme/packs/.*" }),
      ),
    bundles: [bundle({ by: workflow(), ...SEEN })],
  },
  "a pattern does not match a part": {
    policy: () =>
      policy(
        believing({ identity: undefined, identityPattern: "https://github\\.com/acme/packs" }),
      ),
    bundles: [bundle({ by: workflow(), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
  },
  "an alternative in a pattern is anchored, too": {
    policy: () => policy(believing({ identity: undefined, identityPattern: "x|https://github" })),
    bundles: [bundle({ by: workflow(), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
  },
  "an identity that is longer than any is matched by no pattern": {
    policy: () => policy(believing({ identity: undefined, identityPattern: ".*" })),
    bundles: [bundle({ by: workflow({ identity: "x".repeat(2049) }), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
  },
  "a bare key does not pass for an identity": {
    policy: () => policy(believing()),
    bundles: [bundle({ by: { kind: "key", keyId: WORKFLOW, name: WORKFLOW }, ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
  },
  "a certificate does not pass for a key": {
    policy,
    bundles: [bundle({ by: workflow({ identity: KEYS.alice.keyId }), ...SEEN })],
    code: "CTXPACK_E_PROOF_SIGNER",
  },
  "a name that the caller gave a key is nobody's": {
    policy,
    bundles: [bundle({ by: { kind: "key", keyId: KEYS.bob.keyId, name: "alice" } })],
    code: "CTXPACK_E_PROOF_SIGNER",
  },
  "a statement of another kind": {
    policy,
    bundles: [release("alice")],
    code: "CTXPACK_E_PROOF_PREDICATE",
    message: /states .*release/,
  },
  "a release and provenance": {
    policy: () =>
      policy({
        rules: [
          { require: [{ signers: ["alice"] }, { predicateType: RELEASE_TYPE, signers: ["bob"] }] },
        ],
      }),
    bundles: [bundle(), release()],
  },
  "provenance, and the release is missing": {
    policy: () =>
      policy({
        rules: [
          {
            require: [{ signers: ["alice"] }, { predicateType: RELEASE_TYPE, signers: ["alice"] }],
          },
        ],
      }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_PREDICATE",
  },
  "provenance without what it needs": {
    policy,
    bundles: [
      bundle({
        statement: createStatement({
          subject: { name: "x", digest: MANIFEST },
          predicateType: "https://slsa.dev/provenance/v1",
          predicate: { buildDefinition: {} },
        }),
      }),
    ],
    code: "CTXPACK_E_PROOF_STATEMENT",
    message: /cannot be used/,
  },
  "another kind of build": {
    policy,
    bundles: [bundle({ made: { buildType: "https://x.example/build" } })],
    code: "CTXPACK_E_PROOF_PREDICATE",
  },
  "a kind of build that the rule lists": {
    policy: () =>
      requiring({
        signers: ["alice"],
        buildTypes: ["https://actions.github.io/buildtypes/workflow/v1"],
      }),
    bundles: [
      bundle({
        made: {
          buildType: "https://actions.github.io/buildtypes/workflow/v1",
          parameters: { workflow: { path: "pack.yml" } },
        },
      }),
    ],
  },
  "the builder that the signer may vouch for": {
    policy: () => requiring({ builders: [{ id: BUILDER, signers: ["alice"] }] }),
    bundles: [bundle()],
  },
  "another builder": {
    policy: () =>
      requiring({
        builders: [
          { id: "https://x.example/builder", signers: ["alice"] },
          { id: BUILDER, signers: ["bob"] },
        ],
      }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_BUILDER",
    message: /built by .*run\/v1; alice .* may vouch for https:\/\/x\.example\/builder only/,
  },
  "provenance of another contract": {
    policy,
    bundles: [bundle({ made: { contract: `ctx://sha256:${"f".repeat(64)}` } })],
    code: "CTXPACK_E_PROOF_CONTRACT",
  },
  "another tool than the contract has": {
    policy,
    bundles: [bundle()],
    more: { pack: { ...PACK, tools: ["embed"] } },
    code: "CTXPACK_E_PROOF_CONTRACT",
    message: /the tool was ocr; the contract names embed/,
  },
  "a parameter that the build type does not have": {
    policy,
    bundles: [bundle({ made: { parameters: { extra: 1 } } })],
    code: "CTXPACK_E_PROOF_PARAMETERS",
  },
  "a parameter that the rule does not allow": {
    policy: () => requiring({ signers: ["alice"], externalParameters: { allow: ["contract"] } }),
    bundles: [bundle({ made: { parameters: source("https://github.com/acme/packs") } })],
    code: "CTXPACK_E_PROOF_PARAMETERS",
    message: /"source", which the policy does not allow/,
  },
  "a parameter of another build type that nobody listed": {
    policy: () => requiring({ signers: ["alice"], buildTypes: ["https://x.example/b"] }),
    bundles: [
      bundle({ made: { buildType: "https://x.example/b", parameters: { smuggled: "x" } } }),
    ],
    code: "CTXPACK_E_PROOF_PARAMETERS",
  },
  "a parameter that is set to nothing": {
    policy: () => requiring({ signers: ["alice"], buildTypes: ["https://x.example/b"] }),
    bundles: [
      bundle({
        made: { buildType: "https://x.example/b", parameters: { a: null, b: "", c: {}, d: [] } },
      }),
    ],
  },
  "the value that is asked for": {
    policy: () =>
      requiring({
        signers: ["alice"],
        externalParameters: { equals: { "/source/repository": "https://github.com/acme/packs" } },
      }),
    bundles: [bundle({ made: { parameters: source("https://github.com/acme/packs") } })],
  },
  "another value": {
    policy: () =>
      requiring({
        signers: ["alice"],
        externalParameters: { equals: { "/source/repository": "https://github.com/acme/packs" } },
      }),
    bundles: [bundle({ made: { parameters: source("https://github.com/acme/packs-evil") } })],
    code: "CTXPACK_E_PROOF_PARAMETERS",
    message: /\/source\/repository "https:\/\/github\.com\/acme\/packs-evil"/,
  },
  "no value where one is asked for": {
    policy: () =>
      requiring({
        signers: ["alice"],
        externalParameters: { equals: { "/source/repository": "x" } },
      }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_PARAMETERS",
    message: /no external parameter/,
  },
  "too old": {
    policy: () => requiring({ signers: ["alice"], maxAge: "P1D" }),
    bundles: [bundle({ at: "2026-11-18T12:00:00Z" })],
    code: "CTXPACK_E_PROOF_STALE",
    message: /is 2 days old .* the policy takes 24 hours/,
  },
  "young enough": {
    policy: () => requiring({ signers: ["alice"], maxAge: "P1DT1H1M" }),
    bundles: [bundle({ at: "2026-11-19T11:00:00Z" })],
  },
  "a limit of age, and no time": {
    policy: () => requiring({ signers: ["alice"], maxAge: "P1D" }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_STALE",
    message: /no time that anybody but its signer/,
  },
  "before what is taken": {
    policy: () => requiring({ signers: ["alice"], notBefore: "2026-11-19" }),
    bundles: [bundle({ at: "2026-11-18T23:59:59Z" })],
    code: "CTXPACK_E_PROOF_STALE",
    message: /nothing before/,
  },
  "the pack's digest is revoked": {
    policy: () => policy({ revoked: [{ digest: MANIFEST, reason: "CVE-1" }] }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_REVOKED",
    message: /CVE-1/,
  },
  "the pack's URI is revoked": {
    policy: () => policy({ revoked: [{ uri: URI, reason: "wrong model" }] }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_REVOKED",
  },
  "the key is revoked": {
    policy: () => policy({ revoked: [{ key: KEYS.alice.keyId, reason: "lost" }] }),
    bundles: [bundle()],
    code: "CTXPACK_E_PROOF_REVOKED",
    message: /the key it is signed with: lost/,
  },
  "what it was made from is revoked": {
    policy: () => policy({ revoked: [{ digest: OTHER, reason: "poisoned" }] }),
    bundles: [
      madeFrom({ name: "inputs/model", digest: { sha256: OTHER.slice(7) } }),
      madeFrom(base(OTHER)),
    ],
    code: "CTXPACK_E_PROOF_REVOKED",
    message: /poisoned/,
  },
  "another URI is revoked": {
    policy: () => policy({ revoked: [{ uri: "pkg:huggingface/x", reason: "x" }] }),
    bundles: [madeFrom(base(OTHER))],
  },
  "made from something without a digest": {
    policy,
    bundles: [madeFrom({ uri: "https://x.example/model" })],
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    message: /made from https:\/\/x\.example\/model, and not of which digest/,
  },
  "made from a pack that was not looked at": {
    policy: () => requiring({ signers: ["alice"] }, { dependencies: "verify" }),
    bundles: [madeFrom(base(OTHER))],
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    message: /was not looked at/,
  },
  "made from a pack that is refused": {
    policy: () => requiring({ signers: ["alice"] }, { dependencies: "verify" }),
    bundles: [madeFrom(base(OTHER))],
    more: { dependencies: new Map([[OTHER, false]]) },
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    message: /is refused/,
  },
  "made from a pack that is accepted": {
    policy: () => requiring({ signers: ["alice"] }, { dependencies: "verify" }),
    bundles: [madeFrom(base(OTHER))],
    more: { dependencies: new Map([[OTHER, true]]) },
  },
  "made from a pack, and not said from which manifest": {
    policy: () => requiring({ signers: ["alice"] }, { dependencies: "verify" }),
    bundles: [madeFrom(base())],
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    message: /not from which manifest/,
  },
  "two of three": {
    policy: () => requiring({ signers: ["alice", "bob", "carol"], threshold: 2 }),
    bundles: [bundle(), bundle({ by: "carol" })],
  },
  "one of two, twice": {
    policy: () => requiring({ signers: ["alice", "bob"], threshold: 2 }),
    bundles: [bundle(), bundle()],
    code: "CTXPACK_E_PROOF_THRESHOLD",
    message: /1 of 2 signers/,
  },
  "of two people one has two names, and gives up one": {
    policy: () =>
      policy({
        ...believing(),
        signers: {
          ...teamOf("all", ".*@acme\\.example"),
          ...teamOf("leads", "ann@acme\\.example"),
        },
        rules: [{ require: [{ signers: ["all", "leads"], threshold: 2 }] }],
      }),
    bundles: [person("ann@acme.example"), person("bea@acme.example")],
  },
  "one identity under two trust roots is one signer": {
    policy: () =>
      policy({
        ...believing(),
        trustRoots: {
          public: { tuf: "https://tuf-repo-cdn.sigstore.dev" },
          copy: { file: fileURLToPath(import.meta.url), sha256: own },
        },
        signers: {
          ci: believing()["signers"].ci,
          copied: { ...believing()["signers"].ci, trustRoot: "copy" },
        },
        rules: [{ require: [{ signers: ["ci", "copied"], threshold: 2 }] }],
      }),
    bundles: [
      bundle({ by: workflow(), ...SEEN }),
      bundle({ by: workflow({ trustRoot: `sha256:${own}` }), ...SEEN }),
    ],
    code: "CTXPACK_E_PROOF_THRESHOLD",
    message: /1 of 2 signers/,
  },
  "two people whom one name stands for are one of two": {
    policy: () =>
      policy({
        ...believing(),
        signers: {
          ...teamOf("all", ".*@acme\\.example"),
          ...teamOf("leads", "ann@acme\\.example"),
        },
        rules: [{ require: [{ signers: ["all", "leads"], threshold: 2 }] }],
      }),
    bundles: [person("eve@acme.example"), person("bea@acme.example")],
    code: "CTXPACK_E_PROOF_THRESHOLD",
  },
  "one key with two names is one signer": {
    policy: () =>
      requiring(
        { signers: ["alice", "alias"], threshold: 2 },
        {},
        {
          signers: { alice: { publicKey: KEYS.alice.pem }, alias: { publicKey: KEYS.alice.pem } },
        },
      ),
    bundles: [bundle(), bundle()],
    code: "CTXPACK_E_PROOF_THRESHOLD",
  },
};

describe.each(Object.entries(cases))("%s", (_, test) => {
  it(test.code ?? "is accepted", async () => {
    const verdict = judge(await test.policy(), test.bundles ?? [], test.more);
    expect(verdict.failure?.code).toBe(test.code);
    expect(verdict.accepted).toBe(test.code === undefined);
    if (test.message !== undefined) expect(verdict.failure?.message).toMatch(test.message);
    if (verdict.accepted) expect(verdict.bundles.length).toBeGreaterThan(0);
    else expect(verdict.bundles).toEqual([]);
  });
});

it("what counted is listed: bundles, signers, the latest time", async () => {
  const one = bundle({ at: "2026-11-19T00:00:00Z" });
  const two = bundle({ by: "bob", at: "2026-11-20T00:00:00Z" });
  const found = judge(await requiring({ signers: ["alice", "bob"] }), [
    two,
    bundle({ by: "carol" }),
    one,
  ]);
  expect(found.bundles).toEqual([one.digest, two.digest].sort());
  expect(found.policies).toMatchObject([
    {
      file: "policy.json",
      rule: 0,
      signers: [
        { name: "alice", keyId: KEYS.alice.keyId },
        { name: "bob", keyId: KEYS.bob.keyId },
      ],
      time: new Date("2026-11-20T00:00:00Z"),
    },
  ]);
});

it("without a policy nothing is accepted", () => {
  expect(judge([], [bundle()]).failure?.code).toBe("CTXPACK_E_POLICY");
});

it("no policy loosens another", async () => {
  const mine = await policy();
  const project = await requiring({ signers: ["bob"] });
  expect(judge([mine, project], [bundle({ by: "bob" })]).failure?.code).toBe(
    "CTXPACK_E_PROOF_SIGNER",
  );
  const both = judge([mine, project], [bundle({ by: "bob" }), bundle()]);
  expect(both.accepted).toBe(true);
  expect(both.bundles).toHaveLength(2);
});

describe("a rule by tools", () => {
  const strict = { tools: ["danger-*"], require: [{ signers: ["alice", "bob"], threshold: 2 }] };
  const lax = { require: [{ signers: ["alice"] }] };
  const rules = () => policy({ rules: [strict, lax] });

  it("is chosen by what the signed provenance says", async () => {
    expect(judge(await rules(), [bundle()]).policies[0]?.rule).toBe(1);
    const danger = { made: { tools: ["danger-ocr"] } };
    expect(judge(await rules(), [bundle(danger)]).failure?.code).toBe("CTXPACK_E_PROOF_THRESHOLD");
    expect(judge(await rules(), [bundle(danger), bundle({ ...danger, by: "bob" })]).accepted).toBe(
      true,
    );
  });

  it("is about contracts whose tools all match", async () => {
    const mixed = bundle({ made: { tools: ["danger-ocr", "embed"] } });
    expect(judge(await rules(), [mixed]).policies[0]?.rule).toBe(1);
  });

  it("is chosen by the contract once that is known", async () => {
    const pack = { ...PACK, tools: ["danger-ocr"] };
    const github = { buildType: "https://actions.github.io/buildtypes/workflow/v1" };
    const listing = await policy({
      rules: [strict, { require: [{ signers: ["alice"], buildTypes: [github.buildType] }] }],
    });
    const plain = bundle({ made: github });
    // What does not say its tool decides nothing …
    expect(judge(listing, [plain]).failure?.code).toBe("CTXPACK_E_POLICY");
    expect(judge(listing, [plain], { pack: { ...PACK, tools: ["embed"] } }).accepted).toBe(true);
    // … and the contract's tool leads to the stricter rule.
    expect(judge(listing, [plain], { pack }).policies[0]?.rule).toBe(0);
  });

  it("is not chosen by somebody whom it does not name", async () => {
    const github = { buildType: "https://actions.github.io/buildtypes/workflow/v1" };
    const listing = await policy({
      rules: [strict, { require: [{ signers: ["alice"], buildTypes: [github.buildType] }] }],
    });
    // Alice does not say which tool it was; a stranger says that it was a harmless one.
    const found = judge(listing, [bundle({ made: github }), bundle({ by: "carol" })]);
    expect(found.failure?.code).toBe("CTXPACK_E_POLICY");
    expect(found.failure?.message).toMatch(/no proof says which tool/);
  });

  it("is not chosen by a proof that cannot be used, and that is told", async () => {
    const lost = { digest: OTHER, code: "CTXPACK_E_PROOF_TRUST_ROOT", message: "no root" } as const;
    const { policies } = judge(await rules(), [], { refused: [lost] });
    expect(policies[0]?.reasons).toMatchObject([
      { code: "CTXPACK_E_POLICY" },
      { code: "CTXPACK_E_PROOF_TRUST_ROOT", bundle: OTHER },
    ]);
  });

  it("leaves a pack without proofs without a rule", async () => {
    expect(judge(await rules(), []).failure?.code).toBe("CTXPACK_E_PROOF_MISSING");
  });

  it("that is about none of the tools leaves it refused", async () => {
    const only = await policy({ rules: [strict] });
    expect(judge(only, [bundle()]).failure).toMatchObject({
      code: "CTXPACK_E_POLICY",
      message: expect.stringMatching(/and the tool ocr, so it is refused/),
    });
  });
});

describe("what was accepted before", () => {
  const channel = { ...PACK, name: "stable" };
  /** Under the name another pack, of this time. */
  const seenAt = (time: string) => ({
    last: ({ subject }: { subject: string }) =>
      subject === "stable" ? { time: new Date(time), manifest: OTHER } : undefined,
  });
  const proofs = [bundle({ at: "2026-11-19T10:00:00Z" })];

  it("under a name is not gone back from, whatever contract it was of", async () => {
    const seen = seenAt("2026-11-20T10:00:00Z");
    const { failure } = judge(await policy(), proofs, { pack: channel, seen });
    expect(failure).toMatchObject({
      code: "CTXPACK_E_PROOF_ROLLBACK",
      message: expect.stringMatching(/was accepted before under ghcr\.io\/acme\/packs:stable$/),
    });
    // Nobody asked for it by that name.
    expect(judge(await policy(), proofs, { seen }).accepted).toBe(true);
  });

  it("is remembered by the contract and by the name", async () => {
    const seen = seenAt("2026-11-18T10:00:00Z");
    const verdict = judge(await policy(), proofs, { pack: channel, seen });
    expect(verdict.seen.map(({ key }) => key.subject)).toEqual([URI, "stable"]);
  });
});

describe("a pattern of a policy that takes for ever", () => {
  it("is stopped, and matches nothing", async () => {
    const slow = await policy(believing({ identity: undefined, identityPattern: "(a+)+b" }));
    const signer = workflow({ identity: `${"a".repeat(64)}c` });
    const { failure } = judge(slow, [bundle({ by: signer, ...SEEN })]);
    expect(failure).toMatchObject({
      code: "CTXPACK_E_PROOF_SIGNER",
      message: expect.stringMatching(/not ci of policy\.json: its pattern takes too long/),
    });
    // Somebody else's certificate is no way to keep a good one from counting.
    const good = workflow({ identity: "aab" });
    const both = [bundle({ by: signer, ...SEEN }), bundle({ by: good, ...SEEN })];
    expect(judge(slow, both).accepted).toBe(true);
  });
});

it("the first of two rules about a pantry decides", async () => {
  const rules = [
    { pantries: ["ghcr.io/acme/*"], require: [{ signers: ["bob"] }] },
    { pantries: ["ghcr.io/**"], require: [{ signers: ["alice"] }] },
  ];
  expect(judge(await policy({ rules }), [bundle()]).accepted).toBe(false);
  const elsewhere = { pack: { ...PACK, pantry: "ghcr.io/acme/a/b" } };
  expect(judge(await policy({ rules }), [bundle()], elsewhere).accepted).toBe(true);
});
