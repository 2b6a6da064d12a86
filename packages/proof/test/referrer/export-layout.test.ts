import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OciLayout } from "@ctxpack/oci";
import { attachBundle, exportLayout } from "@ctxpack/proof";
import {
  busyRenames,
  missingProgram,
  scratchFolder,
  startDockerRegistry,
} from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  attachAsCosign,
  BUNDLE_TYPE,
  digestOf,
  discover,
  faulty,
  open,
  plain,
  proofOf,
  pushManifest,
  pushPack,
  signingKey,
} from "./fixture.ts";

function place(): string {
  const folder = scratchFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  return folder.path;
}

it("holds the manifest and its proofs, and no data", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  const [mine, theirs] = [await proofOf(pack, "1"), await proofOf(pack, "2")];
  const attached = await attachBundle(repository, pack, mine);
  const byCosign = await attachAsCosign(repository, pack, theirs);
  await pushManifest(repository, { artifactType: BUNDLE_TYPE, subject: plain(pack) });
  const dir = join(place(), "layout");
  const { bundles, refused } = await exportLayout(repository, pack, dir);
  expect(bundles.map(({ digest }) => digest).sort()).toEqual([mine, theirs].map(digestOf).sort());
  expect(refused).toMatchObject([{ code: "CTXPACK_E_PROOF_BUNDLE" }]);
  expect(readdirSync(dir).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  expect(readFileSync(join(dir, "oci-layout"), "utf8")).toBe('{"imageLayoutVersion":"1.0.0"}');
  expect(JSON.parse(readFileSync(join(dir, "index.json"), "utf8"))).toEqual({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...plain(pack), annotations: { kind: "dev.cosignproject.cosign/image" } }],
  });
  const blobs = readdirSync(join(dir, "blobs", "sha256"));
  const empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  expect(blobs.sort()).toEqual(
    [
      ...[pack, attached, byCosign].map(({ digest }) => digest),
      ...[mine, theirs].map(digestOf),
      empty,
    ]
      .map((digest) => digest.replace("sha256:", ""))
      .sort(),
  );
  for (const name of blobs) {
    const bytes = readFileSync(join(dir, "blobs", "sha256", name));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(name);
  }
  // The way cosign goes: the manifest by its annotation, then every blob that refers to it.
  const referring = blobs.filter((name) => {
    const text = readFileSync(join(dir, "blobs", "sha256", name), "utf8");
    const { subject, layers } = JSON.parse(text) as {
      subject?: { digest: string };
      layers?: { mediaType: string }[];
    };
    return subject?.digest === pack.digest && layers?.[0]?.mediaType === BUNDLE_TYPE;
  });
  expect(referring).toHaveLength(2);
});

it("is a layout that others read", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  await attachBundle(repository, pack, await proofOf(pack));
  const dir = join(place(), "layout");
  mkdirSync(dir);
  await exportLayout(repository, pack, dir);
  const layout = await OciLayout.open(dir, { readOnly: true });
  expect(await layout.resolve(pack.digest)).toEqual(plain(pack));
});

it("waits on Windows for who looks at what was just written", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  await attachBundle(repository, pack, await proofOf(pack));
  const dir = join(place(), "layout");
  using busy = busyRenames();
  await exportLayout(repository, pack, dir);
  expect(busy.refused).toHaveLength(1);
  expect(readdirSync(dir).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
});

describe("is not written", () => {
  it("where something stands", async () => {
    const { repository } = await faulty();
    const pack = await pushPack(repository);
    await attachBundle(repository, pack, await proofOf(pack));
    const dir = place();
    writeFileSync(join(dir, "mine"), "");
    await expect(exportLayout(repository, pack, dir)).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
    });
    await expect(exportLayout(repository, pack, join(dir, "mine"))).rejects.toMatchObject({
      code: "CTXPACK_E_PERMISSION",
    });
    await expect(exportLayout(repository, pack, join(dir, "mine", "x"))).rejects.toMatchObject({
      code: "CTXPACK_E_PERMISSION",
    });
    expect(readdirSync(dir)).toEqual(["mine"]);
  });

  it("without proofs", async () => {
    const { repository } = await faulty();
    const pack = await pushPack(repository);
    const dir = place();
    await expect(exportLayout(repository, pack, join(dir, "x"))).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_MISSING",
      message: expect.stringMatching(/has no proofs to export/),
    });
    await pushManifest(repository, { artifactType: BUNDLE_TYPE, subject: plain(pack) });
    await expect(exportLayout(repository, pack, join(dir, "x"))).rejects.toThrow(
      /has no proofs that can be read: referrer sha256:/,
    );
    expect(readdirSync(dir)).toEqual([]);
  });

  it("when aborted", async () => {
    const { repository } = await faulty();
    const pack = await pushPack(repository);
    const dir = place();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(exportLayout(repository, pack, join(dir, "x"), { signal })).rejects.toThrow(
      "enough",
    );
    expect(readdirSync(dir)).toEqual([]);
  });
});

/** What a program says about a proof, by our public key and without any service. */
async function verifyWith(program: string, args: readonly string[]): Promise<string> {
  const key = join(place(), "key.pub");
  writeFileSync(key, (await signingKey()).publicPem);
  const offline = ["--key", key, "--insecure-ignore-tlog=true", "--type", "slsaprovenance1"];
  const run = spawnSync(program, [...args, ...offline], { encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  return run.stdout;
}

describe.skipIf(missingProgram("cosign"))("cosign", () => {
  it("verifies an exported layout without a registry", async () => {
    const { repository } = await faulty();
    const pack = await pushPack(repository);
    await attachBundle(repository, pack, await proofOf(pack));
    const dir = join(place(), "layout");
    await exportLayout(repository, pack, dir);
    await verifyWith("cosign", ["verify-attestation", "--local-image", dir]);
  });

  it("verifies what is attached in a registry, and what it attached is found", async () => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const repository = open(server.host);
    const pack = await pushPack(repository);
    await attachBundle(repository, pack, await proofOf(pack));
    const name = `${repository.address}@${pack.digest}`;
    await verifyWith("cosign", ["verify-attestation", "--allow-http-registry", name]);
    expect((await discover(repository, pack)).found).toHaveLength(1);
  });
});

describe.skipIf(missingProgram("oras", "docker-registry"))("oras", () => {
  it("lists what is attached", async () => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const repository = open(server.host);
    const pack = await pushPack(repository);
    const attached = await attachBundle(repository, pack, await proofOf(pack));
    const name = `${repository.address}@${pack.digest}`;
    const run = spawnSync("oras", ["discover", "--plain-http", "--format", "json", name], {
      encoding: "utf8",
    });
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toContain(attached.digest);
  });
});
