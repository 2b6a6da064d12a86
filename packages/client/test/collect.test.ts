import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import {
  bytesSource,
  describeBytes,
  EMPTY_DESCRIPTOR,
  IMAGE_MANIFEST_TYPE,
  OciLayout,
  type Target,
} from "@ctxpack/oci";
import { Registry } from "@ctxpack/oci/remote";
import { missingProgram, scratchFolder, startDockerRegistry } from "@ctxpack/test-tools";
import { describe, expect, test } from "vitest";

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A pantry to fill, and the same place as an OCI target. */
interface Place {
  readonly address: string;
  readonly target: Target;
}

async function seeded(ctx: CtxPack, root: string, name: string, text = name): Promise<string> {
  const dir = join(root, "out", name + text);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "file.txt"), text.repeat(1000));
  const contract = join(root, `${name}.json`);
  writeFileSync(contract, JSON.stringify({ name, transforms: [{ tool: name }] }));
  const { record } = await ctx.seed(dir, { contract, replace: true });
  return record.uri;
}

async function attach(target: Target, manifest: string, note: string) {
  const subject = await target.resolve(manifest);
  const { mediaType, digest, size } = EMPTY_DESCRIPTOR;
  await target.push(EMPTY_DESCRIPTOR, bytesSource(new TextEncoder().encode("{}")));
  const bytes = encode({
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST_TYPE,
    artifactType: "application/vnd.example.proof",
    config: { mediaType, digest, size },
    layers: [],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: { note },
  });
  const d = describeBytes(IMAGE_MANIFEST_TYPE, bytes);
  await target.push(d, bytesSource(bytes));
  return d;
}

async function open(root: string): Promise<CtxPack> {
  const env = { HOME: root, CTXPACK_CACHE_DIR: join(root, "store") };
  return CtxPack.open({ env, cwd: root });
}

async function scenario({ address, target }: Place, root: string): Promise<void> {
  await using ctx = await open(root);
  const push = async (name: string, text?: string): Promise<string> => {
    const uri = await seeded(ctx, root, name, text);
    await ctx.push(uri, { to: address, replace: true });
    return uri;
  };
  const [free, proven, channel, pinned] = [
    await push("free"),
    await push("proven"),
    await push("channel"),
    await push("pinned"),
  ];
  await push("twice", "one");
  const twice = await push("twice", "two");
  await ctx.tag(channel, "nightly", { to: address });
  await ctx.pin(pinned);
  const tagOf = (uri: string): string => `ctx-${uri.slice("ctx://sha256:".length)}`;
  const proof = await attach(target, tagOf(proven), "1");
  const proofOfProof = await attach(target, proof.digest, "2");
  const keptProof = await attach(target, tagOf(channel), "3");

  const dry = await ctx.collect(address);
  expect(dry).toMatchObject({ applied: false });
  expect(new Set(dry.found.map(({ uri }) => uri))).toEqual(new Set([free, proven, twice]));
  expect(dry.found.every(({ state }) => state === "can go")).toBe(true);
  const withProofs = dry.found.find(({ uri }) => uri === proven)?.manifests.slice(0, 2);
  expect(withProofs).toEqual([proofOfProof.digest, proof.digest]);
  expect(dry.bytes).toBeGreaterThan(0);

  // A channel that comes in between saves a pack; only what was asked for goes.
  const one = await ctx.collect(address, { apply: true, packs: [free] });
  expect(one.found.map(({ uri, state }) => [uri, state])).toEqual([[free, "removed"]]);
  expect((await ctx.exists(proven, { from: address })).where).toEqual([address]);
  await ctx.tag(twice, "late", { to: address });
  const rest = await ctx.collect(address, { apply: true });
  expect(rest.found.map(({ uri, state }) => [uri, state])).toEqual([[proven, "removed"]]);
  for (const gone of [proof.digest, proofOfProof.digest, tagOf(proven), tagOf(free)]) {
    await expect(target.resolve(gone)).rejects.toMatchObject({ code: "CTXPACK_E_NOT_FOUND" });
  }
  expect((await ctx.collect(address)).found).toEqual([]);

  // What stays is whole, proofs and the alternate too.
  await target.resolve(keptProof.digest);
  await using other = await open(join(root, "other"));
  for (const uri of [channel, pinned, twice]) await other.pull(uri, { from: address });
  await ctx.collect(address, { apply: true, packs: [free] });
}

test("gc of a directory", async () => {
  using root = scratchFolder();
  mkdirSync(join(root.path, "other"));
  const target = await OciLayout.open(join(root.path, "pantry"), { create: true });
  await scenario({ address: `oci:${join(root.path, "pantry")}`, target }, root.path);
});

describe.skipIf(missingProgram("docker-registry"))("a registry", () => {
  test("gc of one that deletes", async () => {
    using root = scratchFolder();
    mkdirSync(join(root.path, "other"));
    await using server = await startDockerRegistry();
    await using registry = new Registry(server.host);
    const target = registry.repository("acme/packs");
    await scenario({ address: `${server.host}/acme/packs`, target }, root.path);
  });

  test("gc of one that does not says what is to be deleted", async () => {
    using root = scratchFolder();
    await using server = await startDockerRegistry({ delete: false });
    await using ctx = await open(root.path);
    const address = `${server.host}/acme/packs`;
    const uri = await seeded(ctx, root.path, "free");
    const { manifest } = await ctx.push(uri, { to: address });
    const result = await ctx.collect(address, { apply: true });
    expect(result.refusal).toContain("the registry does not delete");
    expect(result.found).toMatchObject([{ uri, state: "refused", manifests: [manifest] }]);
    expect((await ctx.exists(uri, { from: address })).where).toEqual([address]);
  });
});
