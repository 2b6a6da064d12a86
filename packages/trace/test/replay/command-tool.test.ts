import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  commandTool,
  type ReplayLimits,
  type ReplayReport,
  type RunPart,
  replayTools,
  type StepReplay,
  sandboxObstacle,
} from "../../src/index.ts";
import { packInMemory, reread } from "../run/memory.ts";

const obstacle = sandboxObstacle();
const confined = test.skipIf(obstacle !== undefined);
if (obstacle !== undefined) console.warn(`skipped: ${obstacle}`);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctxpack-command-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const MIB = 1024 * 1024;

/** Replays one call of a tool that is a shell script. */
async function replay(
  script: string,
  result: string,
  limits: Partial<ReplayLimits> = {},
  more: RunPart[] = [],
): Promise<ReplayReport> {
  const parts: RunPart[] = [
    ...more,
    {
      step: {
        kind: "tool",
        name: "sh",
        request: { value: { word: "hällo" } },
        result: { text: result },
      },
    },
  ];
  const tool = commandTool({ names: ["sh"], argv: ["sh", "-c", script] });
  return await replayTools(reread(await packInMemory(parts)), { tools: [tool], limits });
}

const step = (report: ReplayReport) => report.steps[0];

/** Processes whose command line holds a word. */
function processesWith(word: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^[0-9]+$/.test(name) || name === String(process.pid)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(word);
    } catch {
      return false;
    }
  });
}

confined("a command gets the arguments on stdin and works in the workspace", async () => {
  const input: RunPart = { input: { name: "in/a.txt", content: { text: "one" } } };
  const report = await replay(
    "cat; echo; cat in/a.txt; pwd; echo new > out.txt",
    '{"word":"hällo"}\none/workspace\n',
    {},
    [input, { output: { name: "out.txt", content: { text: "new\n" } } }],
  );
  expect(step(report)).toMatchObject({ verdict: "matched", deed: "executed" });
  expect(report.outputs).toMatchObject([{ name: "out.txt", verdict: "matched" }]);
  expect(report.fidelity).toBe("exact");
});

confined("what is outside can be neither read nor written, and there is no network", async () => {
  await writeFile(join(folder, "secret"), "secret");
  const script = `
    cat ${folder}/secret && echo read
    echo x > ${folder}/out && echo wrote
    cat /etc/passwd /root/* /home/* 2>/dev/null && echo read
    echo x > /usr/bin/x && echo wrote
    echo x > /out && echo wrote
    mount -o remount,rw /usr && echo remounted
    cat /proc/sys/vm/swappiness > /tmp/v; cat /tmp/v > /proc/sys/vm/swappiness && echo wrote
    ls /proc | grep -c '^[0-9]'
    cat /proc/net/dev | grep -v lo: | tail -n +3
    exit 0`;
  const report = await replay(`{ ${script}\n} 2>/dev/null`, "");
  // What it printed: the number of processes it sees, its own few.
  expect(step(report)?.actual?.text.trim()).toMatch(/^[1-9]$/);
  expect(await readdir(folder)).toEqual(["secret"]);
  expect(await readFile(join(folder, "secret"), "utf8")).toBe("secret");
});

confined("a command that runs for ever is ended, with all that it started", async () => {
  const word = `ctxpack-forever-${process.pid}`;
  const began = performance.now();
  const report = await replay(
    `(setsid sh -c 'while :; do sleep 1; done # ${word}' &) ; while :; do sleep 1; done # ${word}`,
    "",
    { timeoutMs: 700 },
  );
  expect(step(report)).toMatchObject({ verdict: "timed-out", reason: "not over after 700 ms" });
  expect(performance.now() - began).toBeLessThan(6000);
  expect(processesWith(word)).toEqual([]);
  expect(report.fidelity).toBe("failed");
});

confined("a command that leaves something behind leaves nothing behind", async () => {
  const word = `ctxpack-behind-${process.pid}`;
  const report = await replay(
    `(setsid sh -c 'sleep 100 # ${word}' >/dev/null 2>&1 &) ; echo done`,
    "done\n",
  );
  expect(step(report)).toMatchObject({ verdict: "matched" });
  expect(processesWith(word)).toEqual([]);
});

