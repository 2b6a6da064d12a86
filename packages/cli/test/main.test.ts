import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, finish, result, run, scratch, start } from "./run.ts";

cleanUp();

/** Runs a command and says what it loaded: Node's own modules by name, others by path. */
async function loadedBy(args: readonly string[], cwd: string) {
  const preload = join(scratch(), "preload.cjs");
  const list = join(scratch(), "list");
  const names = "[...process.moduleLoadList, ...Object.keys(require.cache)].join('\\n')";
  writeFileSync(
    preload,
    `process.on("exit", () => require("fs").writeFileSync(${JSON.stringify(list)}, ${names}));`,
  );
  const done = await run(args, { cwd, env: { NODE_OPTIONS: `--require=${preload}` } });
  return { ...done, loaded: readFileSync(list, "utf8") };
}

/** What costs a millisecond or more to load and is of no use to who only looks something up. */
const COSTLY = /^NativeModule (crypto|zlib|net|tls|http|perf_hooks|worker_threads|sqlite)$/m;

test("--version prints the package's version and loads nothing of the library", async () => {
  const cwd = scratch();
  const manifest = readFileSync(join(import.meta.dirname, "../package.json"), "utf8");
  const done = await loadedBy(["--version"], cwd);
  expect(done).toMatchObject({ code: 0, stdout: `${JSON.parse(manifest).version}\n` });
  expect(done.loaded).not.toMatch(COSTLY);
  expect(readdirSync(cwd)).toEqual([]);
});

test("a pull that finds everything in the store starts as quickly as that", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/a.txt"), "a");
  writeFileSync(join(cwd, "contract.json"), '{"transforms":[{"tool":"t"}]}');
  const uri = await result(["seed", "out", "--contract", "contract.json"], { cwd });
  const first = await loadedBy(["pull", uri], cwd);
  expect(first.loaded).toMatch(/^NativeModule crypto$/m);
  const hit = await loadedBy(["pull", uri], cwd);
  expect(hit.stdout).toBe(first.stdout);
  expect(hit.stderr).toMatch(/^in the store: 1 file, 1 B, [0-9.]+ s\n$/);
  expect(hit.loaded).not.toMatch(COSTLY);
  const json = (await run(["pull", uri, "--json"], { cwd })).stdout;
  expect(json).toBe((await run(["pull", uri, "--json", "--verify"], { cwd })).stdout);
});

test("an old Node gets one line and exit code 2", () => {
  const bin = join(import.meta.dirname, "../bin");
  const folder = scratch();
  const file = join(folder, "ctxpack.cjs");
  writeFileSync(file, readFileSync(join(bin, "ctxpack.cjs")));
  const start = readFileSync(join(bin, "start.cjs"), "utf8");
  writeFileSync(join(folder, "start.cjs"), start.replace("process.versions.node", '"20.20.2"'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, "id"], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^ctxpack needs Node\.js 24\.15 or later.*\n$/);
});

test.for([
  [[], /^Compute once, pull by URI\.\n\n {2}ctxpack init/],
  [["--help"], /^Compute once, pull by URI\./],
  [["help", "pull"], /^ {2}ctxpack pull ctx:/],
  [["pull", "--help"], /^ {2}ctxpack pull ctx:/],
  [["cache", "path", "-h"], /^ {2}ctxpack cache path/],
] as const)("help goes to stdout: %j", async ([args, expected]) => {
  const done = await run(args, { cwd: scratch() });
  expect(done).toMatchObject({ code: 0, stderr: "" });
  expect(done.stdout).toMatch(expected);
});

test.for([
  [["psuh"], 'error: unknown command "psuh"\nhint: did you mean ctxpack push?\n'],
  [["bananas"], 'error: unknown command "bananas"\nhint: ctxpack --help lists the commands\n'],
  [["cache"], 'error: unknown command "cache"\nhint: did you mean ctxpack cache path?\n'],
  [["--to"], "error: unknown flag --to\nhint: the command comes first\n"],
  [["pull", "--form", "x"], "error: unknown flag --form\nhint: did you mean --from?\n"],
  [
    ["pull"],
    "error: an argument is missing\nhint: usage: ctxpack pull <uri> [--from PANTRY] [--only GLOB]… [--to DIR]\n",
  ],
  [["rm", "a", "b"], 'error: "b" is one argument too many\nhint: usage: ctxpack rm <uri>\n'],
  [["seed", "x"], "error: --contract is missing\nhint: write --contract FILE\n"],
  [
    ["ls", "--timeout", "soon"],
    'error: "soon" is no duration\nhint: write a number and a unit, from 1ms to 500h: 30s, 5m, 1h\n',
  ],
  [
    ["pull", "12345"],
    'error: "12345" names no pack\nhint: a URI has 64 hex digits, a short one at least 6\n',
  ],
  [
    ["pull", "ctx://x"],
    'error: "ctx://x" names no pack\nhint: write ctx://sha256:<hex>, its first digits, a contract file, or a tag as oci:DIR:TAG\n',
  ],
  [
    ["diff", "nothing", "nothing"],
    'error: "nothing" is no contract file and no pack\nhint: name a contract file, ctx://sha256:<hex>, its first digits, or a tag as oci:DIR:TAG\n',
  ],
  [
    ["exists", "0".repeat(64), "--from", "oci:p:tag"],
    "error: a pantry has no tag, and here is one: tag\nhint: ctxpack tag gives a pack a name; ctxpack pull takes one in place of a URI: oci:DIR:TAG, host/repository:TAG\n",
  ],
  [["id", "c.json", "--profile", "v9"], 'error: there is no profile "v9"\nhint: v0\n'],
] as const)("usage: %j", async ([args, stderr]) => {
  const done = await run(args, { cwd: scratch() });
  expect(done).toMatchObject({ code: 2, stdout: "", stderr });
});

test("--json tells an error on stdout too, wherever the flag stands", async () => {
  const done = await run(["psuh", "--json"], { cwd: scratch() });
  expect(done.code).toBe(2);
  expect(JSON.parse(done.stdout)).toEqual({
    schemaVersion: 1,
    error: {
      code: "CTXPACK_E_USAGE",
      message: 'unknown command "psuh"',
      hint: "did you mean ctxpack push?",
      details: {},
    },
  });
});

test("a reader that stops reading is no error", async () => {
  const cwd = scratch();
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/big"), new Uint8Array(3_000_000));
  await result(["init"], { cwd });
  mkdirSync(join(cwd, "docs"));
  writeFileSync(join(cwd, "docs/a"), "a");
  const uri = await result(["seed", "out", "--contract", "contract.yaml"], { cwd });
  const child = start(["cat", uri, "big"], { cwd });
  child.stdout?.once("data", () => child.stdout?.destroy());
  const { code, stderr } = await finish(child);
  expect(stderr).toBe("");
  expect(code).toBe(0);
});

test("cache path is where CTXPACK_CACHE_DIR says, and asking makes nothing", async () => {
  const cwd = scratch();
  expect(await result(["cache", "path"], { cwd })).toBe(join(cwd, "store"));
  const env = { CTXPACK_CACHE_DIR: "", XDG_CACHE_HOME: join(cwd, "xdg") };
  expect(await result(["cache", "path"], { cwd, env })).toBe(join(cwd, "xdg/ctxpack"));
  expect(readdirSync(cwd)).toEqual([]);
});
