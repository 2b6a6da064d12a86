// Real processes: how each kind of command ends, and that nothing of it is left.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "@ctxpack/test-tools";
import { afterAll, expect, test } from "vitest";
import { type ChildEnd, type ChildOptions, runChild } from "../../src/run/child.ts";
import { groupOf, isAlive, type ProcessGroup, signalGroup } from "../../src/run/group.ts";

const folder = scratchFolder();
afterAll(() => folder[Symbol.dispose]());
const cwd = folder.path;
const PATH = process.env["PATH"] ?? "";

interface Ran {
  readonly end: ChildEnd;
  readonly stdout: string;
  readonly stderr: string;
  readonly group: ProcessGroup | undefined;
}

async function runIt(argv: readonly string[], more: Partial<ChildOptions> = {}): Promise<Ran> {
  const said = { stdout: "", stderr: "" };
  let group: ProcessGroup | undefined;
  const end = await runChild({
    argv,
    cwd,
    env: { PATH },
    stdout: (chunk) => {
      said.stdout += Buffer.from(chunk);
    },
    stderr: (chunk) => {
      said.stderr += Buffer.from(chunk);
    },
    signal: new AbortController().signal,
    onStart: (started) => {
      group = started;
    },
    ...more,
  });
  return { end, ...said, group };
}

const sh = (script: string, more: Partial<ChildOptions> = {}) => runIt(["sh", "-c", script], more);

test("what it prints, and its exit code", async () => {
  const { end, stdout, stderr } = await sh("echo out; echo err >&2; exit 7");
  expect(end).toMatchObject({ exitCode: 7 });
  expect([stdout, stderr]).toEqual(["out\n", "err\n"]);
});

test("it has exactly the variables that it was given, and reads nothing", async () => {
  const env = { PATH, GREETING: "grüß\n dich", EMPTY: "" };
  const script =
    "process.stdout.write(JSON.stringify([process.env, require('fs').readFileSync(0, 'utf8')]))";
  const { stdout } = await runIt([process.execPath, "-e", script], { env });
  expect(JSON.parse(stdout)).toEqual([env, ""]);
});

test.for(["0022", "0077", "0000"])("under the umask %s, its own is 0022", async (umask) => {
  const driver = fileURLToPath(new URL("./child-driver.ts", import.meta.url));
  const run = `umask ${umask}; exec "$0" --conditions=@ctxpack/source "$1" node -e 'console.log(process.umask(), Object.keys(process.env).sort().join())'`;
  const done = spawnSync("sh", ["-c", run, process.execPath, driver], { cwd, encoding: "utf8" });
  expect(done.stderr).toBe("");
  const { end, stdout, umaskAfter } = JSON.parse(done.stdout);
  expect(end.exitCode).toBe(0);
  expect(stdout).toBe(`${0o022} A,PATH\n`);
  // Ours is what it was.
  expect(umaskAfter).toBe(Number.parseInt(umask, 8));
});

test("a process group of its own, and nothing of it is left", async () => {
  const { stdout, group } = await runIt(["sh", "-c", "ps -o pid=,pgid=,sid= -p $$"]);
  const [pid, pgid, sid] = stdout.trim().split(/\s+/);
  expect([pgid, sid, String(group?.pid)]).toEqual([pid, pid, pid]);
  expect(group && isAlive(group)).toBe(false);
});

test("127 and 126: no such program, none that can be executed, one whose interpreter is missing", async () => {
  writeFileSync(join(cwd, "plain"), "text");
  writeFileSync(join(cwd, "script"), "#!/no/such/interpreter\n");
  chmodSync(join(cwd, "script"), 0o755);
  mkdirSync(join(cwd, "dir"));
  const ends = [];
  for (const program of ["no-such-program", "./nothing", "./dir", "./plain", "./script"]) {
    ends.push((await runIt([program])).end);
  }
  expect(ends.map(({ exitCode }) => exitCode)).toEqual([127, 127, 127, 126, 127]);
  expect(ends[0]?.unstartable).toBe("no-such-program: there is no such program");
  expect(ends.every(({ unstartable }) => unstartable !== undefined)).toBe(true);
});

test("128+n: killed by a signal", async () => {
  expect((await sh("kill -9 $$")).end).toMatchObject({ exitCode: 137, signal: "SIGKILL" });
  expect((await sh("kill -TERM $$")).end).toMatchObject({ exitCode: 143, signal: "SIGTERM" });
});

test("124: out of time, also when it does not listen", async () => {
  const { end, group } = await sh("trap '' TERM; sleep 100 & wait; sleep 100", { timeoutMs: 200 });
  expect(end).toMatchObject({ exitCode: 124, timedOut: true });
  expect(end.durationMs).toBeLessThan(20_000);
  expect(group && isAlive(group)).toBe(false);
});

