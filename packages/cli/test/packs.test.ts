// The main job through the real program: contract, seed, push, pull, and what one asks about packs.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, finish, result, run, scratch, start } from "./run.ts";

cleanUp();

/** A project with an input, a contract and an output that has folders, links, modes and Unicode in it. */
function project(chunk = 512): string {
  const cwd = scratch();
  mkdirSync(join(cwd, "docs"));
  writeFileSync(join(cwd, "docs/a.md"), "# a\n");
  writeFileSync(
    join(cwd, "contract.json"),
    JSON.stringify({
      name: "handbook",
      inputs: [{ name: "docs", path: "docs" }],
      transforms: [{ tool: "split", params: { chunk } }],
    }),
  );
  mkdirSync(join(cwd, "out/text/empty"), { recursive: true });
  writeFileSync(join(cwd, "out/index.bin"), new Uint8Array(700_000).fill(7));
  writeFileSync(join(cwd, "out/text/straße — 日本.txt"), "grüße\n");
  writeFileSync(join(cwd, "out/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("text/straße — 日本.txt", join(cwd, "out/latest"));
  return cwd;
}

async function seeded(chunk?: number): Promise<{ cwd: string; uri: string }> {
  const cwd = project(chunk);
  return { cwd, uri: await result(["seed", "out", "--contract", "contract.json"], { cwd }) };
}

const elsewhere = (cwd: string) => ({ cwd, env: { CTXPACK_CACHE_DIR: join(cwd, "store-b") } });

test("seed prints the URI of its contract, and nothing else on stdout", async () => {
  const cwd = project();
  const done = await run(["seed", "out", "--contract", "contract.json"], { cwd });
  expect(done.code).toBe(0);
  expect(done.stdout).toBe(`${await result(["id", "contract.json"], { cwd })}\n`);
  expect(done.stderr).toMatch(/^seeded 3 files, 700 kB in .* s: 2 new segments of 2, .* stored\n$/);
  const again = await run(["seed", "out", "--contract", "contract.json"], { cwd });
  expect(again.stdout).toBe(done.stdout);
  expect(again.stderr).toBe("already in the store: 3 files, 700 kB\n");
});

test("id --explain prints exactly the bytes whose digest the URI is", async () => {
  const cwd = project();
  const uri = await result(["id", "contract.json"], { cwd });
  const { bytes } = await run(["id", "contract.json", "--explain"], { cwd });
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  expect(`ctx://sha256:${Buffer.from(digest).toString("hex")}`).toBe(uri);
  writeFileSync(join(cwd, "resolved.json"), bytes);
  expect(await result(["id", "resolved.json"], { cwd })).toBe(uri);
});

test("push and pull: another store has the same tree", async () => {
  const { cwd, uri } = await seeded();
  const pushed = await run(["push", uri, "--to", "oci:./pantry"], { cwd });
  expect(pushed.code).toBe(0);
  expect(pushed.stdout).toMatch(/^oci:\.\/pantry@sha256:[0-9a-f]{64}\n$/);
  const pulled = await run(["pull", uri, "--from", "oci:./pantry"], elsewhere(cwd));
  expect(pulled).toMatchObject({ code: 0 });
  expect(pulled.stderr).toMatch(
    /^not verified: no policy\npulled \d+ blobs, .* from oci:\.\/pantry in /,
  );
  const path = pulled.stdout.trimEnd();
  expect(readFileSync(join(path, "text/straße — 日本.txt"), "utf8")).toBe("grüße\n");
  expect(readFileSync(join(path, "latest"), "utf8")).toBe("grüße\n");
  expect(readdirSync(join(path, "text")).sort()).toEqual(["empty", "straße — 日本.txt"]);
  expect(statSync(join(path, "run.sh")).mode & 0o777).toBe(0o555);
  const again = await run(["pull", uri], elsewhere(cwd));
  expect(again.stdout).toBe(pulled.stdout);
  expect(again.stderr).toMatch(/^in the store: 3 files, 700 kB/);
});

test("a second push has nothing to do", async () => {
  const { cwd, uri } = await seeded();
  const first = await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const again = await run(["push", uri, "--to", "oci:pantry"], { cwd });
  expect(again).toMatchObject({
    code: 0,
    stdout: `${first}\n`,
    stderr: "oci:pantry has it already\n",
  });
});

test("a push heals a pantry that has lost a blob", async () => {
  const { cwd, uri } = await seeded();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const { size } = statSync(join(cwd, "pantry/index.json"));
  const lost = readdirSync(join(cwd, "pantry/blobs/sha256"))
    .map((name) => join(cwd, "pantry/blobs/sha256", name))
    .sort((a, b) => statSync(a).size - statSync(b).size)[0] as string;
  rmSync(lost);
  expect((await run(["pull", uri, "--from", "oci:pantry"], elsewhere(cwd))).code).not.toBe(0);
  const again = await run(["push", uri, "--to", "oci:pantry"], { cwd });
  expect(again.stderr).toMatch(/^pushed 1 blob, /);
  expect(statSync(join(cwd, "pantry/index.json")).size).toBe(size);
  expect((await run(["pull", uri, "--from", "oci:pantry"], elsewhere(cwd))).code).toBe(0);
});

test("pull --to copies into a folder of one's own, --only what matches", async () => {
  const { cwd, uri } = await seeded();
  expect(await result(["pull", uri, "--to", "copy"], { cwd })).toBe(join(cwd, "copy"));
  writeFileSync(join(cwd, "copy/run.sh"), "mine");
  expect(statSync(join(cwd, "copy/index.bin")).mode & 0o200).toBe(0o200);
  await result(["pull", uri, "--to", "part", "--only", "text/**"], { cwd });
  expect(readdirSync(join(cwd, "part"))).toEqual(["text"]);
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const partly = elsewhere(cwd);
  const path = await result(["pull", uri, "--from", "oci:pantry", "--only", "*.sh"], partly);
  expect(readdirSync(path)).toEqual(["run.sh"]);
  expect((await run(["exists", uri], partly)).code).toBe(3);
  expect(await result(["ls"], partly)).toMatch(/partial/);
  const whole = await result(["pull", uri, "--from", "oci:pantry"], partly);
  expect(readdirSync(whole).sort()).toEqual(["index.bin", "latest", "run.sh", "text"]);
});

test("cat prints a file's bytes, through links, from the store and from a pantry", async () => {
  const { cwd, uri } = await seeded();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  expect((await run(["cat", uri, "latest"], { cwd })).stdout).toBe("grüße\n");
  const remote = elsewhere(cwd);
  expect((await run(["cat", uri, "latest", "--from", "oci:pantry"], remote)).stdout).toBe(
    "grüße\n",
  );
  const { bytes } = await run(["cat", uri, "index.bin", "--from", "oci:pantry"], remote);
  expect(Buffer.compare(bytes, readFileSync(join(cwd, "out/index.bin")))).toBe(0);
  const absent = await run(["cat", uri, "nothing", "--from", "oci:pantry"], remote);
  expect(absent).toMatchObject({ code: 2, stdout: "" });
});

test("inspect and ls show what made a pack and what it holds, here and in a pantry", async () => {
  const { cwd, uri } = await seeded();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const here = await result(["inspect", uri], { cwd });
  expect(here).toContain(`uri       ${uri}`);
  expect(here).toContain("name      handbook");
  expect(here).toContain("content   3 files, 700 kB");
  expect(here).toContain('"tool": "split"');
  const there = await result(["inspect", uri, "--from", "oci:pantry", "--json"], elsewhere(cwd));
  expect(JSON.parse(there)).toMatchObject({
    schemaVersion: 1,
    uri,
    where: "oci:pantry",
    files: 3,
    segments: 2,
    contract: { schema: "ctxpack.contract/v1" },
  });
  const files = await result(["ls", uri, "--plain"], { cwd });
  expect(files.split("\n").map((line) => line.split("\t").slice(0, 3))).toEqual([
    ["file", "700000", "index.bin"],
    ["link", "", "latest"],
    ["file", "10", "run.sh"],
    ["dir", "", "text/empty"],
    ["file", "8", "text/straße — 日本.txt"],
  ]);
});

test("exists: 0 and the places, or 3 and nothing", async () => {
  const { cwd, uri } = await seeded();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const env = { CTXPACK_REGISTRY: "oci:pantry" };
  expect(await result(["exists", uri], { cwd, env })).toBe("store\noci:pantry");
  const other = uri.replace(/.{6}$/, "000000");
  const miss = await run(["exists", other, "--json"], { cwd, env });
  expect(miss.code).toBe(3);
  expect(JSON.parse(miss.stdout)).toEqual({
    schemaVersion: 1,
    uri: other,
    exists: false,
    where: [],
    looked: ["store", "oci:pantry"],
  });
});

test("short URIs: any unique prefix of six digits or more, with or without ctx:// and sha256:", async () => {
  const { cwd, uri } = await seeded();
  const hex = uri.slice("ctx://sha256:".length);
  for (const text of [
    hex.slice(0, 6),
    `sha256:${hex.slice(0, 9)}`,
    `ctx://sha256:${hex.slice(0, 30)}`,
  ]) {
    expect(await result(["exists", text], { cwd })).toBe("store");
  }
  expect((await run(["exists", "000000"], { cwd })).code).toBe(3);
});

test("a channel is a tag that moves, and a pack can be pulled by it", async () => {
  const { cwd, uri } = await seeded();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  expect(await result(["tag", uri, "nightly", "--to", "oci:pantry"], { cwd })).toBe(
    "oci:pantry:nightly",
  );
  const pulled = await result(["pull", "oci:pantry:nightly", "--json"], elsewhere(cwd));
  expect(JSON.parse(pulled)).toMatchObject({ uri, source: "oci:pantry" });
  const bad = await run(["tag", uri, "ctx-nightly", "--to", "oci:pantry"], { cwd });
  expect(bad).toMatchObject({ code: 2 });
});

test("rm, pin and unpin", async () => {
  const { cwd, uri } = await seeded();
  expect(await result(["pin", uri], { cwd })).toBe(uri);
  expect(await result(["ls"], { cwd })).toMatch(/pinned/);
  await result(["unpin", uri], { cwd });
  expect(await result(["ls"], { cwd })).not.toMatch(/pinned/);
  expect(await result(["rm", uri], { cwd })).toBe(uri);
  expect((await run(["exists", uri], { cwd })).code).toBe(3);
  expect((await run(["rm", uri], { cwd })).code).toBe(3);
});

test("diff names the fields and, with --outputs, the files", async () => {
  const { cwd, uri } = await seeded();
  writeFileSync(
    join(cwd, "contract.json"),
    readFileSync(join(cwd, "contract.json"), "utf8").replace("512", "256"),
  );
  expect(await result(["diff", uri, "contract.json"], { cwd })).toBe(
    "~ /transforms/0/params/chunk  512 → 256",
  );
  expect((await run(["diff", uri, "contract.json", "--exit-code"], { cwd })).code).toBe(1);
  expect((await run(["diff", uri, uri, "--exit-code"], { cwd })).code).toBe(0);
  writeFileSync(join(cwd, "out/run.sh"), "#!/bin/bash\n", { mode: 0o755 });
  writeFileSync(join(cwd, "out/new"), "");
  const other = await result(["seed", "out", "--contract", "contract.json"], { cwd });
  const both = await result(["diff", uri, other, "--outputs", "--json"], { cwd });
  expect(JSON.parse(both)).toMatchObject({
    schemaVersion: 1,
    different: true,
    outputs: [
      { path: "new", kind: "added" },
      { path: "run.sh", kind: "changed" },
    ],
  });
});

test("cp: through an archive file onto another machine", async () => {
  const { cwd, uri } = await seeded();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  await result(["tag", uri, "nightly", "--to", "oci:pantry"], { cwd });
  await result(["cp", "oci:pantry", "oci-archive:packs.tar", "--all"], { cwd });
  await result(["cp", "oci-archive:packs.tar", "oci:other", uri], { cwd });
  const remote = elsewhere(cwd);
  expect(await result(["exists", uri, "--from", "oci:other"], remote)).toBe("oci:other");
  await result(["pull", uri, "--from", "oci-archive:packs.tar"], remote);
  expect(await result(["exists", "oci-archive:packs.tar:nightly"], remote)).toContain("store");
  const twice = await run(["cp", "oci:pantry", "oci-archive:packs.tar", "--all"], { cwd });
  expect(twice).toMatchObject({ code: 2 });
  const unsaid = await run(["cp", "oci:pantry", "oci:other"], { cwd });
  expect(unsaid).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("nothing says which packs"),
  });
});

