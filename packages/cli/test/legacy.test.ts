// A pack of the first prototype through the real program: it can be read, and is a result for nobody.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CONTRACT, goodLayer, pushLegacy, TAG, URI } from "../../client/test/legacy/pantry.ts";
import { cleanUp, result, run, scratch } from "./run.ts";

cleanUp();

const LINE = "v0 pack of the first prototype: read only\n";

async function pantry(): Promise<string> {
  const cwd = scratch();
  await pushLegacy(join(cwd, "pantry"), goodLayer());
  return cwd;
}

const from = ["--from", "oci:pantry"];

test("pull --to copies it; without --to it says why not", async () => {
  const cwd = await pantry();
  const pulled = await run(["pull", URI, ...from, "--to", "out"], { cwd });
  expect(pulled).toMatchObject({ code: 0, stdout: `${join(cwd, "out")}\n` });
  expect(pulled.stderr).toMatch(
    /v0 pack of the first prototype: read only\nnot verified: no policy\npulled 1 blob, .* from oci:pantry in /,
  );
  expect(readFileSync(join(cwd, "out/latest"), "utf8")).toBe("alpha\n");
  const bare = await run(["pull", URI, ...from], { cwd });
  expect(bare).toMatchObject({ code: 2, stdout: "" });
  expect(bare.stderr).toContain("hint: --to DIR copies its files");
  const json = await result(["pull", URI, ...from, "--to", "again", "--json"], { cwd });
  expect(JSON.parse(json)).toMatchObject({
    schemaVersion: 1,
    profile: "v0",
    uri: URI,
    path: join(cwd, "again"),
    files: 5,
    bytes: { fetched: goodLayer().length, existing: 0 },
    verified: "no policy",
  });
  await result(["pull", URI, ...from, "--to", "part", "--only", "text/**"], { cwd });
  expect(readdirSync(join(cwd, "part"))).toEqual(["text"]);
  expect(await result(["ls"], { cwd })).toBe("");
});

test("inspect, ls and cat", async () => {
  const cwd = await pantry();
  const text = await run(["inspect", URI, ...from], { cwd });
  expect(text.stderr).toContain(LINE);
  expect(text.stdout).toContain("profile   v0");
  expect(text.stdout).toContain('"chunk_size": 512');
  expect(text.stdout).toContain('"host": "mac"');
  const json = JSON.parse(await result(["inspect", URI, ...from, "--json"], { cwd }));
  expect(json).toMatchObject({ profile: "v0", contract: JSON.parse(CONTRACT), files: 5 });
  const list = await run(["ls", URI, ...from, "--plain"], { cwd });
  expect(list.stderr).toContain(LINE);
  const rows = list.stdout.trimEnd().split("\n");
  expect(rows.map((row) => row.split("\t").slice(0, 3).join(" "))).toEqual([
    "file 6 again.txt",
    "file 8 grüße/straße.txt",
    "link  latest",
    expect.stringMatching(/^file \d+ manifest\.json$/),
    "file 10 run.sh",
    "file 6 text/a.txt",
    "dir  text/empty",
  ]);
  const read = await run(["cat", URI, "grüße/straße.txt", ...from], { cwd });
  expect(read).toMatchObject({ code: 0, stdout: "grüße\n" });
  expect(read.stderr).toContain(LINE);
  expect((await run(["cat", URI, "nothing", ...from], { cwd })).code).toBe(2);
});

test("exists is 3 with a note; push, tag, diff and inputs refuse", async () => {
  const cwd = await pantry();
  const env = { CTXPACK_REGISTRY: "oci:pantry" };
  const asked = await run(["exists", URI], { cwd, env });
  expect(asked).toMatchObject({ code: 3, stdout: "" });
  expect(asked.stderr).toContain("a v0 pack of the first prototype is in oci:pantry");
  const contract = { inputs: [{ name: "a", pack: URI }], transforms: [{ tool: "t" }] };
  writeFileSync(join(cwd, "c.json"), JSON.stringify(contract));
  for (const args of [
    ["push", URI],
    ["tag", URI, "nightly"],
    ["diff", URI, URI],
    ["id", "c.json"],
    ["cp", "oci:pantry", "oci:other", URI],
  ]) {
    const refused = await run(args, { cwd, env });
    expect(refused, args.join(" ")).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr, args.join(" ")).toContain("v0 pack of the first prototype");
  }
  for (const short of [TAG, TAG.slice(0, 6)]) {
    expect((await run(["pull", short, "--to", "x"], { cwd, env })).code).toBe(3);
  }
  expect(existsSync(join(cwd, "x"))).toBe(false);
});

test("a tag that promises what the contract does not keep is exit 5, and nothing stays", async () => {
  const cwd = scratch();
  const other = `${URI.slice(0, -1)}6`;
  mkdirSync(join(cwd, "pantry"));
  await pushLegacy(join(cwd, "pantry"), goodLayer());
  for (const args of [
    ["pull", other, "--to", "out"],
    ["inspect", other],
    ["ls", other],
  ]) {
    const refused = await run([...args, ...from], { cwd });
    expect(refused).toMatchObject({ code: 5, stdout: "" });
    expect(refused.stderr).toContain("is of another pack");
  }
  expect(readdirSync(cwd).sort()).toEqual(["pantry", "store"]);
});
