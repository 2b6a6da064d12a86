import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isClaimed, runsOf, until } from "../run/project.ts";
import { cleanUp, finish, result, run, scratch, start } from "../run.ts";

cleanUp();

/** A folder with `count` documents: `docs/000.txt` holds `0`. */
function documents(count: number): string {
  const cwd = scratch();
  mkdirSync(join(cwd, "docs"));
  for (let n = 0; n < count; n++) {
    writeFileSync(join(cwd, `docs/${String(n).padStart(3, "0")}.txt`), `${n}\n`);
  }
  return cwd;
}

/** A zombie that nobody has asked for is none. */
function isAlive(pid: string): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

const IN = ["map", "--in", "docs/*.txt", "--out", "out/{name}.up"];
const SCRIPT = 'echo x >> runs; cat "$0" "$0" > "$1"';
const map = (...flags: string[]) => [...IN, ...flags, "--", "sh", "-c", SCRIPT, "{in}", "{out}"];

test("a miss says what is to do, a hit does nothing, and stdout is the URI", async () => {
  const cwd = documents(5);
  const miss = await run(map("-j", "2"), { cwd });
  expect(miss).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ctx:\/\/sha256:[0-9a-f]{64}\n$/),
  });
  expect(miss.stderr).toMatch(
    /^miss ctx:.*\n {2}.*\n5 items: 0 known, 5 to compute\ncomputed 5 items in .*, 0 known: 5 files, 20 B\n$/,
  );
  expect(readFileSync(join(cwd, "out/003.up"), "utf8")).toBe("3\n3\n");
  const hit = await run(map(), { cwd });
  expect(hit).toMatchObject({ code: 0, stdout: miss.stdout });
  expect(hit.stderr).toMatch(/^hit: 5 files, 20 B, .* saved\n$/);
  writeFileSync(join(cwd, "docs/003.txt"), "x\n");
  const one = await run(map("--quiet"), { cwd });
  expect([one.stderr, runsOf(cwd)]).toEqual(["", 6]);
  expect((await run(map("--frozen", "--out", "b/{path}"), { cwd })).code).toBe(3);
});

test("what commands print goes to stderr, each one's in one piece", async () => {
  const cwd = documents(4);
  const script = 'echo "[$1"; sleep 0.1; echo "]" >&2; cp "$0" "$2"';
  const done = await run([...IN, "-j", "4", "--", "sh", "-c", script, "{in}", "{path}", "{out}"], {
    cwd,
  });
  const said = done.stderr.split("\n").filter((line) => /^[[\]]/.test(line));
  expect(
    said
      .filter((_, n) => n % 2 === 0)
      .map((line) => line.slice(1))
      .sort(),
  ).toEqual(["000.txt", "001.txt", "002.txt", "003.txt"]);
  expect(said.filter((_, n) => n % 2 === 1)).toEqual(["]", "]", "]", "]"]);
});

test("an item that fails: its exit code; with --keep-going 1, and what succeeded is known", async () => {
  const cwd = documents(5);
  const script = 'echo x >> runs; grep -q 2 "$0" && { echo no >&2; exit 9; }; cp "$0" "$1"';
  const command = ["--", "sh", "-c", script, "{in}", "{out}"];
  const failed = await run([...IN, "-j", "1", ...command], { cwd });
  expect(failed).toMatchObject({ code: 9, stdout: "" });
  expect(failed.stderr).toMatch(/^no$/m);
  expect(failed.stderr).toMatch(/^error: 002.txt: sh -c ended with exit code 9$/m);
  const going = await run([...IN, "-j", "1", "--keep-going", ...command], { cwd });
  expect(going).toMatchObject({ code: 1, stdout: "" });
  expect(going.stderr).toMatch(/^5 items: 2 known, 3 to compute$/m);
  expect(going.stderr).toMatch(
    /^1 item of 5 failed: no pack; what succeeded is known from now on$/m,
  );
  expect(existsSync(join(cwd, "out"))).toBe(false);
  const json = await run([...IN, "--keep-going", "--json", ...command], { cwd });
  const last = JSON.parse(json.stdout.trimEnd().split("\n").at(-1) as string);
  expect(json.code).toBe(1);
  expect(last).toMatchObject({
    error: { code: "CTXPACK_E_COMMAND" },
    manifest: null,
    failed: [{ path: "002.txt", status: "failed", error: { code: "CTXPACK_E_COMMAND" } }],
  });
  expect(
    (await run([...IN, "--timeout", "1s", "--", "sh", "-c", "sleep 60", "{in}", "{out}"], { cwd }))
      .code,
  ).toBe(124);
});

