// The bundles of sigstore-conformance, which are not kept here: CTXPACK_CONFORMANCE_DIR is its test/assets/bundle-verify.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@ctxpack/identity";
import {
  type Attribution,
  parseBundle,
  parsePublicKey,
  parseTrustRoot,
  requireSubject,
  type TrustRoot,
  type VerifiedSigner,
  verifyBundle,
  verifyMessage,
} from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { publicGoodRoot } from "./public-good.ts";

const dir = process.env["CTXPACK_CONFORMANCE_DIR"];
if (dir === undefined) console.warn("skipped: needs CTXPACK_CONFORMANCE_DIR");

const ISSUER = "https://token.actions.githubusercontent.com";
const IDENTITY =
  "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";

/** A file of the case, or undefined. */
function optional(folder: string, name: string): Buffer | undefined {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file) : undefined;
}

/** What the suite asks of a verifier: signature, artifact, and who signed. Throws when one is not right. */
async function verify(folder: string): Promise<void> {
  const bundle = readFileSync(join(folder, "bundle.sigstore.json"));
  const key = optional(folder, "key.pub")?.toString();
  const root = optional(folder, "trusted_root.json");
  const trustRoots: readonly TrustRoot[] = [
    root === undefined ? publicGoodRoot() : parseTrustRoot("custom", root),
  ];
  const keys =
    key === undefined ? [] : [{ name: "key", publicKey: parsePublicKey(key, "key.pub") }];
  const artifact = optional(folder, "artifact") ?? readFileSync(join(folder, "..", "a.txt"));
  const { signer } = await verifyContent(bundle, artifact, { keys, trustRoots });
  if (key !== undefined) expect(signer.kind).toBe("key");
  else expectIdentity(signer, folder);
}

async function verifyContent(
  bundle: Buffer,
  artifact: Buffer,
  options: Parameters<typeof verifyBundle>[1],
): Promise<Attribution> {
  if (parseBundle(bundle).content.kind === "message") {
    return verifyMessage(bundle, artifact, options);
  }
  const verified = await verifyBundle(bundle, options);
  requireSubject(verified, sha256(artifact));
  return verified;
}

function expectIdentity(signer: VerifiedSigner, folder: string): void {
  const text = (name: string) => optional(folder, name)?.toString().trim();
  expect(signer).toMatchObject({
    kind: "certificate",
    identity: text("identity") ?? IDENTITY,
    issuer: text("issuer") ?? ISSUER,
  });
}

const cases =
  dir === undefined
    ? ["bundles"]
    : readdirSync(dir).filter((name) => statSync(join(dir, name)).isDirectory());

describe.skipIf(dir === undefined)("sigstore-conformance", () => {
  it("has the cases that are known", () => {
    expect(cases.length).toBeGreaterThanOrEqual(70);
  });

  it.each(cases)("%s", async (name) => {
    const verified = verify(join(dir ?? "", name));
    if (!name.endsWith("_fail")) return verified;
    const error = await verified.then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    if (process.env["CTXPACK_CONFORMANCE_SHOW"])
      console.info(`${name}: ${(error as { code?: string })?.code} ${error?.message}`);
    expect(error).toMatchObject({ code: expect.stringMatching(/^CTXPACK_E_(PROOF_|KEY_FILE$)/) });
  });
});
