import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKey } from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import { expect, it } from "vitest";
import { policyOfSigners } from "../../src/trust/given-signers.ts";

it.each([
  [
    ["ci-2.pub", "ci.pub"],
    ["ci-2", "ci"],
  ],
  [
    ["ci.pub", "ci.pem", "ci-2.pub"],
    ["ci", "ci-2", "ci-2-2"],
  ],
  [
    ["_.pub", "_a.pub", "key.pub"],
    ["key", "key-2", "key-3"],
  ],
  [["identity.pub"], ["identity-2"]],
])("%j: every key counts", async (files, names) => {
  using scratch = scratchFolder();
  for (const file of files) {
    writeFileSync(join(scratch.path, file), (await generateKey()).publicKey);
  }
  const mediaType = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
  writeFileSync(join(scratch.path, "root.json"), JSON.stringify({ mediaType }));
  const given = { keys: files, identity: "a", issuer: "https://b", trustedRoot: "root.json" };
  const policy = await policyOfSigners(given, scratch.path, new AbortController().signal);
  const { signers, rules } = JSON.parse(policy?.text ?? "");
  expect(Object.keys(signers)).toEqual([...names, "identity"]);
  expect(rules[0].require).toEqual([{ signers: [...names, "identity"] }]);
  const keys = names.map((name) => signers[name].publicKey);
  expect(new Set(keys).size).toBe(files.length);
});
