import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { POLICY_SCHEMA_URI, parsePolicy, policyDigest } from "@ctxpack/proof";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { believing, GITHUB, KEYS, policyJson, WORKFLOW } from "./fixture.ts";

const parse = (change: Record<string, unknown>) =>
  parsePolicy(JSON.stringify(policyJson(change)), "dir/policy.json");
const hex = "0".repeat(64);
const signer = (members: Record<string, unknown>) => ({ signers: { alice: members } });
const requirement = (members: Record<string, unknown>) => ({ rules: [{ require: [members] }] });
const root = (members: Record<string, unknown>) => ({ trustRoots: { r: members } });

it("reads everything that a policy can say", () => {
  const found = parse({
    $schema: POLICY_SCHEMA_URI,
    trustRoots: {
      public: { tuf: "https://tuf-repo-cdn.sigstore.dev" },
      corp: { tuf: "http://127.0.0.1:8080/tuf", root: "root.json", sha256: hex },
      air: { file: "../trusted_root.json", sha256: hex },
    },
    signers: {
      alice: { publicKey: KEYS.alice.pem, validFrom: "2026-01-01", validUntil: "2027-01-01" },
      bob: {
        publicKeyFile: "keys/bob.pub",
        keyId: KEYS.bob.keyId,
        revokedAt: "2026-06-01T00:00:00+02:00",
      },
      ci: {
        identity: WORKFLOW,
        issuer: GITHUB,
        trustRoot: "public",
        extensions: { sourceRepositoryId: "1", runnerEnvironment: "github-hosted" },
        times: 2,
      },
      team: {
        identityPattern: ".*@acme\\.example",
        issuer: "https://x",
        trustRoot: "air",
        logEntries: 0,
      },
    },
    rules: [
      {
        pantries: ["ghcr.io/acme/**", "oci:../pantry"],
        tools: ["ocr*"],
        require: [
          {
            builders: [{ id: "https://b.example/1", signers: ["ci", "alice"] }],
            threshold: 2,
            buildTypes: ["https://t.example/1"],
            externalParameters: { allow: ["x"], equals: { "/x/0": { a: [1] } } },
            maxAge: "P90D",
            notBefore: "2026-01-01T00:00:00Z",
          },
          { predicateType: "https://in-toto.io/attestation/release/v0.1", signers: ["bob"] },
        ],
        rollback: "allow",
        dependencies: "verify",
      },
    ],
    revoked: [{ key: KEYS.carol.keyId, reason: "lost" }],
  });
  const folder = resolve("dir");
  expect(found).toMatchObject({
    file: "dir/policy.json",
    path: resolve("dir/policy.json"),
    revoked: [{ key: KEYS.carol.keyId, reason: "lost" }],
    rules: [
      {
        rollback: "allow",
        dependencies: "verify",
        require: [
          {
            allowed: [{ builder: "https://b.example/1", signers: ["ci", "alice"] }],
            threshold: 2,
            provenance: {
              buildTypes: ["https://t.example/1"],
              allow: ["x"],
              equals: new Map([["/x/0", { a: [1] }]]),
            },
            maxAge: 90 * 24 * 3600 * 1000,
            notBefore: new Date("2026-01-01T00:00:00Z"),
          },
          { allowed: [{ signers: ["bob"] }], threshold: 1 },
        ],
      },
    ],
  });
  expect(found.rules[0]?.require[1]).not.toHaveProperty("provenance");
  expect(Object.fromEntries(found.trustRoots)).toEqual({
    public: { kind: "tuf", mirror: "https://tuf-repo-cdn.sigstore.dev" },
    corp: {
      kind: "tuf",
      mirror: "http://127.0.0.1:8080/tuf",
      root: { file: resolve(folder, "root.json"), sha256: hex },
    },
    air: { kind: "file", file: resolve("trusted_root.json"), sha256: hex },
  });
  expect(Object.fromEntries(found.signers)).toMatchObject({
    alice: { kind: "key", validFrom: new Date("2026-01-01"), times: 0, logEntries: 0 },
    bob: {
      key: { file: resolve(folder, "keys/bob.pub"), keyId: KEYS.bob.keyId },
      revokedAt: new Date("2026-05-31T22:00:00Z"),
    },
    ci: {
      kind: "identity",
      identity: { exact: WORKFLOW },
      extensions: new Map([
        ["1.3.6.1.4.1.57264.1.15", "1"],
        ["1.3.6.1.4.1.57264.1.11", "github-hosted"],
      ]),
      times: 2,
      logEntries: 1,
    },
    team: { identity: { pattern: ".*@acme\\.example" }, times: 1, logEntries: 0 },
  });
});

it("the digest is that of the file's bytes", () => {
  const text = JSON.stringify(policyJson());
  expect(parsePolicy(text, "p.json").digest).toBe(policyDigest(text));
  expect(policyDigest(text)).toBe(policyDigest(new TextEncoder().encode(text)));
  expect(policyDigest(`${text} `)).not.toBe(policyDigest(text));
});

