import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import type { Descriptor } from "@ctxpack/oci";
import type { Repository } from "@ctxpack/oci/remote";
import {
  attachBundle,
  createStatement,
  discoverBundles,
  evaluate,
  explainVerdict,
  type JudgedPack,
  type LoadedPolicy,
  PROVENANCE_TYPE,
  pinOf,
  policyMaterial,
  type RefusedBundle,
  readPolicy,
  requireAccepted,
  signStatement,
  type Verdict,
  type VerifiedBundle,
  verifyBundle,
  withPin,
} from "@ctxpack/proof";
import { missingProgram, scratchFolder, startDockerRegistry } from "@ctxpack/test-tools";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type TestKey, testKey } from "../fixture.ts";
import { attachAsGitHub, open, plain, pushManifest, pushPack } from "../referrer/fixture.ts";
import { NOW, policyJson, provenance, URI } from "./fixture.ts";

let ci: TestKey;
let mallory: TestKey;

beforeAll(async () => {
  [ci, mallory] = [await testKey("ci"), await testKey("mallory", "ed25519")];
});

async function prove(pack: Descriptor, key: TestKey, contract = URI): Promise<Uint8Array> {
  const statement = createStatement({
    subject: { name: "registry.example/acme/packs", digest: pack.digest },
    predicateType: PROVENANCE_TYPE,
    predicate: provenance({ contract }),
  });
  return (await signStatement(statement, { signer: key.signer })).bytes;
}

/** The policy of a user who believes one key, in a file. */
async function believing(key: TestKey): Promise<LoadedPolicy> {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  writeFileSync(join(folder.path, "ci.pub"), key.publicPem);
  const policy = policyJson({
    signers: { ci: { publicKeyFile: "ci.pub", keyId: key.keyId } },
    rules: [{ pantries: ["127.0.0.1:*/acme/*"], require: [{ signers: ["ci"] }] }],
  });
  writeFileSync(join(folder.path, "policy.json"), JSON.stringify(policy));
  return readPolicy(join(folder.path, "policy.json"));
}

/** What a verifier does who gets a pack from a registry: discover, verify, judge. */
async function judge(
  repository: Repository,
  pack: Descriptor,
  policy: LoadedPolicy,
  more: { readonly lock?: Parameters<typeof evaluate>[0]["lock"] } = {},
): Promise<Verdict> {
  const verified: VerifiedBundle[] = [];
  const refused: RefusedBundle[] = [];
  const { keys } = policyMaterial([policy]);
  for await (const one of discoverBundles(repository, pack)) {
    if (!("bytes" in one)) {
      refused.push(one);
      continue;
    }
    try {
      verified.push(await verifyBundle(one.bytes, { keys, trustRoots: [] }));
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      refused.push({
        digest: one.digest,
        code: error.code as RefusedBundle["code"],
        message: error.message,
      });
    }
  }
  const judged: JudgedPack = { manifest: pack.digest, uri: URI, pantry: repository.address };
  return evaluate({ policies: [policy], pack: judged, verified, refused, now: NOW, ...more });
}

