import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import {
  createStatement,
  evaluate,
  keylessSigner,
  type LoadedPolicy,
  openTrustRoots,
  PROVENANCE_TYPE,
  policyMaterial,
  readPolicy,
  signStatement,
  type Verdict,
  verifyForPolicies,
} from "@ctxpack/proof";
import { identityToken, scratchFolder, TEST_IDENTITY, TEST_ISSUER } from "@ctxpack/test-tools";
import { expect, it, onTestFinished } from "vitest";
import { servicesOf, sigstore } from "../keyless/sigstore.ts";
import { trustFolder } from "../trust/places.ts";
import {
  MANIFEST,
  PACK,
  policy,
  policyJson,
  provenance,
  believing as publicly,
  URI,
} from "./fixture.ts";

const services = sigstore();

/** A policy that believes the workflow of the test services, read from files as a user has them. */
async function believing(
  signer: Record<string, unknown> = {},
  requirement: Record<string, unknown> = {},
  trustedRoot: object = {},
): Promise<LoadedPolicy> {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const json = { ...JSON.parse(services.now.trustedRoot), ...trustedRoot };
  const root = Buffer.from(JSON.stringify(json));
  writeFileSync(join(folder.path, "trusted_root.json"), root);
  const written = policyJson({
    trustRoots: { corp: { file: "trusted_root.json", sha256: sha256(root).slice(7) } },
    signers: {
      ci: {
        identity: TEST_IDENTITY,
        issuer: TEST_ISSUER,
        trustRoot: "corp",
        extensions: { sourceRepositoryId: "123456", runnerEnvironment: "github-hosted" },
        ...signer,
      },
    },
    rules: [{ pantries: ["ghcr.io/acme/*"], require: [{ signers: ["ci"], ...requirement }] }],
  });
  writeFileSync(join(folder.path, "policy.json"), JSON.stringify(written));
  return readPolicy(join(folder.path, "policy.json"));
}

type Witnesses = Parameters<typeof servicesOf> extends [unknown, ...infer W] ? W : never;

/** The same policy with a TUF repository in place of the file. */
async function byTuf(change: Record<string, unknown> = {}): Promise<LoadedPolicy> {
  const { tufRoot, urls } = services.now;
  const file = join(trustFolder(), "policy.json");
  const root = Buffer.from(tufRoot);
  writeFileSync(join(file, "..", "root.json"), root);
  const sha = sha256(root).slice(7);
  const written = policyJson({
    trustRoots: { corp: { tuf: urls.tuf, root: "root.json", sha256: sha, ...change } },
    signers: { ci: { identity: TEST_IDENTITY, issuer: TEST_ISSUER, trustRoot: "corp" } },
    rules: [{ require: [{ signers: ["ci"] }] }],
  });
  writeFileSync(file, JSON.stringify(written));
  return readPolicy(file);
}

/** Signs with the claims of a token, verifies by what the policies name, and judges. */
async function judge(
  policies: readonly LoadedPolicy[],
  witnesses: Witnesses,
  claims: Record<string, unknown> = {},
  now = new Date(),
): Promise<Verdict> {
  const statement = createStatement({
    subject: { name: "ghcr.io/acme/packs", digest: MANIFEST },
    predicateType: PROVENANCE_TYPE,
    predicate: provenance(),
  });
  const signer = keylessSigner({
    identity: { token: async () => identityToken(claims) },
    fulcioUrl: services.now.urls.fulcio,
  });
  const all = servicesOf(services.now, ...witnesses);
  const { bytes } = await signStatement(statement, { ...all, signer });
  const { keys, trustRoots } = policyMaterial(policies);
  await using opened = await openTrustRoots(trustRoots, { directory: trustFolder() });
  expect(opened.unavailable).toEqual([]);
  const verified = await verifyForPolicies(bytes, { keys, trustRoots: opened.roots });
  return evaluate({ policies, pack: PACK, verified, refused: [], now });
}

