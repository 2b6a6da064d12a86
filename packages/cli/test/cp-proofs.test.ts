// `cp --proofs`: the layout that other programs verify without a registry.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { missingProgram } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { packed, published } from "./proof/published.ts";
import { cleanUp, result, run } from "./run.ts";

cleanUp();

async function signed(): Promise<{ cwd: string; uri: string }> {
  const { cwd, uri } = await packed();
  await result(["push", uri, "--to", "oci:pantry", "--attest", "--key", "k.pem"], { cwd });
  return { cwd, uri };
}

test("the manifest and its proofs, and none of the data", async () => {
  const { cwd, uri } = await signed();
  const done = await run(["cp", "oci:pantry", "oci:layout", uri, "--proofs", "--json"], { cwd });
  const { tags, blobs, bytes } = published("cp", done) as {
    tags: { manifest: string; uri: string }[];
    blobs: { sent: number };
    bytes: { sent: number };
  };
  expect(tags).toMatchObject([{ uri, action: "created" }]);
  const index = JSON.parse(readFileSync(join(cwd, "layout/index.json"), "utf8"));
  expect(index.manifests).toMatchObject([
    { digest: tags[0]?.manifest, annotations: { kind: "dev.cosignproject.cosign/image" } },
  ]);
  const folder = join(cwd, "layout/blobs/sha256");
  const sizes = readdirSync(folder).map((name) => readFileSync(join(folder, name)).length);
  expect(sizes).toHaveLength(blobs.sent);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(bytes.sent);
});

test("what cannot be copied so, and the exit code of each", async () => {
  const { cwd, uri } = await signed();
  await result(["push", uri, "--to", "oci:bare"], { cwd });
  const cases: [string[], number][] = [
    [["oci:pantry", "oci-archive:x.tar", uri], 2],
    [["oci:pantry", "oci:pantry", uri], 2],
    [["oci:pantry", "oci:layout"], 2],
    [["oci:pantry", "oci:layout", `ctx://sha256:${"0".repeat(64)}`], 3],
  ];
  for (const [args, code] of cases) {
    const done = await run(["cp", ...args, "--proofs", "--json"], { cwd });
    expect({ args, code: done.code }, done.stdout).toEqual({ args, code });
    published("error", done);
  }
  expect(existsSync(join(cwd, "layout"))).toBe(false);
});

test("a pack without proofs is refused: exit 6", async () => {
  const { cwd, uri } = await packed();
  await result(["push", uri, "--to", "oci:bare"], { cwd });
  const done = await run(["cp", "oci:bare", "oci:layout", uri, "--proofs"], { cwd });
  expect(done.code).toBe(6);
});

test.skipIf(missingProgram("cosign"))(
  "cosign verifies it by the key, and not by another",
  async () => {
    const { cwd, uri } = await signed();
    await result(["cp", "oci:pantry", "oci:layout", uri, "--proofs"], { cwd });
    await result(["keygen", "--out", "other.pem"], { cwd });
    const cosign = (key: string) => {
      const flags = ["--key", key, "--insecure-ignore-tlog=true", "--type", "slsaprovenance1"];
      const args = ["verify-attestation", "--local-image", "./layout", ...flags];
      return spawnSync("cosign", args, { cwd, encoding: "utf8", timeout: 60_000 });
    };
    const mine = cosign("k.pub");
    expect(mine.status, mine.stderr).toBe(0);
    expect(cosign("other.pub").status).not.toBe(0);
  },
);