describe.skipIf(missingProgram("docker-registry"))("against docker-registry", () => {
  const start = async (): Promise<{ mine: Repository; theirs: Repository; pack: Descriptor }> => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const mine = open(server.host);
    const pack = await pushPack(mine);
    await attachBundle(mine, pack, await prove(pack, ci));
    return { mine, theirs: open(server.host), pack };
  };

  it("a pack that was attested is accepted, and what for is told", async () => {
    const { theirs, pack } = await start();
    const verdict = await judge(theirs, pack, await believing(ci));
    requireAccepted(verdict);
    expect(verdict.bundles).toHaveLength(1);
    expect(explainVerdict(verdict)).toMatch(/is accepted\.\n.*by rule 1: signed by ci \(SHA256:/);
  });

  it("one that somebody pushed in its place is refused: nobody vouches for it", async () => {
    const { theirs } = await start();
    const evil = await pushPack(theirs, "evil");
    expect((await judge(theirs, evil, await believing(ci))).failure?.code).toBe(
      "CTXPACK_E_PROOF_MISSING",
    );
  });

  it("the proof of another pack, copied to it, does not help", async () => {
    const { theirs, pack } = await start();
    const [good] = await found(theirs, pack);
    const evil = await pushPack(theirs, "evil");
    await attachAsGitHub(theirs, evil, good as Uint8Array);
    const { failure } = await judge(theirs, evil, await believing(ci));
    expect(failure).toMatchObject({
      code: "CTXPACK_E_PROOF_SUBJECT",
      message: expect.stringMatching(`is about ${pack.digest}, not about ${evil.digest}`),
    });
  });

  it("a proof of their own does not help, either", async () => {
    const { theirs } = await start();
    const evil = await pushPack(theirs, "evil");
    await attachBundle(theirs, evil, await prove(evil, mallory));
    const { failure } = await judge(theirs, evil, await believing(ci));
    // The key is one that no policy names: it is not even known.
    expect(failure?.code).toMatch(/^CTXPACK_E_PROOF_(?:KEY|SIGNATURE)$/);
  });

  it("a proof of another contract is refused", async () => {
    const { mine, theirs } = await start();
    const pack = await pushPack(mine, "other");
    await attachBundle(mine, pack, await prove(pack, ci, `ctx://sha256:${"f".repeat(64)}`));
    expect((await judge(theirs, pack, await believing(ci))).failure?.code).toBe(
      "CTXPACK_E_PROOF_CONTRACT",
    );
  });

  it("taking the proof away is no way around, and the lock file says what was there", async () => {
    const { mine, theirs, pack } = await start();
    const policy = await believing(ci);
    const before = await judge(theirs, pack, policy);
    const lock = withPin({ file: "ctxpack.lock", packs: new Map() }, URI, pinOf(before));
    expect((await judge(theirs, pack, policy, { lock })).accepted).toBe(true);
    for await (const one of discoverBundles(theirs, pack)) {
      if ("bytes" in one) await theirs.delete(one.manifest);
    }
    const stripped = await judge(theirs, pack, policy, { lock });
    expect(stripped.failure?.code).toBe("CTXPACK_E_PROOF_MISSING");
    // ECDSA signs the same with other bytes each time: it is another proof, and not the one that is pinned.
    await attachBundle(mine, pack, await prove(pack, ci));
    const again = await judge(theirs, pack, policy, { lock });
    expect(again.failure?.code).toBe("CTXPACK_E_PROOF_PIN");
  });

  it("another manifest than the lock file pins is refused, though it was attested", async () => {
    const { mine, theirs, pack } = await start();
    const policy = await believing(ci);
    const lock = withPin(
      { file: "ctxpack.lock", packs: new Map() },
      URI,
      pinOf(await judge(theirs, pack, policy)),
    );
    const other = await pushPack(mine, "attested too");
    await attachBundle(mine, other, await prove(other, ci));
    expect((await judge(theirs, other, policy)).accepted).toBe(true);
    const { failure } = await judge(theirs, other, policy, { lock });
    expect(failure).toMatchObject({
      code: "CTXPACK_E_PROOF_PIN",
      message: expect.stringMatching(`its manifest is ${other.digest}, not ${pack.digest}`),
    });
  });

  it("a bundle that was changed on the way is told as such", async () => {
    const { theirs, pack } = await start();
    const [good] = await found(theirs, pack);
    const text = Buffer.from(good as Uint8Array).toString();
    const at = text.indexOf('"payload":"') + 40;
    const swapped = text[at] === "A" ? "B" : "A";
    const evil = await pushPack(theirs, "evil");
    await attachAsGitHub(
      theirs,
      evil,
      Buffer.from(text.slice(0, at) + swapped + text.slice(at + 1)),
    );
    const verdict = await judge(theirs, evil, await believing(ci));
    expect(verdict.failure?.code).toBe("CTXPACK_E_PROOF_SIGNATURE");
    expect(() => requireAccepted(verdict)).toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_PROOF_SIGNATURE",
        message: expect.stringMatching(/^the proof sha256:\w{12}… cannot be used: /),
        details: { uri: URI, verdict },
      }),
    );
  });

  it("damaged referrers beside a good one change nothing", async () => {
    const { theirs, pack } = await start();
    await pushManifest(theirs, {
      artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      subject: plain(pack),
    });
    expect((await judge(theirs, pack, await believing(ci))).accepted).toBe(true);
  });
});

async function found(repository: Repository, pack: Descriptor): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const one of discoverBundles(repository, pack)) {
    if ("bytes" in one) all.push(one.bytes);
  }
  return all;
}
