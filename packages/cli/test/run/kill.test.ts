// kill -9 at file system calls all over a run, a miss and a hit: nothing of the user's is lost, nothing is damaged, and
// the next run completes. CTXPACK_TEST_KILLS sets how many.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { removeReadOnly } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { project } from "./project.ts";

cleanUp();

const kills = Number(process.env["CTXPACK_TEST_KILLS"] ?? 40);
const preload = join(import.meta.dirname, "../kill/preload.ts");
const contract = ["run", "--contract", "c.json"];
const script =
  "mkdir -p out sub; cat docs/* > out/all; mkdir out/d; echo 2 > out/d/f; echo 3 > sub/more";
const outputs = [{ path: "out" }, { path: "sub/more" }];

function killer(cwd: string, at: number): Record<string, string> {
  return {
    NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --import=${preload}`,
    CTXPACK_TEST_KILL_AT: String(at),
    CTXPACK_TEST_KILL_LOG: join(cwd, "kill.log"),
    CTXPACK_TEST_KILL_SOURCE: "/nowhere",
    CTXPACK_TEST_KILL_ROOTS: cwd,
  };
}

/** Where the user's earlier output is: at its place, or in the trash. */
function findEarlier(cwd: string): string | undefined {
  const trash = join(cwd, "store/trash");
  const kept = existsSync(trash)
    ? readdirSync(trash).map((name) => join(trash, name, "output"))
    : [];
  return [join(cwd, "out"), ...kept].find((path) => existsSync(join(path, "earlier")));
}

function copy(template: string): string {
  const cwd = scratch();
  cpSync(template, cwd, { recursive: true, verbatimSymlinks: true });
  return cwd;
}

async function killOnce(template: string, at: number): Promise<boolean> {
  const cwd = copy(template);
  const dead = await run(contract, { cwd, env: killer(cwd, at) });
  if (dead.code !== null) return false;
  const where = readFileSync(join(cwd, "kill.log"), "utf8");
  expect(findEarlier(cwd), `${where}: the earlier output is lost`).toBeDefined();
  if (existsSync(join(cwd, "store/VERSION"))) {
    const looked = await run(["fsck", "--deep"], { cwd });
    expect(looked.code, `${where}: damage\n${looked.stdout}`).toBe(0);
  }
  const again = await run(contract, { cwd });
  expect(again.code, `${where}: the next run fails\n${again.stderr}`).toBe(0);
  expect(readdirSync(join(cwd, "out")).sort(), where).toEqual(["all", "d"]);
  expect(readFileSync(join(cwd, "out/all"), "utf8"), where).toBe("a\nb\n");
  expect(readFileSync(join(cwd, "sub/more"), "utf8"), where).toBe("3\n");
  expect(
    readdirSync(cwd).filter((name) => name.startsWith(".ctxpack-")),
    where,
  ).toEqual([]);
  // A hit writes nothing: what the dead process left is cleared by the next one that does.
  expect((await run([...contract, "--force"], { cwd })).code, where).toBe(0);
  expect(readdirSync(join(cwd, "store/tmp")), where).toEqual([]);
  expect(readdirSync(join(cwd, "store/claims")), where).toEqual([]);
  removeReadOnly(cwd);
  return true;
}

test(`kill -9 at ${kills} instants of a miss and a hit`, { timeout: 1_200_000 }, async () => {
  const miss = project(script, { outputs });
  mkdirSync(join(miss, "out"));
  writeFileSync(join(miss, "out/earlier"), "earlier");
  const hit = copy(miss);
  await result(contract, { cwd: hit });
  rmSync(join(hit, "store/trash"), { recursive: true });
  writeFileSync(join(hit, "out/earlier"), "earlier");
  let killed = 0;
  for (const template of [miss, hit]) {
    const cwd = copy(template);
    await result(contract, { cwd, env: killer(cwd, Number.POSITIVE_INFINITY) });
    const calls = readFileSync(join(cwd, "kill.log"), "utf8").trim().split("\n").length;
    const count = Math.min(calls, kills / 2);
    for (let i = 0; i < count; i++) {
      if (await killOnce(template, 1 + Math.floor((i * calls) / count))) killed += 1;
    }
  }
  // A run is over a few calls sooner than the one that was counted, now and then.
  expect(killed).toBeGreaterThan(kills / 2);
});