test("another output of the same contract is a conflict, in the store and in a pantry", async () => {
  const { cwd, uri } = await seeded();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  writeFileSync(join(cwd, "out/run.sh"), "#!/bin/bash\n", { mode: 0o755 });
  const store = await run(["seed", "out", "--contract", "contract.json"], { cwd });
  expect(store).toMatchObject({ code: 8, stdout: "" });
  expect(store.stderr).toContain("run.sh");
  await result(["seed", "out", "--contract", "contract.json", "--replace"], { cwd });
  const pantry = await run(["push", uri, "--to", "oci:pantry", "--json"], { cwd });
  expect(pantry.code).toBe(8);
  expect(JSON.parse(pantry.stdout)).toMatchObject({
    error: {
      code: "CTXPACK_E_CONFLICT",
      details: { differences: 1, outputs: [{ path: "run.sh", kind: "changed" }] },
    },
  });
  await result(["push", uri, "--to", "oci:pantry", "--replace"], { cwd });
  const index = JSON.parse(readFileSync(join(cwd, "pantry/index.json"), "utf8"));
  const tags = index.manifests.map(
    (m: { annotations?: Record<string, string> }) =>
      m.annotations?.["org.opencontainers.image.ref.name"],
  );
  const hex = uri.slice("ctx://sha256:".length);
  expect(tags.filter(Boolean).sort()).toEqual([
    `ctx-${hex}`,
    expect.stringMatching(new RegExp(`^ctx-${hex}-[0-9a-f]{12}$`)),
  ]);
});

