// Several machines at one pantry: real processes, each with a store of its own.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, finish, result, run, scratch, start } from "./run.ts";

cleanUp();

const machine = (cwd: string, name: string) => ({
  cwd,
  env: { CTXPACK_CACHE_DIR: join(cwd, `store-${name}`) },
});

/** One contract; each machine computed the output that `content` gives. */
async function machines(content: (name: string) => string): Promise<{ cwd: string; uri: string }> {
  const cwd = scratch();
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  let uri = "";
  for (const name of ["a", "b", "c"]) {
    mkdirSync(join(cwd, `out-${name}`));
    writeFileSync(join(cwd, `out-${name}/result`), content(name));
    writeFileSync(join(cwd, `out-${name}/same`), "same");
    uri = await result(["seed", `out-${name}`, "--contract", "c.json"], machine(cwd, name));
  }
  return { cwd, uri };
}

async function pushAtOnce(cwd: string, uri: string) {
  const children = ["a", "b", "c"].map((name) =>
    start(["push", uri, "--to", "oci:pantry"], machine(cwd, name)),
  );
  return await Promise.all(children.map(finish));
}

function tagsOf(cwd: string): string[] {
  const index = JSON.parse(readFileSync(join(cwd, "pantry/index.json"), "utf8"));
  return index.manifests
    .map((m: { annotations?: object }) => Object.values(m.annotations ?? {})[0])
    .filter((tag: unknown) => typeof tag === "string" && tag !== "");
}

test("the same output pushed by three at once: all succeed, one manifest", async () => {
  const { cwd, uri } = await machines(() => "equal");
  const done = await pushAtOnce(cwd, uri);
  expect(done.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(new Set(done.map(({ stdout }) => stdout)).size).toBe(1);
  expect(tagsOf(cwd)).toHaveLength(1);
});

test("three outputs of one contract pushed at once: one wins, the others are told which files differ", async () => {
  const { cwd, uri } = await machines((name) => name);
  const done = await pushAtOnce(cwd, uri);
  expect(done.map(({ code }) => code).sort()).toEqual([0, 8, 8]);
  for (const { code, stderr } of done) {
    if (code === 8) {
      expect(stderr).toContain(
        `oci:pantry holds another output of ${uri}: result (changed: byte 0)\n`,
      );
    }
  }
  const winner = ["a", "b", "c"][done.findIndex(({ code }) => code === 0)];
  const path = await result(["pull", uri, "--from", "oci:pantry"], machine(cwd, "d"));
  expect(readFileSync(join(path, "result"), "utf8")).toBe(winner);
});

test("--replace by three at once: nothing is lost, each output has a tag", async () => {
  const { cwd, uri } = await machines((name) => name);
  const children = ["a", "b", "c"].map((name) =>
    start(["push", uri, "--to", "oci:pantry", "--replace"], machine(cwd, name)),
  );
  const done = await Promise.all(children.map(finish));
  expect(done.map(({ code }) => code)).toEqual([0, 0, 0]);
  const tags = tagsOf(cwd);
  expect(tags).toHaveLength(3);
  const contents = new Set<string>();
  for (const tag of tags) {
    const store = machine(cwd, tag.slice(-14));
    const path = await result(["pull", `oci:pantry:${tag}`], store);
    contents.add(readFileSync(join(path, "result"), "utf8"));
  }
  expect([...contents].sort()).toEqual(["a", "b", "c"]);
});

test("three pulls into one empty store at once", async () => {
  const { cwd, uri } = await machines(() => "equal");
  await result(["push", uri, "--to", "oci:pantry"], machine(cwd, "a"));
  const children = [1, 2, 3].map(() =>
    start(["pull", uri, "--from", "oci:pantry"], machine(cwd, "new")),
  );
  const done = await Promise.all(children.map(finish));
  expect(done.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0]);
  expect(new Set(done.map(({ stdout }) => stdout)).size).toBe(1);
  expect(readdirSync((done[0]?.stdout ?? "").trimEnd()).sort()).toEqual(["result", "same"]);
});

test("a configured pantry that is gone is passed over with a warning", async () => {
  const { cwd, uri } = await machines(() => "equal");
  await result(["push", uri, "--to", "oci:pantry"], machine(cwd, "a"));
  const pantries = ["oci:./gone", { name: "team", address: "oci:./pantry" }];
  writeFileSync(join(cwd, "ctxpack.config.json"), JSON.stringify({ pantries }));
  const pulled = await run(["pull", uri], machine(cwd, "new"));
  expect(pulled.code).toBe(0);
  expect(pulled.stderr).toMatch(/^warning: a pantry was passed over: .*gone/);
  const named = await run(["exists", uri, "--from", "team"], machine(cwd, "other"));
  expect(named).toMatchObject({ code: 0, stdout: "oci:./pantry\n", stderr: "" });
  const other = uri.replace(/.{6}$/, "000000");
  expect((await run(["pull", other], machine(cwd, "new"))).code).toBe(3);
});