it("the workflow that a policy names is believed", async () => {
  const verdict = await judge([await believing({}, { maxAge: "PT1H" })], ["rekorV2", "tsa"]);
  expect(verdict).toMatchObject({
    accepted: true,
    pack: { uri: URI },
    policies: [{ signers: [{ name: "ci", identity: TEST_IDENTITY, issuer: TEST_ISSUER }] }],
    seen: [{ manifest: MANIFEST }],
  });
});

it("two policies may call one trust root what they like", async () => {
  const other = await believing({
    identity: undefined,
    identityPattern: "https://github\\.com/acme/.+",
  });
  expect((await judge([await believing(), other], ["rekorV1"])).accepted).toBe(true);
});

it.each([
  [
    "a repository that took its name over",
    { repository_id: "999" },
    /its sourceRepositoryId is 999/,
  ],
  [
    "a runner of somebody's own",
    { runner_environment: "self-hosted" },
    /its runnerEnvironment is self-hosted/,
  ],
  ["another branch", { san: TEST_IDENTITY.replace("main", "evil") }, /asks for ci$/],
])("%s is not", async (_, claims, message) => {
  const { failure } = await judge([await believing()], ["rekorV1"], claims);
  expect(failure).toMatchObject({
    code: "CTXPACK_E_PROOF_SIGNER",
    message: expect.stringMatching(message),
  });
});

it("where a trust root has no logs, a signature that none has seen is enough only if the policy says so", async () => {
  const none = { tlogs: [] };
  const asking = await believing({}, {}, none);
  expect((await judge([asking], ["tsa"])).failure?.code).toBe("CTXPACK_E_PROOF_LOG");
  const lenient = await believing({ logEntries: 0 }, {}, none);
  expect((await judge([lenient], ["tsa"])).accepted).toBe(true);
  expect((await judge([await believing({ times: 2 })], ["rekorV1"])).failure?.code).toBe(
    "CTXPACK_E_PROOF_TIMESTAMP",
  );
});

it("an old one is refused by the time that others saw it", async () => {
  const later = new Date(Date.now() + 3 * 3600 * 1000);
  const { failure } = await judge(
    [await believing({}, { maxAge: "PT2H" })],
    ["rekorV1"],
    {},
    later,
  );
  expect(failure).toMatchObject({
    code: "CTXPACK_E_PROOF_STALE",
    message: expect.stringMatching(/is \d+ (?:minutes|hours) old/),
  });
});

it("a trust root comes by way of TUF from the root that the policy pins", async () => {
  expect((await judge([await byTuf()], ["rekorV1"])).accepted).toBe(true);
  // Another policy has a copy of the same in a file: a certificate counts under each.
  const both = await judge([await byTuf(), await believing()], ["rekorV1"]);
  expect(both.accepted).toBe(true);
  expect(both.bundles).toHaveLength(1);
  // A third has one that has nothing to do with it.
  const stranger = await believing({ logEntries: 0 }, {}, { certificateAuthorities: [] });
  const all = await judge([await byTuf(), stranger], ["rekorV1"]);
  expect(all.failure?.message).toMatch(/its certificate leads to another trust root than corp/);
});

it("a trust root that is not to be had is told, and does not keep others from being used", async () => {
  const { trustRoots } = policyMaterial([await byTuf(), await believing()]);
  const directory = trustFolder();
  await using opened = await openTrustRoots(trustRoots, { directory, offline: true });
  expect(opened.roots.map(({ name }) => name)).toEqual([trustRoots[1]?.id]);
  expect(opened.unavailable).toMatchObject([
    { id: trustRoots[0]?.id, error: { code: "CTXPACK_E_PROOF_TRUST_ROOT" } },
  ]);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(openTrustRoots(trustRoots, { directory, signal })).rejects.toThrow("enough");
});

it("sigstore's own repository is known", async () => {
  const { trustRoots } = policyMaterial([await policy(publicly())]);
  const directory = trustFolder();
  await using opened = await openTrustRoots(trustRoots, { directory, offline: true });
  // It is asked for as what it is, and not there: nothing was fetched.
  expect(opened.unavailable).toMatchObject([
    { id: "https://tuf-repo-cdn.sigstore.dev", error: { code: "CTXPACK_E_PROOF_TRUST_ROOT" } },
  ]);
});
