// Every way a command can end, and that nothing wrong is stored.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, type Done, finish, result, run, start } from "../run.ts";
import { project, runsOf, until } from "./project.ts";

cleanUp();

const contract = ["run", "--contract", "c.json"];

/** A project whose output was something else before. */
function withEarlier(script: string, more: Record<string, unknown> = {}): string {
  const cwd = project(script, more);
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/earlier"), "earlier");
  return cwd;
}

/** Nothing is stored, nobody computes, and what was there before is back. */
async function expectUntouched(cwd: string): Promise<void> {
  expect(readdirSync(join(cwd, "out"))).toEqual(["earlier"]);
  expect(readFileSync(join(cwd, "out/earlier"), "utf8")).toBe("earlier");
  expect(await result(["ls", "--plain"], { cwd })).toBe("");
  expect(readdirSync(join(cwd, "store/claims"))).toEqual([]);
  expect((await run(["exists", "c.json"], { cwd })).code).toBe(3);
  const check = JSON.parse((await run(["fsck", "--deep", "--json"], { cwd })).stdout);
  expect(check.damages).toEqual([]);
}

interface Ending {
  readonly script: string;
  readonly code: number;
  readonly says: RegExp;
  readonly flags?: readonly string[];
  readonly more?: Record<string, unknown>;
}

const endings: Record<string, Ending> = {
  "it fails": { script: "mkdir out; echo half > out/f; exit 9", code: 9, says: /exit code 9/ },
  "it is killed": { script: "mkdir out; kill -9 $$", code: 137, says: /killed by SIGKILL/ },
  "it writes nothing": { script: "true", code: 125, says: /did not write out/ },
  "it writes half": {
    script: "mkdir out; echo 1 > out/f",
    more: { outputs: [{ path: "out" }, { path: "second" }] },
    code: 125,
    says: /did not write second/,
  },
  "it writes a file for a folder": {
    script: "echo 1 > out",
    more: { outputs: [{ path: "out/" }] },
    code: 125,
    says: /is a file, and should be a folder/,
  },
  "it writes what cannot be in a pack": {
    script: "mkdir out; mkfifo out/pipe",
    code: 125,
    says: /pipe/,
  },
  "it changes an input": {
    script: "mkdir out; echo c >> docs/a",
    code: 125,
    says: /the input docs changed while the command ran/,
  },
  "it changes an input and puts it back": {
    script: "mkdir out; cp -p docs/a x; echo c >> docs/a; cp -p x docs/a",
    code: 125,
    says: /the input docs changed/,
  },
  "it adds to an input": { script: "mkdir out; echo c > docs/c", code: 125, says: /docs changed/ },
  "it removes an input": { script: "mkdir out; rm -r docs", code: 125, says: /docs/ },
  "it changes its code": {
    script: "mkdir out; echo '#' >> tool.sh",
    more: { transforms: [{ tool: "sh", code: ["*.sh"] }] },
    code: 125,
    says: /the code of sh changed/,
  },
  "it leaves a process": {
    script: "mkdir out; sleep 60 & exit 0",
    code: 125,
    says: /left processes running, which were ended/,
  },
  "it is out of time": {
    script: "mkdir out; trap '' TERM; sleep 60",
    flags: ["--timeout", "1500ms"],
    code: 124,
    says: /--timeout/,
  },
  "it is not there": {
    script: "",
    more: { command: ["no-such-program"] },
    code: 127,
    says: /no such program/,
  },
  "it is not executable": {
    script: "",
    more: { command: ["./tool.sh"] },
    code: 126,
    says: /not executable/,
  },
};