confined("a command that writes 1 GB to its output is ended", async () => {
  const report = await replay("head -c 1073741824 /dev/zero", "", { maxBytes: 2 * MIB });
  expect(step(report)).toMatchObject({
    verdict: "too-large",
    reason: `a result of more than ${2 * MIB} bytes`,
  });
});

confined("a command that writes a file of 1 GB is ended, and the file is gone", async () => {
  vi.stubEnv("TMPDIR", folder);
  const report = await replay("head -c 1073741824 /dev/zero > big", "", { maxBytes: 4 * MIB });
  expect(step(report)).toMatchObject({ verdict: "too-large" });
  expect(await readdir(folder)).toEqual([]);
});

confined("a command that writes many files is ended when they are too many", async () => {
  const script = "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); sleep 0.01; done";
  const report = await replay(script, "", {
    maxBytes: 2 * MIB,
    maxWorkspace: 8 * MIB,
    timeoutMs: 30_000,
  });
  expect(step(report)).toMatchObject({
    verdict: "too-large",
    reason: `the workspace: more than ${8 * MIB} bytes`,
  });
});

/** Writes without end into the folder that it is in. */
const FILL = "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); sleep 0.01; done";
const DEEP = `$n = "d" x 200; for (1..30) { mkdir $n; chdir $n or die }
  for ($i = 0; ; $i++) { open F, ">", "f$i"; print F "x" x 1000000; close F; select undef, undef, undef, 0.01 }`;

confined.each([
  ["bytes that are no UTF-8", `d=$(printf '\\377'); mkdir "$d"; cd "$d"; ${FILL}`, "more than"],
  ["more than a path may take", `perl -e '${DEEP}'`, "cannot be looked into: ENAMETOOLONG"],
])("a folder called by %s hides nothing, and goes", async (_, script, reason) => {
  vi.stubEnv("TMPDIR", folder);
  const report = await replay(script, "", { maxWorkspace: 8 * MIB, timeoutMs: 30_000 });
  expect(step(report)).toMatchObject({
    verdict: "too-large",
    reason: expect.stringContaining(reason),
  });
  expect(await readdir(folder)).toEqual([]);
});

const canSwitch = process.getuid?.() === 0 && existsSync("/usr/bin/setpriv");
if (!canSwitch) console.warn("skipped: needs root and setpriv to be another user");

// Root may look into everything.
test.skipIf(obstacle !== undefined || !canSwitch).each([
  ["not read", `mkdir d; chmod 300 d; cd d; ${FILL}`],
  ["not search", `mkdir d; (sleep 1; chmod 600 d)& cd d; ${FILL}`],
  ["not change, and ends", "mkdir d; echo x > d/f; chmod 0 d"],
])("a folder that its owner may %s is too large, and goes", async (_, script) => {
  await chmod(folder, 0o755);
  const temporary = join(folder, "tmp");
  await mkdir(temporary);
  await chown(temporary, 65534, 65534);
  const program = new URL("./replay-script.ts", import.meta.url).pathname;
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath];
  const args = [...nobody, "--conditions=@ctxpack/source", program, script, String(500 * MIB)];
  const env = { ...process.env, TMPDIR: temporary, HOME: temporary };
  const { stdout } = await promisify(execFile)("setpriv", args, { env });
  expect(JSON.parse(stdout)).toMatchObject({
    verdict: "too-large",
    reason: expect.stringMatching(/^d(\/f[0-9]*)? cannot be looked into: EACCES$/),
  });
  expect(await readdir(temporary)).toEqual([]);
});

confined("a command that fails", async () => {
  const report = await replay("echo no >&2; exit 3", "ok");
  expect(step(report)).toMatchObject({
    verdict: "failed",
    reason: "failed, and had not",
    actual: { text: "no\n" },
  });
  // Its shell was executed, whatever that then did not find.
  const missing = await replay("ctxpack-no-such-program", "ok");
  expect(step(missing)).toMatchObject({ verdict: "failed", deed: "executed" });
});

