import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import {
  createStatement,
  evaluate,
  keylessSigner,
  type LoadedPolicy,
  PROVENANCE_TYPE,
  parseTrustRoot,
  policyMaterial,
  readPolicy,
  signStatement,
  type Verdict,
  verifyBundle,
} from "@ctxpack/proof";
import { identityToken, scratchFolder, TEST_IDENTITY, TEST_ISSUER } from "@ctxpack/test-tools";
import { expect, it, onTestFinished } from "vitest";
import { servicesOf, sigstore } from "../keyless/sigstore.ts";
import { MANIFEST, PACK, policyJson, provenance, URI } from "./fixture.ts";

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
  const policy = policyJson({
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
  writeFileSync(join(folder.path, "policy.json"), JSON.stringify(policy));
  return readPolicy(join(folder.path, "policy.json"));
}

type Witnesses = Parameters<typeof servicesOf> extends [unknown, ...infer W] ? W : never;

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
  const roots = trustRoots.flatMap((root) =>
    root.kind === "file" ? [parseTrustRoot(root.id, root.bytes)] : [],
  );
  const verified = [await verifyBundle(bytes, { keys, trustRoots: roots })];
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
