// Programs and libraries that others wrote read what we sign.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseBundle, preAuthEncoding, signStatement } from "@ctxpack/proof";
import { missingProgram, scratchFolder } from "@ctxpack/test-tools";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { describe, expect, it, onTestFinished } from "vitest";
import { changed, jsonOf, type TestKey, testKey, testStatement } from "../fixture.ts";

/** Files with a signature of ours: what was signed, the signature, the public key. */
async function signedFiles(key: TestKey, altered = false) {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  const { bytes } = await signStatement(testStatement(), { signer: key.signer });
  const { content } = parseBundle(bytes);
  if (content.kind !== "envelope") throw new Error("no envelope");
  const { payloadType, payload, signature } = content.envelope;
  const pae = preAuthEncoding(payloadType, payload);
  if (altered) pae[pae.length - 1] = 0;
  const file = (name: string, content: string | Uint8Array) => {
    const path = join(scratch.path, name);
    writeFileSync(path, content);
    return path;
  };
  return {
    message: file("message", pae),
    signature: file("signature", signature),
    publicKey: file("k.pub", key.publicPem),
  };
}

function run(program: string, args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", input });
  return { status, output: `${stdout}${stderr}` };
}

describe.skipIf(missingProgram("openssl"))("openssl", () => {
  it.each([false, true])("verifies ECDSA (altered: %s)", async (altered) => {
    const { message, signature, publicKey } = await signedFiles(await testKey(), altered);
    const args = ["dgst", "-sha256", "-verify", publicKey, "-signature", signature, message];
    const { status, output } = run("openssl", args);
    expect(output).toContain(altered ? "Verification failure" : "Verified OK");
    expect(status === 0).toBe(!altered);
  });

  it.each(["ecdsa-p256", "ed25519"] as const)("verifies %s with pkeyutl", async (algorithm) => {
    const files = await signedFiles(await testKey("k", algorithm));
    const digest = algorithm === "ed25519" ? [] : ["-digest", "sha256"];
    const { status, output } = run("openssl", [
      ...["pkeyutl", "-verify", "-rawin", ...digest, "-pubin", "-inkey", files.publicKey],
      ...["-sigfile", files.signature, "-in", files.message],
    ]);
    expect(output).toContain("Signature Verified Successfully");
    expect(status).toBe(0);
  });
});

describe.skipIf(missingProgram("ssh-keygen"))("ssh-keygen", () => {
  it.each(["ecdsa-p256", "ed25519"] as const)(
    "has the same fingerprint of %s",
    async (algorithm) => {
      const key = await testKey("k", algorithm);
      const { publicKey } = await signedFiles(key);
      const converted = run("ssh-keygen", ["-i", "-m", "PKCS8", "-f", publicKey]);
      // OpenSSH converts no Ed25519 key from SPKI: its own line is put together here.
      const line = algorithm === "ed25519" ? sshLine(key) : converted.output;
      const { status, output } = run("ssh-keygen", ["-lf", "-"], line);
      expect(output.split(" ")[1]).toBe(key.keyId);
      expect(status).toBe(0);
    },
  );

  function sshLine({ publicKey }: TestKey): string {
    const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    const prefix = Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x20", "latin1");
    return `ssh-ed25519 ${Buffer.concat([prefix, raw]).toString("base64")}\n`;
  }
});

/** Whether Python has the library; says so when not. */
function missingCryptography(): boolean {
  if (missingProgram("python3")) return true;
  const missing = run("python3", ["-c", "import cryptography"]).status !== 0;
  if (missing) console.warn("skipped: needs Python's cryptography");
  return missing;
}

describe.skipIf(missingCryptography())("Python's cryptography", () => {
  const program = `
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
key_file, signature_file, message_file = sys.argv[1:]
key = serialization.load_pem_public_key(open(key_file, "rb").read())
signature, message = open(signature_file, "rb").read(), open(message_file, "rb").read()
if isinstance(key, ed25519.Ed25519PublicKey):
    key.verify(signature, message)
else:
    key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
print("verified")
`;

  it.each([
    ["ecdsa-p256", false],
    ["ecdsa-p256", true],
    ["ed25519", false],
    ["ed25519", true],
  ] as const)("verifies %s (altered: %s)", async (algorithm, altered) => {
    const files = await signedFiles(await testKey("k", algorithm), altered);
    const args = ["-c", program, files.publicKey, files.signature, files.message];
    const { status, output } = run("python3", args);
    expect(output).toContain(altered ? "InvalidSignature" : "verified");
    expect(status === 0).toBe(!altered);
  });
});

describe("@sigstore/verify", () => {
  const nothing = { mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1" };

  function verify(bytes: Uint8Array, key: TestKey): void {
    const material = toTrustMaterial(TrustedRoot.fromJSON(nothing), (hint) => {
      if (hint !== key.keyId) throw new Error(`asked for ${hint}`);
      return { publicKey: key.publicKey, validFor: () => true };
    });
    const none = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
    new Verifier(material, none).verify(toSignedEntity(bundleFromJSON(jsonOf(bytes))));
  }

  it.each(["ecdsa-p256", "ed25519"] as const)("verifies our bundles with %s", async (algorithm) => {
    const key = await testKey("k", algorithm);
    const { bytes } = await signStatement(testStatement(), { signer: key.signer });
    verify(bytes, key);
    const altered = changed(bytes, (json) => {
      json.dsseEnvelope.payload = Buffer.from("{}").toString("base64");
    });
    expect(() => verify(altered, key)).toThrow("signature verification failed");
  });
});

it("names the key as cosign and go-securesystemslib look it up", async () => {
  const key = await testKey();
  const { bytes } = await signStatement(testStatement(), { signer: key.signer });
  // The OpenSSH wire format, put together another way: the point is the end of the SPKI.
  const point = key.publicKey.export({ type: "spki", format: "der" }).subarray(-65);
  const wire = Buffer.concat([
    Buffer.from("\0\0\0\x13ecdsa-sha2-nistp256\0\0\0\x08nistp256\0\0\0\x41", "latin1"),
    point,
  ]);
  const fingerprint = createHash("sha256").update(wire).digest("base64").replace("=", "");
  expect(jsonOf(bytes).dsseEnvelope.signatures[0]?.keyid).toBe(`SHA256:${fingerprint}`);
});
