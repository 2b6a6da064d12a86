// The outputs of other contracts as inputs: whose are taken (DESIGN §8), and that they are the ones that were hashed.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack, type OpenOptions } from "@ctxpack/client";
import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import { scratchFolder } from "@ctxpack/test-tools";
import { beforeEach, expect, onTestFinished, test } from "vitest";

let cwd: string;
beforeEach(() => {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  cwd = scratch.path;
});

async function open(cacheDir: string, more: OpenOptions = {}): Promise<CtxPack> {
  const env = { HOME: cwd, PATH: process.env["PATH"] };
  const ctx = await CtxPack.open({ cwd, env, cacheDir, ...more });
  onTestFinished(() => ctx[Symbol.asyncDispose]());
  return ctx;
}

/** Pushes an output of the first stage to a pantry of this name. */
async function pushed(pantry: string, content: string): Promise<CtxUri> {
  mkdirSync(join(cwd, `made-${pantry}`));
  writeFileSync(join(cwd, `made-${pantry}/data`), content);
  const ctx = await open(`store-${pantry}`);
  const contract = { transforms: [{ tool: "first" }] };
  const { record } = await ctx.seed(`made-${pantry}`, { contract });
  await ctx.push(record.uri, { to: `oci:${pantry}` });
  return record.uri;
}

/** A second stage that copies what the first one made. */
const stage = (pack: CtxUri) => ({
  inputs: [{ name: "first", pack }],
  command: ["sh", "-c", 'mkdir "$1"; cat "$0"/* > "$1/copy"', "{in:first}", "{out}"],
  transforms: [{ tool: "second" }],
  outputs: [{ path: "out/" }],
});

const copied = (): string => readFileSync(join(cwd, "out/copy"), "utf8");

const noLonger = { code: "CTXPACK_E_TREE", message: expect.stringContaining("was replaced") };

test("a pantry that nobody vouches for gives no input, until the user says so", async () => {
  const pack = await pushed("theirs", "fake");
  // A folder that a project's file names may have come with a clone.
  writeFileSync(join(cwd, "ctxpack.config.json"), '{"pantries":["oci:theirs"]}');
  const ctx = await open("store");
  const refused = {
    code: "CTXPACK_E_NOT_FOUND",
    message: expect.stringContaining(
      `${pack} is in oci:theirs only, and nobody vouches for what is there`,
    ),
    hint: expect.stringContaining(`ctxpack pull ${pack} --from oci:theirs`),
  };
  await expect(ctx.run({ contract: stage(pack) })).rejects.toMatchObject(refused);
  // A pin says which output it would be; it is not fetched for that.
  const { resolved } = await (await open("store-theirs")).uri(stage(pack));
  const [{ digest = "" } = {}] = resolved.inputs as readonly { digest?: string }[];
  const pinned = { name: "first", pack, digest: digest as `dirHash1:${string}` };
  await expect(ctx.run({ contract: { ...stage(pack), inputs: [pinned] } })).rejects.toMatchObject(
    refused,
  );
  for (const input of ["first", "other"]) {
    mkdirSync(join(cwd, "docs"), { recursive: true });
    writeFileSync(join(cwd, "docs/a"), "a");
    const { command: _, outputs: __, ...base } = stage(pack);
    const inputs = [...base.inputs, { name: "other", path: "docs" }];
    const command = ["cp", "{in}", "{out}"];
    const run = ctx.map(input, { contract: { ...base, inputs }, out: "mapped/{path}", command });
    await expect(run.result()).rejects.toMatchObject(refused);
  }
  expect(await ctx.exists(pack)).toMatchObject({ where: ["oci:theirs"] });
  expect(existsSync(join(cwd, "out"))).toBe(false);
  await ctx.pull(pack, { from: "oci:theirs" });
  await ctx.run({ contract: stage(pack) });
  expect(copied()).toBe("fake");
});

