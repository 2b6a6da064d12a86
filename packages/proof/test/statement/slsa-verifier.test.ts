// A verifier that we did not write reads our verification summaries, where it is installed.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingProgram, scratchFolder } from "@ctxpack/test-tools";
import { expect, it } from "vitest";
import {
  createStatement,
  generateKey,
  localSigner,
  SUMMARY_TYPE,
  signStatement,
  summaryPredicate,
  VERIFIER,
} from "../../src/index.ts";

const digest = `sha256:${"ab".repeat(32)}` as const;
const resourceUri = `oci://ghcr.io/acme/packs@${digest}`;

it.skipIf(missingProgram("slsa-verifier"))(
  "slsa-verifier verifies a summary, and refuses another key",
  async () => {
    using scratch = scratchFolder();
    const file = (name: string, text: string): string => {
      writeFileSync(join(scratch.path, name), text);
      return join(scratch.path, name);
    };
    const [own, other] = [await generateKey(), await generateKey()];
    const predicate = summaryPredicate({
      resourceUri,
      passed: true,
      timeVerified: new Date(),
      policy: { name: "policy.json", digest: `sha256:${"cd".repeat(32)}` },
      proofs: [{ digest: `sha256:${"ef".repeat(32)}` }],
      buildLevel: 1,
      versions: { ctxpack: "1.0.0" },
    });
    const subject = { name: "ghcr.io/acme/packs", digest };
    const statement = createStatement({ subject, predicateType: SUMMARY_TYPE, predicate });
    const signer = await localSigner({ pem: own.privateKey });
    const { bytes } = await signStatement(statement, { signer });
    const bundle = JSON.parse(Buffer.from(bytes).toString()) as { dsseEnvelope: object };
    const envelope = file("vsa.dsse.json", JSON.stringify(bundle.dsseEnvelope));
    const verify = (key: string, hex = digest.slice(7)) =>
      spawnSync("slsa-verifier", [
        "verify-vsa",
        ...["--attestation-path", envelope, "--subject-digest", `sha256:${hex}`],
        ...["--verifier-id", VERIFIER, "--resource-uri", resourceUri],
        ...["--verified-level", "SLSA_BUILD_LEVEL_1", "--public-key-path", key],
      ]);
    const done = verify(file("own.pub", own.publicKey));
    expect(done.status, String(done.stderr)).toBe(0);
    expect(verify(file("other.pub", other.publicKey)).status).not.toBe(0);
    expect(verify(file("own.pub", own.publicKey), "12".repeat(32)).status).not.toBe(0);
  },
);