test("a child of its own that outlives it is ended after a while; a quick one may finish", async () => {
  const left = await sh("sleep 100 & exit 0");
  expect(left.end).toMatchObject({ exitCode: 0, leftProcesses: true });
  expect(left.end.durationMs).toBeGreaterThan(1900);
  expect(left.group && isAlive(left.group)).toBe(false);
  const quick = await sh("(sleep 0.3; touch quick) & exit 0");
  expect(quick.end).toMatchObject({ exitCode: 0 });
  expect(quick.end.leftProcesses).toBeUndefined();
  expect(existsSync(join(cwd, "quick"))).toBe(true);
});

test("a job of a shell has a group of its own, and is found all the same", async (context) => {
  if (process.platform !== "linux") context.skip();
  const { end, group } = await runIt(["sh", "-m", "-c", "sleep 100 & exit 0"]);
  expect(end).toMatchObject({ leftProcesses: true });
  expect(group && isAlive(group)).toBe(false);
});

test("one that left the group and holds the output open is not waited for", async () => {
  const { end, stdout } = await sh("echo said; setsid sleep 20 & sleep 0.2");
  expect(stdout).toBe("said\n");
  expect(end).toMatchObject({ exitCode: 0 });
  expect(end.durationMs).toBeLessThan(10_000);
});

const TALKING =
  "setsid sh -c 'for i in $(seq 150); do echo still >&2; sleep 0.2; done' & sleep 0.2";

test("one that left the group and goes on talking is listened to for a while", async () => {
  const { end, stderr } = await sh(`echo said >&2; ${TALKING}`);
  expect(stderr).toMatch(/^said\nstill\n/);
  expect(end).toMatchObject({ exitCode: 0 });
  expect(end.durationMs).toBeLessThan(15_000);
});

test.for(["aborted", "out of time"])(
  "%s: nobody is listened to who left the group",
  async (how) => {
    const stop = new AbortController();
    const began = performance.now();
    const running = sh(TALKING, {
      signal: stop.signal,
      ...(how === "out of time" && { timeoutMs: 3000 }),
    });
    if (how === "aborted") setTimeout(() => stop.abort(new Error("stop")), 3000);
    // The command itself had ended well before; without the stop this takes five seconds more than that.
    expect((await running).end).toMatchObject({ exitCode: 0 });
    expect(performance.now() - began).toBeLessThan(5000);
  },
);

test("aborted: the group gets the signal that the reason names, and the reason is thrown", async () => {
  const reason = Object.assign(new Error("stop"), { signal: "SIGINT" });
  const stop = new AbortController();
  let group: ProcessGroup | undefined;
  const script = "trap 'echo int > got; exit 0' INT; echo ready; while :; do sleep 0.05; done";
  const running = sh(script, {
    signal: stop.signal,
    onStart: (started) => {
      group = started;
    },
    stdout: () => stop.abort(reason),
  });
  await expect(running).rejects.toBe(reason);
  expect(readFileSync(join(cwd, "got"), "utf8")).toBe("int\n");
  expect(group && isAlive(group)).toBe(false);
});

test("200 MB of output pass through in pieces that are waited for", async () => {
  let bytes = 0;
  let atOnce = 0;
  let most = 0;
  const { end } = await sh("head -c 200000000 /dev/zero", {
    stdout: async (chunk) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      bytes += chunk.length;
      await new Promise(setImmediate);
      atOnce -= 1;
    },
  });
  expect(end).toMatchObject({ exitCode: 0 });
  expect(bytes).toBe(200_000_000);
  expect(most).toBe(1);
});

test("what a listener throws ends the command", async () => {
  const failing = sh("echo a; sleep 100", {
    stdout: () => {
      throw new Error("no more");
    },
  });
  await expect(failing).rejects.toThrow("no more");
});

test("what a listener throws at the very end, or before anything is read, is not lost either", async () => {
  const late = sh("echo a", {
    stdout: async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      throw new Error("too late");
    },
  });
  await expect(late).rejects.toThrow("too late");
  let group: ProcessGroup | undefined;
  const early = sh("sleep 100", {
    onStart: (started) => {
      group = started;
      throw new Error("disk full");
    },
  });
  await expect(early).rejects.toThrow("disk full");
  expect(group && isAlive(group)).toBe(false);
});

test("a group whose number was given to another process is nobody's", async () => {
  const child = spawn("sleep", ["60"], { detached: true });
  const { pid = 0 } = child;
  try {
    const stranger = { pid, start: "1" };
    expect(isAlive(stranger)).toBe(process.platform !== "linux");
    signalGroup(
      process.platform === "linux" ? stranger : { pid: 4_000_000, start: "1" },
      "SIGKILL",
    );
    expect(isAlive(groupOf(pid))).toBe(true);
  } finally {
    child.kill("SIGKILL");
  }
});