test("kill -9 at two thirds: the next one does the rest, and ends what was left running", async () => {
  const cwd = documents(30);
  const script =
    'echo x >> runs; test $(cat "$0") -ge 20 && ! test -e go && { echo $$ >> pids; sleep 60; }; cp "$0" "$1"';
  const args = [...IN, "-j", "2", "--", "sh", "-c", script, "{in}", "{out}"];
  const first = start(args, { cwd });
  const dead = finish(first);
  const pids = join(cwd, "pids");
  const asleep = () => (existsSync(pids) ? readFileSync(pids, "utf8").trim().split("\n") : []);
  await until(() => asleep().length === 2 && asleep().every((pid) => isClaimed(cwd, pid)));
  first.kill("SIGKILL");
  await dead;
  const results = readdirSync(join(cwd, "store/results"), { recursive: true, encoding: "utf8" });
  const committed = results.filter((name) => name.includes("/")).length;
  expect(committed).toBe(20);
  // Nothing of it is damage, and nothing is collected that is a result.
  expect((await run(["fsck", "--deep"], { cwd })).code).toBe(0);
  await result(["gc", "--apply"], { cwd });
  writeFileSync(join(cwd, "runs"), "");
  writeFileSync(join(cwd, "go"), "");
  const second = await run(args, { cwd });
  expect(second.code).toBe(0);
  expect(second.stderr).toMatch(/^30 items: 20 known, 10 to compute$/m);
  expect(runsOf(cwd)).toBe(10);
  for (const pid of asleep()) expect(isAlive(pid), pid).toBe(false);
  expect(readdirSync(join(cwd, "out"))).toHaveLength(30);
  const left = readdirSync(join(cwd, "store/results"), { recursive: true, encoding: "utf8" });
  expect(left.filter((name) => name.includes("/"))).toEqual([]);
});

test("several at once: one computes, all have the same", async () => {
  const cwd = documents(6);
  const slow = [...IN, "--json", "--", "sh", "-c", `sleep 0.2; ${SCRIPT}`, "{in}", "{out}"];
  const all = await Promise.all(Array.from({ length: 4 }, () => run(slow, { cwd })));
  const lasts = all.map(({ stdout }) => JSON.parse(stdout.trimEnd().split("\n").at(-1) as string));
  expect(new Set(lasts.map(({ uri, tree }) => `${uri} ${tree}`)).size).toBe(1);
  expect(lasts.filter(({ hit }) => !hit)).toHaveLength(1);
  expect(runsOf(cwd)).toBe(6);
});

test("a pantry carries items to a store that has none", async () => {
  const cwd = documents(8);
  await result(map("--push", "--to", "oci:p"), { cwd });
  writeFileSync(join(cwd, "docs/000.txt"), "changed\n");
  const env = { CTXPACK_CACHE_DIR: join(cwd, "fresh"), CTXPACK_REGISTRY: "oci:p" };
  const other = await run(map(), { cwd, env });
  expect(other.stderr).toMatch(/^8 items: 7 known, 1 to compute$/m);
  expect(other.stderr).toMatch(/^7 items of ctx:\S+ in oci:p$/m);
  expect(runsOf(cwd)).toBe(9);
});

test("what makes no sense is exit code 2, and runs nothing", async () => {
  const cwd = documents(2);
  mkdirSync(join(cwd, "docs/sub"));
  writeFileSync(join(cwd, "docs/sub/000.txt"), "x");
  const tail = ["--", "sh", "-c", SCRIPT, "{in}", "{out}"];
  const fails = async (args: string[], message: string) => {
    const done = await run(["map", ...args], { cwd });
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining(message)]);
  };
  await fails(["--out", "o/{path}", ...tail], "--in is missing");
  await fails(
    ["--in", "a/*", "--in", "b=b/*", "--out", "o/{path}", ...tail],
    "which --in is mapped",
  );
  await fails(
    ["--in", "docs/**/*.txt", "--out", "o/{name}", ...tail],
    "000.txt and sub/000.txt would both write 000",
  );
  await fails(["--in", "docs/*.txt", "--out", "{path}", ...tail], "has no folder of its own");
  await fails(
    ["--in", "docs/*.txt", "--out", "o/{path}", "--batch", "0", ...tail],
    '--batch is "0"',
  );
  await fails(["--in", "docs/*.txt", "--out", "o/{path}", "--", "cat"], "the command does not say");
  await fails(["--in", "docs/*.txt", "--out", "o/{path}"], "no command to run");
  expect(runsOf(cwd)).toBe(0);
});
