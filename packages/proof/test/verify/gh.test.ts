// GitHub's own command verifies our keyless bundles, where a version that has `attestation` is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createStatement, PROVENANCE_TYPE, signStatement } from "@ctxpack/proof";
import { missingProgram, scratchFolder } from "@ctxpack/test-tools";
import { expect, it, onTestFinished } from "vitest";
import { IDENTITY, ISSUER, startAuthorities } from "./authorities.ts";

/** What Fulcio says of a workflow: issuer, workflow, and the repository's owner. gh asks for all of them. */
const EXTENSIONS = {
  8: ISSUER,
  9: IDENTITY,
  16: "https://github.com/acme",
};

/** Whether gh is missing, or is one of before attestations; says so. */
function missingAttestation(): boolean {
  if (missingProgram("gh")) return true;
  const missing = spawnSync("gh", ["attestation", "--help"]).status !== 0;
  if (missing) console.warn("skipped: this gh has no `attestation` (2.49 and later have)");
  return missing;
}

it.skipIf(missingAttestation())("gh attestation verify", async () => {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  const file = (name: string, text: string): string => {
    writeFileSync(join(scratch.path, name), text);
    return join(scratch.path, name);
  };
  const services = await startAuthorities();
  const manifest = `{"schemaVersion":2}`;
  const sign = async (subject: string) => {
    const { bytes } = await signStatement(
      createStatement({
        subject: {
          name: "ghcr.io/acme/packs",
          digest: `sha256:${createHash("sha256").update(subject).digest("hex")}`,
        },
        predicateType: PROVENANCE_TYPE,
        predicate: { buildDefinition: {}, runDetails: {} },
      }),
      {
        signer: await services.certificateSigner({ extensions: EXTENSIONS }),
        witnesses: [services.log, services.timestamps],
      },
    );
    return Buffer.from(bytes).toString();
  };
  const verify = async (bundle: string, owner = "acme") =>
    spawnSync(
      "gh",
      [
        ...["attestation", "verify", file("manifest.json", manifest), "--owner", owner],
        ...["--bundle", file("bundle.json", bundle), "--predicate-type", PROVENANCE_TYPE],
        ...["--custom-trusted-root", file("roots.jsonl", `${JSON.stringify(services.rootJson)}\n`)],
      ],
      { encoding: "utf8", env: { ...process.env, GH_CONFIG_DIR: scratch.path, GH_TOKEN: "none" } },
    );
  const bundle = await sign(manifest);
  const done = await verify(bundle);
  expect(done.status, done.stderr).toBe(0);
  for (const wrong of [await verify(bundle, "others"), await verify(await sign("another"))]) {
    expect(wrong.status, wrong.stdout).not.toBe(0);
  }
});
