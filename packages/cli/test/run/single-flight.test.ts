// Many processes that want the same, and what becomes of those that are killed or stopped in the middle.
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, finish, result, run, start } from "../run.ts";
import { isClaimed, project, runsOf, until } from "./project.ts";

cleanUp();

const contract = ["run", "--contract", "c.json"];

/** The n-th run waits for a file, says who it is, and makes what tells two runs apart. */
const SLOW =
  "echo x >> runs; n=$(wc -l < runs); echo $$ > pid; mkdir out; echo half > out/half; " +
  "while ! test -e go && ! test -e go$n; do sleep 0.05; done; rm -f out/half; date +%s%N > out/when";

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** The processes that say they wait. */
function waiting(children: readonly ChildProcess[]): () => number {
  const said = new Set<ChildProcess>();
  for (const child of children) {
    child.stderr?.on("data", (text: Buffer) => {
      if (String(text).includes("computes it; waiting")) said.add(child);
    });
  }
  return () => said.size;
}

test("twenty at once: one execution, twenty identical results", async () => {
  const cwd = project(SLOW);
  const children = Array.from({ length: 20 }, () => start([...contract, "--json"], { cwd }));
  const count = waiting(children);
  const all = children.map(finish);
  await until(() => count() === 19, 110_000);
  writeFileSync(join(cwd, "go"), "");
  const done = await Promise.all(all);
  expect(done.map(({ code }) => code)).toEqual(done.map(() => 0));
  const results = done.map(({ stdout }) => JSON.parse(stdout));
  expect(new Set(results.map(({ uri, tree }) => `${uri} ${tree}`)).size).toBe(1);
  expect(results.filter(({ hit }) => !hit)).toHaveLength(1);
  expect(runsOf(cwd)).toBe(1);
  expect(readdirSync(join(cwd, "out"))).toEqual(["when"]);
  expect(readdirSync(join(cwd, "store/claims"))).toEqual([]);
}, 180_000);

test("the one that computes is killed: another ends what it left, and takes over", async () => {
  const cwd = project(SLOW);
  const first = start(contract, { cwd });
  const firstDone = finish(first);
  await until(() => existsSync(join(cwd, "out/half")));
  const orphan = Number(readFileSync(join(cwd, "pid"), "utf8"));
  await until(() => isClaimed(cwd, orphan));
  const others = Array.from({ length: 3 }, () => start([...contract, "--json"], { cwd }));
  const count = waiting(others);
  const all = others.map(finish);
  await until(() => count() === 3);
  first.kill("SIGKILL");
  await firstDone;
  await until(() => runsOf(cwd) === 2);
  expect(isAlive(orphan)).toBe(false);
  writeFileSync(join(cwd, "go"), "");
  const results = (await Promise.all(all)).map(({ code, stdout }) => [
    code,
    JSON.parse(stdout).tree,
  ]);
  expect(new Set(results.map(String)).size).toBe(1);
  expect(results[0]?.[0]).toBe(0);
  expect(runsOf(cwd)).toBe(2);
  expect(readdirSync(join(cwd, "out"))).toEqual(["when"]);
});

test("a run after the kill, when nobody waited", async () => {
  const cwd = project(SLOW);
  const first = start(contract, { cwd });
  const firstDone = finish(first);
  await until(() => existsSync(join(cwd, "out/half")));
  const orphan = Number(readFileSync(join(cwd, "pid"), "utf8"));
  await until(() => isClaimed(cwd, orphan));
  first.kill("SIGKILL");
  await firstDone;
  expect(isAlive(orphan)).toBe(true);
  const check = JSON.parse((await run(["fsck", "--json"], { cwd })).stdout);
  const kinds = new Set(check.damages.map(({ kind }: { kind: string }) => kind));
  expect([...kinds].sort()).toEqual(["stale-claim", "stale-workspace"]);
  writeFileSync(join(cwd, "go"), "");
  await result(contract, { cwd });
  expect(isAlive(orphan)).toBe(false);
  expect(readdirSync(join(cwd, "out"))).toEqual(["when"]);
});

