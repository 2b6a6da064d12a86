import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import { loadPolicy, parsePolicy, policyMaterial, readPolicy } from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, it, onTestFinished } from "vitest";
import { believing, KEYS, policy, policyJson } from "./fixture.ts";

const root = Buffer.from(
  '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
);
const hex = sha256(root).slice("sha256:".length);

function folder(files: Record<string, string | Uint8Array>): string {
  const place = scratchFolder();
  onTestFinished(() => place[Symbol.dispose]());
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(place.path, name), content);
  }
  return place.path;
}

const written = (change: Record<string, unknown>) => JSON.stringify(policyJson(change));
const keyFile = { publicKeyFile: "alice.pub", keyId: KEYS.alice.keyId };

it("reads keys and trust roots beside the policy", async () => {
  const roots = {
    corp: { file: "trusted_root.json", sha256: hex },
    own: { tuf: "https://tuf.example", root: "trusted_root.json", sha256: hex },
    public: { tuf: "https://tuf-repo-cdn.sigstore.dev" },
  };
  const oneLine = KEYS.bob.pem.replaceAll(/-----.*-----|\s/g, "");
  const dir = folder({
    "policy.json": written({
      trustRoots: roots,
      signers: { alice: keyFile, bob: { publicKey: oneLine } },
    }),
    "alice.pub": KEYS.alice.pem,
    "trusted_root.json": root,
  });
  const loaded = await readPolicy(join(dir, "policy.json"));
  expect(loaded.keys.get("alice")?.keyId).toBe(KEYS.alice.keyId);
  expect(loaded.keys.get("bob")?.keyId).toBe(KEYS.bob.keyId);
  expect(Object.fromEntries(loaded.roots)).toEqual({
    corp: { kind: "file", id: `sha256:${hex}`, bytes: root },
    own: {
      kind: "tuf",
      id: `https://tuf.example#sha256:${hex}`,
      mirror: "https://tuf.example",
      root,
    },
    public: {
      kind: "tuf",
      id: "https://tuf-repo-cdn.sigstore.dev",
      mirror: "https://tuf-repo-cdn.sigstore.dev",
    },
  });
});

it("what bundles are verified with comes from all policies, each once", async () => {
  const dir = folder({ "r.json": root });
  const file = join(dir, "p.json");
  const roots = { trustRoots: { mine: { file: "r.json", sha256: hex } } };
  const one = await loadPolicy(parsePolicy(written(roots), file));
  const other = await policy(believing());
  const { keys, trustRoots } = policyMaterial([one, other, one]);
  expect(keys.map(({ name }) => name)).toEqual(
    [KEYS.alice, KEYS.bob, KEYS.carol].map((k) => k.keyId),
  );
  expect(trustRoots.map(({ id }) => id)).toEqual([
    `sha256:${hex}`,
    "https://tuf-repo-cdn.sigstore.dev",
  ]);
});

it.each<[string, Record<string, string | Uint8Array>, Record<string, unknown>, string]>([
  ["a key file that is not there", {}, { signers: { alice: keyFile } }, "CTXPACK_E_PATH_NOT_FOUND"],
  [
    "a key that was put in its place",
    { "alice.pub": KEYS.bob.pem },
    { signers: { alice: keyFile } },
    "CTXPACK_E_KEY_FILE",
  ],
  [
    "no key in the file",
    { "alice.pub": "ssh-ed25519 AAAA" },
    { signers: { alice: keyFile } },
    "CTXPACK_E_KEY_FILE",
  ],
  [
    "a trust root that is not there",
    {},
    { trustRoots: { r: { file: "r.json", sha256: hex } } },
    "CTXPACK_E_PATH_NOT_FOUND",
  ],
  [
    "a trust root that was changed",
    { "r.json": "{}" },
    { trustRoots: { r: { file: "r.json", sha256: hex } } },
    "CTXPACK_E_PROOF_TRUST_ROOT",
  ],
  [
    "a trust root that is too long",
    { "r.json": new Uint8Array((4 << 20) + 1) },
    { trustRoots: { r: { file: "r.json", sha256: hex } } },
    "CTXPACK_E_CONFIG",
  ],
])("%s", async (_, files, change, code) => {
  const dir = folder({
    ...files,
    "policy.json": written({ rules: [{ require: [{ signers: ["alice"] }] }], ...change }),
  });
  await expect(readPolicy(join(dir, "policy.json"))).rejects.toMatchObject({
    code,
    message: expect.stringContaining(dir),
  });
});

it("no policy, one that is a folder, one that leads nowhere", async () => {
  const dir = folder({});
  mkdirSync(join(dir, "folder"));
  symlinkSync("loop", join(dir, "loop"));
  await expect(readPolicy(join(dir, "none.json"))).rejects.toMatchObject({
    code: "CTXPACK_E_PATH_NOT_FOUND",
  });
  await expect(readPolicy(join(dir, "folder"))).rejects.toThrow(/is not a regular file/);
  await expect(readPolicy(join(dir, "loop"))).rejects.toMatchObject({
    code: "CTXPACK_E_PATH_NOT_FOUND",
  });
});

it("an aborted one throws the reason", async () => {
  const dir = folder({ "policy.json": written({}) });
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(readPolicy(join(dir, "policy.json"), { signal })).rejects.toThrow("enough");
  await expect(loadPolicy(await policy(), { signal })).rejects.toThrow("enough");
});
