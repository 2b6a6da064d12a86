// kill -9 at file system calls all over a map: nothing is damaged, no result is lost, and the next one completes.
// CTXPACK_TEST_KILLS sets how many.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeReadOnly } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { runsOf } from "../run/project.ts";
import { cleanUp, result, run, scratch } from "../run.ts";

cleanUp();

const kills = Number(process.env["CTXPACK_TEST_KILLS"] ?? 30);
const preload = join(import.meta.dirname, "../kill/preload.ts");
const script = 'echo x >> runs; tr a-z A-Z < "$0" > "$1"';
const map = ["map", "--in", "docs/*", "--out", "out/{path}", "-j", "2"];
const command = ["--", "sh", "-c", script, "{in}", "{out}"];
const docs = ["a", "b", "c", "d", "e"];

function killer(cwd: string, at: number): Record<string, string> {
  return {
    NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import=${preload}`,
    CTXPACK_TEST_KILL_AT: String(at),
    CTXPACK_TEST_KILL_LOG: join(cwd, "kill.log"),
    CTXPACK_TEST_KILL_SOURCE: "/nowhere",
    CTXPACK_TEST_KILL_ROOTS: cwd,
  };
}

function copy(template: string): string {
  const cwd = scratch();
  cpSync(template, cwd, { recursive: true, verbatimSymlinks: true });
  return cwd;
}

/** The keys whose results were committed. */
function committed(cwd: string): number {
  const dir = join(cwd, "store/results");
  if (!existsSync(dir)) return 0;
  const names = readdirSync(dir, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.includes("/")).length;
}

async function killOnce(template: string, at: number): Promise<boolean> {
  const cwd = copy(template);
  const dead = await run([...map, ...command], { cwd, env: killer(cwd, at) });
  if (dead.code !== null) return false;
  const where = readFileSync(join(cwd, "kill.log"), "utf8").trim().split("\n").at(-1);
  if (existsSync(join(cwd, "store/VERSION"))) {
    const looked = await run(["fsck", "--deep"], { cwd });
    expect(looked.code, `${where}: damage\n${looked.stdout}`).toBe(0);
  }
  const known = committed(cwd);
  const before = runsOf(cwd);
  const again = await run([...map, ...command], { cwd });
  expect(again.code, `${where}: the next one fails\n${again.stderr}`).toBe(0);
  // A result that was committed is not computed again.
  expect(runsOf(cwd) - before, where).toBeLessThanOrEqual(docs.length - known);
  for (const name of docs) {
    const text = readFileSync(join(cwd, "docs", name), "utf8").toUpperCase();
    expect(readFileSync(join(cwd, "out", name), "utf8"), where).toBe(text);
  }
  expect(readdirSync(join(cwd, "out")), where).toEqual(docs);
  expect((await run([...map, "--force", ...command], { cwd })).code, where).toBe(0);
  expect(readdirSync(join(cwd, "store/tmp")), where).toEqual([]);
  expect(readdirSync(join(cwd, "store/claims")), where).toEqual([]);
  removeReadOnly(cwd);
  return true;
}

test(`kill -9 at ${kills} instants of two maps`, { timeout: 1_200_000 }, async () => {
  const first = scratch();
  mkdirSync(join(first, "docs"));
  for (const name of docs) writeFileSync(join(first, "docs", name), `text ${name}`);
  const second = copy(first);
  await result([...map, ...command], { cwd: second });
  writeFileSync(join(second, "docs/c"), "changed");
  let killed = 0;
  for (const template of [first, second]) {
    const cwd = copy(template);
    await result([...map, ...command], { cwd, env: killer(cwd, Number.POSITIVE_INFINITY) });
    const calls = readFileSync(join(cwd, "kill.log"), "utf8").trim().split("\n").length;
    const count = Math.min(calls, kills / 2);
    for (let i = 0; i < count; i++) {
      if (await killOnce(template, 1 + Math.floor((i * calls) / count))) killed += 1;
    }
  }
  expect(killed).toBeGreaterThan(kills / 2);
});
