// What waits for its stdin ends when it is told to: a tape that an agent has stopped talking to, a log that never comes.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bin, cleanUp, finish, run, scratch } from "../run.ts";
import { packLog, read } from "./logs.ts";

cleanUp();

/** Starts a command with a stdin that stays open. */
function waiting(cwd: string, ...args: string[]) {
  const env = { PATH: process.env["PATH"] ?? "", HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, "store") };
  const child = spawn(process.execPath, [bin, ...args], { cwd, env });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** An agent asks a tape for what it holds, gets it, and says nothing more. */
async function tape(...flags: string[]) {
  const cwd = scratch();
  const uri = await packLog(cwd, { steps: [read("a.txt", "alpha\n"), read("b.txt", "beta\n")] });
  const child = waiting(cwd, "trace", "replay", uri, "--mode", "tape", ...flags);
  const done = finish(child);
  const params = { name: "read_file", arguments: { path: "a.txt" } };
  child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params })}\n`);
  const { promise, resolve } = Promise.withResolvers<void>();
  child.stdout.once("data", () => resolve());
  await promise;
  return { cwd, child, done };
}

test.for([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends a tape, which reports what it has served", async ([signal, code]) => {
  const { cwd, child, done } = await tape("--report", "report.json");
  child.kill(signal);
  const ended = await done;
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain("tape: DEGRADED (1 matched, 1 unconsumed)");
  expect(JSON.parse(readFileSync(join(cwd, "report.json"), "utf8"))).toMatchObject({
    mode: "tape",
    counts: { matched: 1, unconsumed: 1 },
  });
});

test("--timeout ends a tape as well", async () => {
  const { done } = await tape("--timeout", "10s");
  const { code, stderr } = await done;
  expect(code).toBe(7);
  expect(stderr).toContain("tape: DEGRADED (1 matched, 1 unconsumed)");
  expect(stderr).toContain("not done within 10s");
});

test("a log that never comes is not waited for", async () => {
  const timed = await finish(waiting(scratch(), "trace", "pack", "-", "--timeout", "1s"));
  expect(timed.code).toBe(7);
  const child = waiting(scratch(), "trace", "pack", "-");
  const done = finish(child);
  // More than a pipe holds: when it is written, it is being read.
  child.stdin.write('{"role":"user","content":"hi"}\n'.repeat(20_000), () => child.kill("SIGINT"));
  expect((await done).code).toBe(130);
});

test("a report that cannot be written is told before an agent is waited for; one of a failure is not left", async () => {
  const cwd = scratch();
  const uri = await packLog(cwd);
  writeFileSync(join(cwd, "there.json"), "{}");
  for (const [file, code] of [
    ["there.json", 8],
    ["missing/report.json", 2],
  ] as const) {
    const args = ["trace", "replay", uri, "--mode", "tape", "--report", file];
    const done = await finish(waiting(cwd, ...args));
    expect(done.code, done.stderr).toBe(code);
    expect(done.stderr).toContain(join(cwd, file));
  }
  expect(readFileSync(join(cwd, "there.json"), "utf8")).toBe("{}");
  const unknown = await run(["trace", "replay", "abcdef012345", "--report", "new.json"], { cwd });
  expect(unknown.code).toBe(3);
  expect(existsSync(join(cwd, "new.json"))).toBe(false);
});