test.for(Object.entries(endings))("%s", async ([, { script, code, says, flags = [], more }]) => {
  const cwd = withEarlier(script, more);
  writeFileSync(join(cwd, "tool.sh"), "echo tool\n");
  const done: Done = await run([...contract, ...flags], { cwd });
  expect([done.code, done.stdout]).toEqual([code, ""]);
  expect(done.stderr).toMatch(says);
  if (!existsSync(join(cwd, "docs"))) mkdirSync(join(cwd, "docs"));
  if (readdirSync(join(cwd, "docs")).length === 0) writeFileSync(join(cwd, "docs/a"), "a\n");
  await expectUntouched(cwd);
});

test("what it writes outside its outputs stays there, and is in no pack", async () => {
  const cwd = project("mkdir out; echo 1 > out/f; echo 2 > elsewhere");
  const uri = await result(contract, { cwd });
  expect((await result(["ls", uri, "--plain"], { cwd })).split("\n")).toHaveLength(1);
  expect(readFileSync(join(cwd, "elsewhere"), "utf8")).toBe("2\n");
});

test("half an output is kept for a day, and said where", async () => {
  const cwd = withEarlier("mkdir out; echo half > out/f; exit 9");
  const { stderr } = await run(contract, { cwd });
  const kept = /kept for a day: (.*)$/m.exec(stderr)?.[1] ?? "";
  expect(readFileSync(join(kept, "f"), "utf8")).toBe("half\n");
});

test("1 GB of output: the beginning is kept, the rest is counted", async () => {
  const cwd = project("mkdir out; head -c 1000000000 /dev/zero; echo end >&2");
  const child = start(contract, { cwd });
  let passed = 0;
  child.stderr?.on("data", (chunk: Buffer) => {
    passed += chunk.length;
  });
  child.stdout?.resume();
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(0);
  expect(passed).toBeGreaterThan(1_000_000_000);
  const again = await run([...contract, "--stdout=child"], { cwd });
  expect(again.bytes.length).toBe(1 << 20);
  expect(again.stderr).toMatch(/999 MB more were printed than is kept/);
});

test("a grandchild that is quick may end by itself", async () => {
  const cwd = project("mkdir out; (sleep 0.5; echo late > out/late) & exit 0");
  const uri = await result(contract, { cwd });
  expect(await result(["cat", uri, "late"], { cwd })).toBe("late");
});

test.for([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s reaches the command, and leaves nothing half-made", async ([signal, code]) => {
  const script =
    "trap 'echo got > signal; exit 1' INT TERM HUP; mkdir out new; echo half > out/f; while :; do sleep 0.1; done";
  const cwd = withEarlier(script, { outputs: [{ path: "out" }, { path: "new/deep/file" }] });
  const child = start(contract, { cwd });
  const ended = finish(child);
  await until(() => existsSync(join(cwd, "out/f")));
  child.kill(signal);
  expect(await ended).toMatchObject({ code, stdout: "" });
  expect(readFileSync(join(cwd, "signal"), "utf8")).toBe("got\n");
  await expectUntouched(cwd);
  expect(existsSync(join(cwd, "new/deep"))).toBe(false);
  expect(readdirSync(join(cwd, "store/tmp"))).toEqual([]);
});

test("a second signal ends the command with us", async () => {
  const cwd = withEarlier(
    "trap '' INT TERM; echo $$ > pid; mkdir out; while :; do sleep 0.1; done",
  );
  const child = start(contract, { cwd });
  const ended = finish(child);
  await until(() => existsSync(join(cwd, "out")) && existsSync(join(cwd, "pid")));
  child.kill("SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.kill("SIGINT");
  expect((await ended).code).toBe(130);
  const pid = Number(readFileSync(join(cwd, "pid"), "utf8"));
  await until(() => !isThere(pid), 5000);
});

test("what failed is computed the next time", async () => {
  const cwd = project("echo x >> runs; mkdir out; test -e ready");
  expect((await run(contract, { cwd })).code).toBe(1);
  writeFileSync(join(cwd, "ready"), "");
  await result(contract, { cwd });
  await result(contract, { cwd });
  expect(runsOf(cwd)).toBe(2);
});

function isThere(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
