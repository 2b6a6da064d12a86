// Every exit code with a real cause; 6 has tests of its own (proof/). 70 is a bug.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "./run.ts";

cleanUp();

const UNKNOWN = `ctx://sha256:${"0".repeat(64)}`;

/** A folder with a contract and an output, seeded and pushed. */
async function pushed(): Promise<{ cwd: string; uri: string; b: Record<string, string> }> {
  const cwd = scratch();
  mkdirSync(join(cwd, "out"));
  writeFileSync(
    join(cwd, "out/data"),
    new Uint8Array(300_000).map((_, i) => (i * i) >> 3),
  );
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  const uri = await result(["seed", "out", "--contract", "c.json"], { cwd });
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  return { cwd, uri, b: { CTXPACK_CACHE_DIR: join(cwd, "b") } };
}

/** The blob of the pack's first segment, in a store or pantry. */
function segment(root: string): string {
  const blobs = join(root, "blobs/sha256");
  const largest = readdirSync(blobs)
    .map((name) => join(blobs, name))
    .sort((a, b) => statSync(b).size - statSync(a).size)[0];
  return largest as string;
}

function flipByte(file: string): void {
  const bytes = readFileSync(file);
  bytes[100] = (bytes[100] as number) ^ 1;
  chmodSync(file, 0o644);
  writeFileSync(file, bytes);
}

test("2: an invalid contract, naming file, line, column and place", async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, "c.json"), '{"transforms": [\n  {"tool": "x", "parms": {}}]}');
  const done = await run(["id", "c.json"], { cwd });
  expect(done).toMatchObject({ code: 2, stdout: "" });
  expect(done.stderr).toMatch(/^error: c\.json:2:\d+: .*parms/);
});

test("2: a path that does not exist", async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  expect(await run(["id", "nothing.json"], { cwd })).toMatchObject({
    code: 2,
    stderr: "error: nothing.json: no such contract file\n",
  });
  expect(await run(["seed", "nothing", "--contract", "c.json"], { cwd })).toMatchObject({
    code: 2,
    stderr:
      "error: there is no folder nothing\nhint: seed takes the folder that your pipeline wrote\n",
  });
  expect(await run(["seed", "c.json", "--contract", "c.json"], { cwd })).toMatchObject({
    code: 2,
    stderr: "error: c.json is not a folder\nhint: seed takes a folder; put the file into one\n",
  });
  expect(await run(["pull", UNKNOWN, "--from", "oci:nowhere"], { cwd })).toMatchObject({ code: 2 });
});

test("2: a secret in a contract, without its value; --allow-secret is the way round", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "out"));
  const secret = `ghp_${"x1".repeat(18)}`;
  const contract = { transforms: [{ tool: "t", params: { note: secret } }] };
  writeFileSync(join(cwd, "c.json"), JSON.stringify(contract));
  const done = await run(["seed", "out", "--contract", "c.json", "--json"], { cwd });
  expect(done.code).toBe(2);
  expect(done.stdout + done.stderr).toContain("/transforms/0/params/note");
  expect(done.stdout + done.stderr).not.toContain(secret);
  const allow = ["--allow-secret", "/transforms/0/params/note"];
  const uri = await result(["seed", "out", "--contract", "c.json", ...allow], { cwd });
  expect(await run(["push", uri, "--to", "oci:p"], { cwd })).toMatchObject({ code: 2 });
  await result(["push", uri, "--to", "oci:p", ...allow], { cwd });
});

test("2: an output that is an input", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "docs"));
  writeFileSync(join(cwd, "docs/a"), "a");
  writeFileSync(
    join(cwd, "c.json"),
    '{"inputs":[{"name":"docs","path":"docs"}],"transforms":[{"tool":"t"}]}',
  );
  const done = await run(["seed", "docs", "--contract", "c.json"], { cwd });
  expect(done).toMatchObject({ code: 2, stdout: "" });
});

test("2: a configuration with a setting that does not exist", async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, "ctxpack.config.json"), '{"pantry": "oci:p"}');
  const done = await run(["ls"], { cwd });
  expect(done).toMatchObject({ code: 2, stdout: "" });
  expect(done.stderr).toBe(
    `error: ${cwd}/ctxpack.config.json: /pantry is no setting\nhint: there are: $schema, cacheDir, concurrency, lock, offline, pantries, policy, registries, storeBudget\n`,
  );
});

test("2: a policy that is not there, a pack for gc of the store, numbers that are none", async () => {
  const cwd = scratch();
  for (const args of [[UNKNOWN], ["--older-than", "30"], ["--max-size", "much"]]) {
    expect(await run(["gc", ...args], { cwd })).toMatchObject({ code: 2, stdout: "" });
  }
  expect((await run(["gc", "--max-size", "1GB", "--pantry", "oci:p"], { cwd })).code).toBe(2);
  expect((await run(["ls", "--by", "name"], { cwd })).code).toBe(2);
  expect((await run(["ls", "--size", "--by", "age"], { cwd })).code).toBe(2);
  expect((await run(["pull", UNKNOWN, "-j", "0"], { cwd })).code).toBe(2);
  const policy = await run(["pull", UNKNOWN], { cwd, env: { CTXPACK_POLICY: "p.json" } });
  expect(policy).toMatchObject({ code: 2, stdout: "" });
});