test("the next pantry is asked, and one that a policy accepts, or that is the user's own, gives it", async () => {
  const pack = await pushed("theirs", "fake");
  await pushed("ours", "good");
  writeFileSync(join(cwd, "ctxpack.config.json"), '{"pantries":["oci:theirs", "oci:ours"]}');
  mkdirSync(join(cwd, ".config/ctxpack"), { recursive: true });
  const own = JSON.stringify({ pantries: [`oci:${join(cwd, "ours")}`] });
  writeFileSync(join(cwd, ".config/ctxpack/config.json"), own);
  await (await open("store")).run({ contract: stage(pack) });
  expect(copied()).toBe("good");
  const accepting = await open("other", { accept: async () => {} });
  await accepting.run({ contract: stage(pack) });
  expect(copied()).toBe("fake");
  const refusal = new CtxPackError("CTXPACK_E_POLICY", "no proof");
  const refusing = await open("third", { accept: () => Promise.reject(refusal) });
  await expect(refusing.run({ contract: stage(pack) })).rejects.toMatchObject({
    code: "CTXPACK_E_POLICY",
    message: expect.stringContaining("no proof"),
  });
});

test("an output that is replaced in the pantry after it was hashed is not used", async () => {
  const pack = await pushed("pantry", "first");
  await pushed("later", "second");
  const ctx = await open("store", { pantries: ["oci:pantry"] });
  const onEvent = (): void => {
    renameSync(join(cwd, "pantry"), join(cwd, "before"));
    renameSync(join(cwd, "later"), join(cwd, "pantry"));
  };
  await expect(ctx.run({ contract: stage(pack), onEvent })).rejects.toMatchObject({
    ...noLonger,
    details: { name: "first", uri: pack },
  });
  expect(existsSync(join(cwd, "out"))).toBe(false);
  // The store has the later one now, and that is what is hashed.
  await ctx.run({ contract: stage(pack) });
  expect(copied()).toBe("second");
});

test("nor one that the store replaces while it is computed; what is not selected may change", async () => {
  const pack = await pushed("pantry", "first");
  await pushed("later", "second");
  const ctx = await open("store", { pantries: ["oci:pantry"] });
  const replace = async (dir: string): Promise<void> => {
    writeFileSync(join(dir, "made"), "of the first");
    await ctx.remove(pack);
    await ctx.pull(pack, { from: "oci:later" });
  };
  await ctx.pull(pack);
  const { command: _, outputs: __, ...contract } = stage(pack);
  const work = ctx.getOrCompute(contract, replace);
  await expect(work).rejects.toMatchObject(noLonger);
  const same = { ...contract, inputs: [{ name: "first", pack, exclude: ["data"] }] };
  await ctx.remove(pack);
  await ctx.pull(pack, { from: "oci:pantry" });
  expect(await ctx.getOrCompute(same, replace)).toMatchObject({ hit: false });
});

test("a map looks at its other inputs before each commit", async () => {
  const pack = await pushed("pantry", "first");
  await pushed("later", "second");
  const ctx = await open("store", { pantries: ["oci:pantry"] });
  await ctx.pull(pack);
  mkdirSync(join(cwd, "docs"));
  for (const name of ["a", "b"]) writeFileSync(join(cwd, "docs", name), name);
  const { command: _, outputs: __, ...base } = stage(pack);
  const contract = { ...base, inputs: [...base.inputs, { name: "docs", path: "docs" }] };
  let items = 0;
  const compute = async (input: string, output: string): Promise<void> => {
    writeFileSync(output, readFileSync(input));
    if (++items < 2) return;
    await ctx.remove(pack);
    await ctx.pull(pack, { from: "oci:later" });
  };
  const run = ctx.map("docs", { contract, compute, parallel: 1, out: "mapped/{path}" });
  await expect(run.result()).rejects.toMatchObject({ ...noLonger, details: { child: {} } });
  expect(items).toBe(2);
});