it("the schema's $id is what the constant says", () => {
  const schema = readFileSync(new URL("../../schemas/policy.v1.json", import.meta.url), "utf8");
  expect((JSON.parse(schema) as { $id: string }).$id).toBe(POLICY_SCHEMA_URI);
});

it("an error has file, line, column and JSON path", () => {
  const text = JSON.stringify(
    policyJson({ rules: [{ require: [{ signers: ["mallory"] }] }] }),
    null,
    2,
  );
  const line = text.split("\n").findIndex((each) => each.includes("mallory")) + 1;
  expect(() => parsePolicy(text, "p.json")).toThrow(
    expect.objectContaining({
      code: "CTXPACK_E_CONFIG",
      message: `p.json:${line}:13: /rules/0/require/0/signers/0: no signer is called "mallory"`,
      hint: "there are: alice, bob, carol",
      details: { file: "p.json", line, column: 13, pointer: "/rules/0/require/0/signers/0" },
    }),
  );
});

describe.each<[string, Record<string, unknown>, string | RegExp]>([
  ["no schema", { schema: undefined }, '"schema" is missing'],
  ["another schema", { schema: "ctxpack.policy/v2" }, 'expected "ctxpack.policy/v1"'],
  ["no rules", { rules: [] }, "an empty list"],
  ["no signers", { signers: {} }, "an empty object"],
  ["a slip", { rule: [] }, 'unknown key "rule"; did you mean "rules"?'],
  ["a name with a space", { signers: { "a b": { publicKey: KEYS.alice.pem } } }, "a name has"],
  [
    "two kinds of key",
    signer({ publicKey: KEYS.alice.pem, identity: "x" }),
    "has publicKey and identity",
  ],
  [
    "no kind of signer",
    signer({}),
    "needs exactly one of publicKey, publicKeyFile, identity and identityPattern",
  ],
  [
    "a key that is none",
    signer({ publicKey: "MFkw" }),
    "/signers/alice/publicKey: this is not a public key",
  ],
  ["a file without fingerprint", signer({ publicKeyFile: "a.pub" }), '"keyId" is missing'],
  [
    "a fingerprint of another form",
    signer({ publicKeyFile: "a.pub", keyId: "abc" }),
    "expected SHA256:",
  ],
  [
    "a fingerprint beside the key",
    signer({ publicKey: KEYS.alice.pem, keyId: KEYS.alice.keyId }),
    "keyId belongs to publicKeyFile",
  ],
  [
    "an issuer of a key",
    signer({ publicKey: KEYS.alice.pem, issuer: "x" }),
    "issuer belongs to an identity",
  ],
  [
    "a window of an identity",
    { ...believing({ validFrom: "2026-01-01" }) },
    "validFrom belongs to a key",
  ],
  ["no issuer", { ...believing({ issuer: undefined }) }, '"issuer" is missing'],
  ["no trust root", { ...believing({ trustRoot: undefined }) }, '"trustRoot" is missing'],
  ["an unknown trust root", { ...believing({ trustRoot: "x" }) }, 'no trust root is called "x"'],
  [
    "no trust roots at all",
    { ...believing(), trustRoots: undefined },
    'no trust root is called "public"',
  ],
  [
    "an unknown extension",
    { ...believing({ extensions: { sourceRepositoryID: "1" } }) },
    'did you mean "sourceRepositoryId"',
  ],
  ["an identity without a time", { ...believing({ times: 0 }) }, "needs at least one time"],
  [
    "half a pattern",
    { ...believing({ identity: undefined, identityPattern: "(" }) },
    /identityPattern: invalid regular expression/,
  ],
  [
    "a pattern that closes the anchor",
    { ...believing({ identity: undefined, identityPattern: "a)|(?:b" }) },
    /invalid regular expression/,
  ],
  [
    "a time that there is not",
    signer({ publicKey: KEYS.alice.pem, validFrom: "2026-02-30" }),
    'no such time: "2026-02-30"',
  ],
  [
    "an hour that there is not",
    requirement({ signers: ["alice"], notBefore: "2026-02-20T25:00:00Z" }),
    "no such time",
  ],
  [
    "a window that ends before it begins",
    signer({ publicKey: KEYS.alice.pem, validFrom: "2026-02-02", validUntil: "2026-02-01" }),
    "not later than validFrom",
  ],
  ["a mirror without TLS", root({ tuf: "http://tuf.example/" }), "expected an https URL"],
  ["a mirror with a password", root({ tuf: "https://u:p@tuf.example/" }), "expected an https URL"],
  ["a mirror that is no URL", root({ tuf: "https://[" }), "expected an https URL"],
  ["a mirror without a root", root({ tuf: "https://tuf.example/" }), "root and sha256 are missing"],
  [
    "a root without digest",
    root({ tuf: "https://tuf.example/", root: "root.json" }),
    "root and sha256 go together",
  ],
  ["a file without digest", root({ file: "r.json" }), '"sha256" is missing'],
  [
    "a file with a root",
    root({ file: "r.json", sha256: hex, root: "x" }),
    "root belongs to a tuf mirror",
  ],
  ["neither", root({}), "needs exactly one of tuf and file"],
  [
    "a pantry's pattern",
    { rules: [{ pantries: ["/a"], require: [{ signers: ["alice"] }] }] },
    "begins with a slash",
  ],
  [
    "a tool's pattern",
    { rules: [{ tools: ["a{b}"], require: [{ signers: ["alice"] }] }] },
    /has "\{"/,
  ],
  [
    "more signers than there are",
    requirement({ signers: ["alice", "alice"], threshold: 2 }),
    "asks for 2 signers, and 1 is named",
  ],
  [
    "an unknown signer of a builder",
    requirement({ builders: [{ id: "x:y", signers: ["x"] }] }),
    "/builders/0/signers/0: no signer",
  ],
  [
    "signers and builders",
    requirement({ signers: ["alice"], builders: [{ id: "x:y", signers: ["alice"] }] }),
    "has signers and builders",
  ],
  [
    "a builder of a release",
    requirement({ predicateType: "x:y", builders: [{ id: "x:y", signers: ["alice"] }] }),
    "only provenance has builders",
  ],
  [
    "a duration in words",
    requirement({ signers: ["alice"], maxAge: "90 days" }),
    "expected a duration such as P90D",
  ],
  [
    "a pointer without slash",
    requirement({ signers: ["alice"], externalParameters: { equals: { source: 1 } } }),
    "expected a JSON pointer",
  ],
  [
    "a rollback of another kind",
    { rules: [{ rollback: "warn", require: [{ signers: ["alice"] }] }] },
    'expected "deny" or "allow"',
  ],
  [
    "two things revoked at once",
    { revoked: [{ key: KEYS.alice.keyId, uri: "x:y", reason: "z" }] },
    "has uri and key",
  ],
  ["no reason", { revoked: [{ uri: "x:y" }] }, '"reason" is missing'],
])("%s", (_, change, message) => {
  it("is refused", () => {
    const expected =
      typeof message === "string"
        ? expect.stringContaining(message)
        : expect.stringMatching(message);
    expect(() => parse(change)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_CONFIG",
        message: expect.stringMatching(/^dir\/policy\.json:1:\d+: /),
      }),
    );
    expect(() => parse(change)).toThrow(expect.objectContaining({ message: expected }));
  });
});