test("3: no such pack, saying where was looked", async () => {
  const { cwd } = await pushed();
  const nowhere = await run(["pull", UNKNOWN], { cwd });
  expect(nowhere).toMatchObject({
    code: 3,
    stderr: `error: ${UNKNOWN} is not in the store\nhint: name a pantry that has it with --from, or compute and seed it\n`,
  });
  const configured = await run(["pull", UNKNOWN], { cwd, env: { CTXPACK_REGISTRY: "oci:pantry" } });
  expect(configured).toMatchObject({
    code: 3,
    stderr: `error: ${UNKNOWN} is not in the store, nor in oci:pantry\nhint: whoever computed it has to push it first\n`,
  });
  for (const args of [
    ["push", UNKNOWN, "--to", "oci:pantry"],
    ["inspect", UNKNOWN],
    ["rm", UNKNOWN],
    ["cat", UNKNOWN, "f"],
    ["ls", "abcdef"],
  ]) {
    expect(await run(args, { cwd })).toMatchObject({ code: 3, stdout: "" });
  }
});

test("4: a store that may not be written, and one that may be read", async (context) => {
  const { cwd, uri } = await pushed();
  const nobody = { uid: 65534, gid: 65534 };
  const { error, status } = spawnSync(process.execPath, ["--version"], nobody);
  if (process.getuid?.() !== 0 || error || status !== 0) {
    console.warn("skipped: needs root, to run as somebody who may not write");
    context.skip();
  }
  chmodSync(cwd, 0o755);
  const bin = join(import.meta.dirname, "../bin/ctxpack.cjs");
  const as = (args: string[]) =>
    spawnSync(process.execPath, [bin, ...args], {
      ...nobody,
      cwd,
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"],
        NODE_OPTIONS: process.env["NODE_OPTIONS"],
        HOME: cwd,
        CTXPACK_CACHE_DIR: join(cwd, "store"),
      },
    });
  const seed = as(["seed", "out", "--contract", "c.json", "--replace", "--name", "other"]);
  const fresh = as(["pull", uri, "--from", "oci:pantry", "--to", "copy"]);
  expect(fresh.status).toBe(4);
  expect(fresh.stderr).toContain(cwd);
  expect(seed.stdout === "" ? seed.status : 4).toBe(4);
  expect(as(["exists", uri])).toMatchObject({ status: 0, stdout: "store\n" });
  expect(as(["id", "c.json"])).toMatchObject({ status: 0, stdout: `${uri}\n` });
  expect(as(["cat", uri, "data"]).status).toBe(0);
});

test("5: a pantry whose bytes are not what they claim, and nothing is left behind", async () => {
  const { cwd, uri, b } = await pushed();
  flipByte(segment(join(cwd, "pantry")));
  const done = await run(["pull", uri, "--from", "oci:pantry"], { cwd, env: b });
  expect(done).toMatchObject({ code: 5, stdout: "" });
  expect(done.stderr).toMatch(/sha256:[0-9a-f]{64}/);
  expect((await run(["exists", uri], { cwd, env: b })).code).toBe(3);
});

test("a damaged store is healed from a pantry, and is 5 where no pantry has the pack", async () => {
  const { cwd, uri } = await pushed();
  const path = await result(["pull", uri], { cwd });
  flipByte(join(path, "data"));
  flipByte(segment(join(cwd, "store")));
  const damaged = await run(["pull", uri, "--verify"], { cwd });
  expect(damaged).toMatchObject({ code: 5, stdout: "" });
  const healed = await run(["pull", uri, "--verify", "--from", "oci:pantry"], { cwd });
  expect(healed.code).toBe(0);
  const there = join(healed.stdout.trimEnd(), "data");
  expect(readFileSync(there)).toEqual(readFileSync(join(cwd, "out/data")));
});

test("7: out of time, and a registry that must not be asked", async () => {
  const { cwd, uri } = await pushed();
  const elsewhere = { CTXPACK_CACHE_DIR: join(cwd, "elsewhere") };
  const args = ["pull", uri, "--from", "oci:pantry", "--timeout", "1ms"];
  const late = await run(args, { cwd, env: elsewhere });
  expect(late).toMatchObject({
    code: 7,
    stdout: "",
    stderr: "error: not done within 1ms\nhint: give a longer --timeout\n",
  });
  const env = { CTXPACK_OFFLINE: "1" };
  const offline = await run(["pull", UNKNOWN, "--from", "ghcr.io/acme/packs"], { cwd, env });
  expect(offline).toMatchObject({ code: 7, stdout: "" });
});

test("9: a pantry that somebody else keeps locked", async () => {
  const { cwd, uri } = await pushed();
  const lock = readdirSync(join(cwd, "pantry"), { recursive: true, encoding: "utf8" }).find(
    (name) => name.endsWith("lock"),
  );
  const holder = new DatabaseSync(join(cwd, "pantry", lock as string));
  holder.exec("BEGIN EXCLUSIVE");
  try {
    const done = await run(["tag", uri, "nightly", "--to", "oci:pantry"], { cwd });
    expect(done).toMatchObject({ code: 9, stdout: "" });
  } finally {
    holder.close();
  }
});

test("10: a disk that is full", async (context) => {
  const { cwd, uri } = await pushed();
  const full = join(cwd, "small");
  mkdirSync(full);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", full]).status !== 0) {
    console.warn("skipped: needs the right to mount a tmpfs");
    context.skip();
  }
  try {
    const env = { CTXPACK_CACHE_DIR: join(full, "store") };
    const done = await run(["pull", uri, "--from", "oci:pantry"], { cwd, env });
    expect(done).toMatchObject({ code: 10, stdout: "" });
  } finally {
    spawnSync("umount", [full]);
    rmSync(full, { recursive: true, force: true });
  }
});
