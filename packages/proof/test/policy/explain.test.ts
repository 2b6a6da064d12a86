import { explainPolicy, explainVerdict, RELEASE_TYPE } from "@ctxpack/proof";
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
  URI,
  WORKFLOW,
  workflow,
} from "./fixture.ts";

const rich = () =>
  policy({
    ...believing({ extensions: { sourceRepositoryId: "123456" } }),
    signers: {
      ...(believing({ extensions: { sourceRepositoryId: "123456" } })["signers"] as object),
      team: {
        identityPattern: ".*@acme\\.example",
        issuer: "https://id.example",
        trustRoot: "public",
        logEntries: 0,
      },
      alice: {
        publicKey: KEYS.alice.pem,
        validFrom: "2026-01-01",
        validUntil: "2027-01-01",
        revokedAt: "2026-12-01",
        times: 2,
        logEntries: 2,
      },
    },
    rules: [
      {
        pantries: ["ghcr.io/acme/**"],
        tools: ["ocr", "embed-*"],
        require: [
          {
            builders: [{ id: BUILDER, signers: ["ci", "alice"] }],
            externalParameters: {
              equals: { "/source/repository": "https://github.com/acme/packs" },
            },
            maxAge: "P90D",
            notBefore: "2026-01-01",
          },
          { predicateType: RELEASE_TYPE, signers: ["team", "alice"], threshold: 2 },
        ],
        dependencies: "verify",
      },
      { pantries: ["oci:/srv/*"], require: [{ signers: ["alice"] }], rollback: "allow" },
    ],
    revoked: [
      { digest: MANIFEST, reason: "CVE-1" },
      { uri: URI, reason: "wrong model" },
      { key: KEYS.bob.keyId, reason: "lost" },
    ],
  });

it("says in words what a policy takes", async () => {
  expect(explainPolicy(await rich()).split("\n")).toEqual([
    "Packs of ghcr.io/acme/** made by ocr or embed-* are accepted (rule 1 of policy.json) if all of this holds:",
    "  - at least one of these has signed a statement of where it comes from:",
    `      ci: ${WORKFLOW}, vouched for by https://token.actions.githubusercontent.com, sourceRepositoryId 123456, with 1 time of others and 1 log entry, for builds by ${BUILDER}`,
    `      alice: the key in the policy, from 2026-01-01T00:00:00Z, until 2027-01-01T00:00:00Z, revoked at 2026-12-01T00:00:00Z, with 2 times of others and 2 log entries, for builds by ${BUILDER}`,
    "    about a build of type https://ctxpack.dev/buildtypes/contract-pack/v1 or https://ctxpack.dev/buildtypes/agent-run/v1,",
    "    with no external parameters but those that the build type defines,",
    '    with /source/repository being "https://github.com/acme/packs";',
    "    seen by somebody else at most 90 days ago;",
    "    seen by somebody else no earlier than 2026-01-01T00:00:00Z;",
    `  - 2 different ones of these have signed a statement of ${RELEASE_TYPE}:`,
    "      team: whoever matches .*@acme\\.example, vouched for by https://id.example, with 1 time of others",
    "      alice: the key in the policy, from 2026-01-01T00:00:00Z, until 2027-01-01T00:00:00Z, revoked at 2026-12-01T00:00:00Z, with 2 times of others and 2 log entries",
    "  - it is not older than what was accepted before of the same contract or name;",
    "  - every pack it was made from is accepted, too.",
    "Packs of oci:/srv/* are accepted (rule 2 of policy.json) if all of this holds:",
    "  - at least one of these has signed a statement of where it comes from:",
    "      alice: the key in the policy, from 2026-01-01T00:00:00Z, until 2027-01-01T00:00:00Z, revoked at 2026-12-01T00:00:00Z, with 2 times of others and 2 log entries",
    "    about a build of type https://ctxpack.dev/buildtypes/contract-pack/v1 or https://ctxpack.dev/buildtypes/agent-run/v1,",
    "    with no external parameters but those that the build type defines;",
    "  - what it was made from is named by digest.",
    "Packs that no rule is about are refused.",
    "Refused whoever signed it (policy.json):",
    `  - ${MANIFEST}: CVE-1`,
    `  - ${URI}: wrong model`,
    `  - what the key ${KEYS.bob.keyId} signed: lost`,
  ]);
});

