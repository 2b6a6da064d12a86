import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CtxPack, type OpenOptions } from "@ctxpack/client";
import { removeReadOnly, startFaultRegistry } from "@ctxpack/test-tools";
import { expect, onTestFinished, test } from "vitest";

async function project() {
  const cwd = mkdtempSync(join(tmpdir(), "ctxpack-status-"));
  onTestFinished(() => removeReadOnly(cwd));
  const write = (file: string, contract: object): void => {
    mkdirSync(join(cwd, file, ".."), { recursive: true });
    writeFileSync(join(cwd, file), JSON.stringify(contract));
  };
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/a"), "a");
  const open = async (options: OpenOptions = {}) => {
    const ctx = await CtxPack.open({
      cwd,
      env: { HOME: cwd },
      cacheDir: join(cwd, ".store"),
      ...options,
    });
    onTestFinished(() => ctx[Symbol.asyncDispose]());
    return ctx;
  };
  return { cwd, write, open, ctx: await open() };
}

const contract = (name: string, n: number) => ({
  name,
  transforms: [{ tool: name, params: { n } }],
});

test("each contract of a project: fresh, remote, stale and why, never built, unknown", async () => {
  const { cwd, write, open, ctx } = await project();
  for (const name of ["fresh", "stale", "remote"]) {
    write(`${name}/contract.json`, contract(name, 1));
    await ctx.seed("out", { contract: `${name}/contract.json` });
  }
  const { uri } = await ctx.uri("remote/contract.json");
  await ctx.push(uri, { to: "oci:pantry" });
  await ctx.remove(uri);
  write("stale/contract.json", contract("stale", 2));
  write("new/sub.contract.yaml", contract("new", 1));
  write("unknown.contract.yml", {
    inputs: [{ name: "x", path: "gone" }],
    transforms: [{ tool: "t" }],
  });
  // None of the project's own.
  write("node_modules/p/contract.json", contract("foreign", 1));
  write(".git/contract.json", contract("foreign", 1));
  write(".store/contract.json", contract("foreign", 1));
  write("acontract.json", contract("foreign", 1));
  symlinkSync(join(cwd, "fresh"), join(cwd, "link"));
  const asked = await open({ pantries: ["oci:pantry", "oci:nothing"] });
  const { contracts, fresh } = await asked.status();
  expect(fresh).toBe(false);
  expect(contracts).toMatchObject([
    { file: "fresh/contract.json", state: "fresh", pantries: { has: [], failed: [] } },
    { file: "new/sub.contract.yaml", state: "never built" },
    { file: "remote/contract.json", state: "remote", pantries: { has: ["oci:pantry"] } },
    {
      file: "stale/contract.json",
      state: "stale",
      name: "stale",
      explanation: {
        nearest: { name: "stale" },
        differences: [{ pointer: "/transforms/0/params/n", before: 1, after: 2 }],
      },
    },
    { file: "unknown.contract.yml", state: "unknown", error: { code: "CTXPACK_E_PATH_NOT_FOUND" } },
  ]);
  const some = await asked.status({
    contracts: ["fresh/contract.json", join(cwd, "remote/contract.json")],
  });
  expect(some.fresh).toBe(true);
  expect(some.contracts.map(({ state }) => state)).toEqual(["fresh", "remote"]);
});

test("what was built under another name at the same place is stale, not never built", async () => {
  const { cwd, write, ctx } = await project();
  write("contract.json", { ...contract("one", 1), outputs: [{ path: "out" }] });
  await ctx.seed("out", { contract: "contract.json" });
  write("contract.json", { ...contract("two", 1), outputs: [{ path: "out" }] });
  expect((await ctx.status()).contracts).toMatchObject([
    { state: "stale", explanation: { differences: [{ pointer: "/transforms/0/tool" }] } },
  ]);
  write("contract.json", { ...contract("two", 1), outputs: [{ path: "elsewhere" }] });
  expect((await ctx.status()).contracts).toMatchObject([{ state: "never built" }]);
  rmSync(join(cwd, "contract.json"));
  expect(await ctx.status()).toEqual({ contracts: [], fresh: true });
});

test("a pantry that is down is said so, and asked once", async () => {
  const { write, open } = await project();
  for (let i = 0; i < 4; i++) write(`${i}.contract.json`, contract("c", i));
  const server = await startFaultRegistry();
  const { host } = server;
  await server[Symbol.asyncDispose]();
  const warnings: string[] = [];
  const pantries = [`${host}/acme/packs`];
  const ctx = await open({ pantries, warn: (text) => void warnings.push(text) });
  const { contracts } = await ctx.status();
  expect(contracts.map((one) => one.pantries)).toEqual(
    contracts.map(() => ({ has: [], failed: pantries })),
  );
  expect(warnings).toHaveLength(1);
});

test("a contract of a map is one: fresh after it, stale when a file has changed", async () => {
  const { cwd, write, ctx } = await project();
  mkdirSync(join(cwd, "docs"));
  writeFileSync(join(cwd, "docs/a.txt"), "a");
  writeFileSync(join(cwd, "words"), "w");
  const input = { name: "docs", path: "docs" };
  const more = { name: "words", path: "words" };
  const command = ["sh", "-c", 'cat "$0" "$1" > "$2"', "{in}", "{in:words}", "{out}"];
  const map = (name: string, inputs: object[]) => ({
    name,
    inputs,
    command: inputs.length > 1 ? command : ["cp", "{in}", "{out}"],
    transforms: [{ tool: name }],
    outputs: [{ path: `${name}/{path}` }],
  });
  write("one.contract.json", map("one", [input]));
  write("two.contract.json", map("two", [input, more]));
  for (const contract of ["one.contract.json", "two.contract.json"]) {
    for await (const _ of ctx.map("docs", { contract }));
  }
  const states = async () => (await ctx.status()).contracts.map(({ state }) => state);
  expect(await states()).toEqual(["fresh", "fresh"]);
  writeFileSync(join(cwd, "docs/a.txt"), "b");
  expect(await states()).toEqual(["stale", "stale"]);
  const [first] = (await ctx.status()).contracts;
  expect(first?.explanation?.differences).toMatchObject([
    { pointer: "/inputs/docs/digest", files: { changed: ["a.txt"] } },
  ]);
  expect((await ctx.why("one.contract.json")).explanation?.differences).toHaveLength(1);
  // Which of the two is mapped, the contract does not say: it is taken for one of `run`.
  write("two.contract.json", { ...map("two", [input, more]), command: ["cp", "{in}", "{out}"] });
  const { command: _, ...none } = map("one", [input]);
  write("one.contract.json", none);
  expect((await ctx.status()).contracts).toMatchObject([
    { state: "unknown", error: { code: "CTXPACK_E_UNSUPPORTED" } },
    { state: "stale" },
  ]);
});