test("stopped for two heartbeats: it is waited for, and one output is stored", async () => {
  const cwd = project(SLOW);
  const first = start([...contract, "--json"], { cwd });
  const firstDone = finish(first);
  await until(() => existsSync(join(cwd, "out/half")));
  const second = start([...contract, "--json"], { cwd });
  const count = waiting([second]);
  const secondDone = finish(second);
  await until(() => count() === 1);
  first.kill("SIGSTOP");
  writeFileSync(join(cwd, "go"), "");
  await new Promise((resolve) => setTimeout(resolve, 21_000));
  expect(runsOf(cwd)).toBe(1);
  first.kill("SIGCONT");
  const done = await Promise.all([firstDone, secondDone]);
  expect(done.map(({ code }) => code)).toEqual([0, 0]);
  const trees = done.map(({ stdout }) => JSON.parse(stdout).tree);
  expect(trees[0]).toBe(trees[1]);
  expect(runsOf(cwd)).toBe(1);
});

test("a claim that is lost while its holder is stopped: two runs, one stored output", async () => {
  const cwd = project(SLOW);
  const first = start([...contract, "--json"], { cwd });
  const firstDone = finish(first);
  await until(() => existsSync(join(cwd, "out/half")));
  const [name = ""] = readdirSync(join(cwd, "store/claims"));
  const claim = join(cwd, "store/claims", name);
  // Stopped while it writes down whom it has started, it would write its claim once more when it goes on.
  await until(() => readFileSync(claim, "utf8").includes('"pid"'));
  first.kill("SIGSTOP");
  rmSync(claim);
  rmSync(join(cwd, "pid"));
  const second = start([...contract, "--json"], { cwd });
  const secondDone = finish(second);
  await until(() => existsSync(join(cwd, "pid")));
  writeFileSync(join(cwd, "go2"), "");
  expect((await secondDone).code).toBe(0);
  const stored = readFileSync(join(cwd, "out/when"), "utf8");
  writeFileSync(join(cwd, "go1"), "");
  await until(() => readFileSync(join(cwd, "out/when"), "utf8") !== stored);
  first.kill("SIGCONT");
  const done = await Promise.all([firstDone, secondDone]);
  expect(done.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0]);
  const trees = done.map(({ stdout }) => JSON.parse(stdout).tree);
  expect(trees[0]).toBe(trees[1]);
  expect(runsOf(cwd)).toBe(2);
  expect((await result(["ls", "--plain"], { cwd })).split("\n")).toHaveLength(1);
  expect(done[0]?.stderr).toContain("another process took this over");
  expect(readFileSync(join(cwd, "out/when"), "utf8")).toBe(stored);
});

test("one that fails lets the next one try", async () => {
  const cwd = project("echo x >> runs; while ! test -e go; do sleep 0.05; done; mkdir out; exit 3");
  const children = [1, 2, 3].map(() => start(contract, { cwd }));
  const count = waiting(children);
  const all = children.map(finish);
  await until(() => count() === 2);
  writeFileSync(join(cwd, "go"), "");
  expect((await Promise.all(all)).map(({ code }) => code)).toEqual([3, 3, 3]);
  expect(runsOf(cwd)).toBe(3);
});

test("who waits can stop waiting", async () => {
  const cwd = project(SLOW);
  const first = start(contract, { cwd });
  const firstDone = finish(first);
  await until(() => existsSync(join(cwd, "out/half")));
  const late = await run([...contract, "--timeout", "1s"], { cwd });
  expect(late).toMatchObject({ code: 7, stdout: "" });
  writeFileSync(join(cwd, "go"), "");
  expect((await firstDone).code).toBe(0);
  expect(runsOf(cwd)).toBe(1);
});