it("says what packs of a pantry need", async () => {
  const mine = await policy({ rules: [{ require: [{ signers: ["alice"] }] }] });
  expect(explainPolicy(mine, { pantry: "x.example/p" })).toMatch(
    /^Packs of any pantry are accepted/,
  );
  expect(explainPolicy(mine, { pantry: "x.example/p" })).not.toMatch(/no rule/);
  const many = await rich();
  expect(explainPolicy(many, { pantry: "evil.example/p", tools: ["x"] })).toMatch(
    /^Packs of evil\.example\/p by x are refused: no rule of policy\.json is about them\./,
  );
  expect(explainPolicy(many, {})).toMatch(/^Packs of no pantry are refused/);
  expect(explainPolicy(many, { pantry: "ghcr.io/acme/x" })).toMatch(
    /^What packs of ghcr\.io\/acme\/x need hangs on the tool that made them:\nPacks of ghcr/,
  );
  expect(explainPolicy(many, { pantry: "oci:/srv/a" })).toMatch(/^Packs of oci:\/srv\/\* are/);
});

it("says which parameters a build may have", async () => {
  const one = async (requirement: object) =>
    explainPolicy(
      await policy({ rules: [{ require: [{ signers: ["alice"], ...requirement }] }] }),
    ).split("\n")[4];
  const [a, b] = ["https://x.example/a", "https://x.example/b"];
  expect(await one({ buildTypes: [a] })).toBe("    with no external parameters;");
  expect(await one({ buildTypes: [a, b] })).toMatch(/but those that the build type defines;$/);
  expect(await one({ externalParameters: { allow: ["x"], equals: { "/y/z": 1 } } })).toBe(
    "    with no external parameters but x, y,",
  );
});

it("a long list of what is revoked is cut", async () => {
  const revoked = Array.from({ length: 30 }, (_, n) => ({ uri: `x:${n}`, reason: "r" }));
  expect(explainPolicy(await policy({ revoked }))).toMatch(/- x:19: r\n {2}- and 10 more$/);
});

describe("a verdict", () => {
  it("of acceptance names signer and time", async () => {
    const found = judge(await policy(), [bundle({ at: "2026-11-19T10:00:00Z" })]);
    expect(explainVerdict(found).split("\n")).toEqual([
      `${URI} of ghcr.io/acme/packs is accepted.`,
      `  policy.json accepts it by rule 1: signed by alice (${KEYS.alice.keyId}), seen by somebody else at 2026-11-19T10:00:00Z.`,
    ]);
    const ci = judge(await policy(believing()), [
      bundle({ by: workflow(), at: "2026-11-19T10:00:00Z", logEntries: 1 }),
    ]);
    expect(explainVerdict(ci)).toContain(`signed by ci (${WORKFLOW})`);
  });

  it("of refusal says why, the weightiest first", async () => {
    const found = judge(await policy(), [bundle({ by: "bob" })], {
      refused: [
        { digest: MANIFEST, code: "CTXPACK_E_PROOF_SIGNATURE", message: "the signature is wrong" },
      ],
    });
    const [first, second, third, fourth, fifth] = explainVerdict(found).split("\n");
    expect(first).toBe(`${URI} of ghcr.io/acme/packs is refused.`);
    expect(second).toBe("  policy.json refuses it by rule 1:");
    expect(third).toMatch(
      /^ {4}- the proof sha256:[0-9a-f]{12}… is signed by bob \(the key SHA256:/,
    );
    expect(fourth).toBe(
      "      if that signer is to be believed, name it in signers and in the rule of policy.json",
    );
    expect(fifth).toBe(
      "    - the proof sha256:aaaaaaaaaaaa… cannot be used: the signature is wrong",
    );
  });

  it("of a flooded pack stays short", async () => {
    const many = Array.from({ length: 40 }, () => bundle({ by: "bob" }));
    expect(explainVerdict(judge(await policy(), many))).toMatch(
      /\n {4}and 30 more proofs do not count$/,
    );
  });

  it("of no pantry, no rule and no policy", async () => {
    const nowhere = judge(await policy(), [], { pack: { ...PACK, pantry: undefined } });
    expect(explainVerdict(nowhere)).toMatch(
      /^ctx:\S+ is refused\.\n {2}policy\.json refuses it:\n {4}- no rule/,
    );
    expect(explainVerdict(judge([], []))).toMatch(/there is no policy/);
  });
});