test("four seeds of one output at the same time give one pack", async () => {
  const cwd = project();
  const children = [1, 2, 3, 4].map(() =>
    start(["seed", "out", "--contract", "contract.json"], { cwd }),
  );
  const done = await Promise.all(children.map(finish));
  expect(done.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0]);
  expect(new Set(done.map(({ stdout }) => stdout)).size).toBe(1);
  const packs = JSON.parse(await result(["ls", "--json"], { cwd })).packs;
  expect(packs).toHaveLength(1);
});

test("a pack input has the identity of the folder it pulls to", async () => {
  const { cwd, uri } = await seeded();
  const contract = (input: object) =>
    JSON.stringify({ inputs: [{ name: "chunks", ...input }], transforms: [{ tool: "embed" }] });
  writeFileSync(join(cwd, "by-pack.json"), contract({ pack: uri }));
  writeFileSync(join(cwd, "by-path.json"), contract({ path: "out" }));
  const byPack = await result(["id", "by-pack.json"], { cwd });
  expect(byPack).toBe(await result(["id", "by-path.json"], { cwd }));
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const env = { CTXPACK_CACHE_DIR: join(cwd, "store-c"), CTXPACK_REGISTRY: "oci:pantry" };
  expect(await result(["id", "by-pack.json"], { cwd, env })).toBe(byPack);
});

test("init writes a contract that works, and never over one that is there", async () => {
  const cwd = scratch();
  expect(await result(["init"], { cwd })).toBe("contract.yaml");
  mkdirSync(join(cwd, "docs"));
  writeFileSync(join(cwd, "docs/a.md"), "a");
  expect(await result(["id", "contract.yaml"], { cwd })).toMatch(/^ctx:\/\/sha256:[0-9a-f]{64}$/);
  expect((await run(["init"], { cwd })).code).toBe(2);
  expect((await run(["init", "--force"], { cwd })).code).toBe(0);
});

test("the prototype's published contract has the prototype's URI", async () => {
  const cwd = scratch();
  writeFileSync(
    join(cwd, "c.json"),
    '{"dataset":"SEC_10K_CORPUS_2025","model":"text-embedding-3-large","tool":"vision-ocr","tool_version":"2.1","params":{"chunk_size":512,"strategy":"semantic","dpi":300}}',
  );
  expect(await result(["id", "c.json", "--profile", "v0"], { cwd })).toBe(
    "ctx://sha256:32f300048d8dd5a2c88f24d45a3d849503fda3507de626cd3b080e445edf3855",
  );
  expect(existsSync(join(cwd, "store"))).toBe(false);
});