/** Replays a call that had failed with a program below the folder, or one of that name. */
async function replayProgram(
  argv: readonly string[],
  readable: readonly string[],
): Promise<StepReplay | undefined> {
  const parts: RunPart[] = [
    {
      step: {
        kind: "tool",
        name: "t",
        request: { value: {} },
        status: "error",
        error: { message: { text: "it failed" } },
      },
    },
  ];
  const tool = commandTool({ names: ["t"], argv, readable });
  return step(await replayTools(reread(await packInMemory(parts)), { tools: [tool] }));
}

async function program(name: string, text: string, mode = 0o755): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

confined("what never started did not fail as it had: nothing was executed", async () => {
  const plain = await program("plain", "#!/bin/sh\nexit 1\n", 0o644);
  const orphan = await program("orphan", "#!/ctxpack/no/interpreter -x\n");
  const env = await program("env", "#!/usr/bin/env ctxpack-no-such-node\n");
  const gone = join(folder, "gone");
  for (const [argv, readable, reason] of [
    [["ctxpack-no-such-program"], [], "ctxpack-no-such-program: no such program"],
    [["exec"], [], "exec: no such program"],
    [[gone], [], `${gone}: no such program`],
    [[gone], [gone], "gone"],
    [[plain], [plain], "/tool/0/plain: not executable"],
    [[orphan], [orphan], "/ctxpack/no/interpreter: no such interpreter"],
    [[env], [env], "ctxpack-no-such-node: no such program"],
  ] as const) {
    const found = await replayProgram(argv, readable);
    expect(found).toMatchObject({
      verdict: "unavailable",
      reason: expect.stringContaining(reason),
    });
    expect(found?.deed).toBeUndefined();
  }
  const fails = await program("fails", "#!/bin/sh\nexit 127\n");
  expect(await replayProgram([fails], [fails])).toMatchObject({
    verdict: "matched",
    deed: "executed",
    reason: "failed, as it had",
  });
});

confined("what is readable has a place of its own, which no mount hides", async () => {
  const file = await program(
    "tool.sh",
    '#!/bin/sh\necho "$0" "$@"; cat "$1"; (: >&3) 2>/dev/null && echo open; :\n',
  );
  const data = await program("data.txt", "data\n", 0o644);
  const parts: RunPart[] = [
    {
      step: {
        kind: "tool",
        name: "t",
        request: { value: {} },
        result: { text: `/tool/0/tool.sh /tool/1/${basename(folder)}/data.txt\ndata\n` },
      },
    },
  ];
  const tool = commandTool({ names: ["t"], argv: [file, data], readable: [file, folder] });
  const report = await replayTools(reread(await packInMemory(parts)), { tools: [tool] });
  expect(step(report)).toMatchObject({ verdict: "matched", deed: "executed" });
});

confined("a link that a command leaves is not followed out of the workspace", async () => {
  await writeFile(join(folder, "secret"), "secret");
  const output: RunPart = { output: { name: "link", content: { text: "secret" } } };
  const report = await replay(`ln -s ${folder}/secret link`, "", {}, [output]);
  expect(report.outputs).toMatchObject([{ name: "link", verdict: "unavailable" }]);
});

test("a function that does not stop is left after its time and a grace", async () => {
  const run = reread(
    await packInMemory([{ step: { kind: "tool", name: "f", result: { text: "" } } }]),
  );
  const tool = { names: ["f"], run: () => new Promise<never>(() => undefined) };
  const report = await replayTools(run, { tools: [tool], limits: { timeoutMs: 50 } });
  expect(step(report)).toMatchObject({ verdict: "timed-out" });
});

test("a replay can be given up", async () => {
  const run = reread(
    await packInMemory([{ step: { kind: "tool", name: "f", result: { text: "" } } }]),
  );
  const aborter = new AbortController();
  const tool = {
    names: ["f"],
    run: ({ signal }: { signal: AbortSignal }) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        aborter.abort();
      }),
  };
  await expect(replayTools(run, { tools: [tool], signal: aborter.signal })).rejects.toMatchObject({
    name: "AbortError",
  });
});