describe("pantries", () => {
  const matches = (pattern: string, address: string) =>
    parsePolicy(
      JSON.stringify(
        policyJson({ rules: [{ pantries: [pattern], require: [{ signers: ["alice"] }] }] }),
      ),
      "/srv/a[b]/policy.json",
    ).rules[0]?.pantries?.[0]?.matches(address);

  it.each([
    ["ghcr.io/acme/**", "ghcr.io/acme/a/b", true],
    ["ghcr.io/acme/*", "ghcr.io/acme/a/b", false],
    ["ghcr.io/acme/*", "ghcr.io/acme-evil/a", false],
    ["localhost:5000/**", "localhost:5000/a", true],
    ["**", "ghcr.io/acme/packs", true],
    // A folder is asked for by its own kind of pattern.
    ["**", "oci:/srv/pantry", false],
    ["oci:**", "oci:/srv/a[b]/x", true],
    ["oci:**", "oci:/srv/other", false],
    ["oci:/**", "oci:/anywhere/at/all", true],
    ["oci:pantry", "oci:/srv/a[b]/pantry", true],
    ["oci:../pantry", "oci:/srv/pantry", true],
    ["oci:../pantry", "oci:/srv/pantry/x", false],
    ["oci:../pantries/*", "oci:/srv/pantries/x", true],
    ["oci:/srv/**", "oci:/srv/a/b", true],
    ["oci:/srv/**", "oci:/srv2/a", false],
    ["oci:/srv/**", "oci-archive:/srv/a", false],
    ["oci-archive:*.tar", "oci-archive:/srv/a[b]/x.tar", true],
    ["oci:pantry", "ghcr.io/pantry", false],
  ])("%s and %s: %s", (pattern, address, expected) => {
    expect(matches(pattern, address)).toBe(expected);
  });
});

it("whatever is read, it is a policy or an error with a place", () => {
  const text = JSON.stringify(policyJson(), null, 1);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), fc.nat(4), (at, put, cut) => {
      const changed = text.slice(0, at) + put + text.slice(at + cut);
      try {
        expect(parsePolicy(changed, "p.json").rules.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toMatchObject({
          code: "CTXPACK_E_CONFIG",
          message: expect.stringMatching(/^p\.json/),
        });
      }
    }),
    { numRuns: 2000 },
  );
});
