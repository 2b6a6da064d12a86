import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  auditRun,
  fileTools,
  openTape,
  type ReplayReport,
  type Run,
  type RunPart,
  readRecording,
  recordFetch,
  recordRun,
  replayExitCode,
  replayTools,
  serveTape,
} from "../../src/index.ts";
import { folderTools, runAgent } from "../record/agent.ts";
import { startScriptedModel, type Turn } from "../record/scripted-model.ts";
import { type MemoryPack, packInMemory, reread } from "../run/memory.ts";

const schema = JSON.parse(
  await readFile(new URL("../../schemas/replay.v1.json", import.meta.url), "utf8"),
);
const validate = new Ajv2020({ strict: true, strictRequired: false }).compile(schema);

/** The report, once it is what its schema says. */
function checked(report: ReplayReport): ReplayReport {
  expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true);
  return report;
}

const verdicts = (report: ReplayReport) =>
  report.steps.map(({ name, kind, verdict }) => `${name ?? kind} ${verdict}`);

const TURNS: readonly Turn[] = [
  { text: "I read it.", calls: [{ name: "read_file", args: { path: "a.txt" } }] },
  {
    calls: [
      { name: "edit_file", args: { path: "a.txt", old_string: "one", new_string: "two" } },
      { name: "read_file", args: { path: "a.txt" } },
    ],
  },
  {
    calls: [
      { name: "write_file", args: { path: "b.txt", content: "" } },
      { name: "read_file", args: { path: "b.txt" } },
    ],
  },
  { text: "Done." },
];

let folder: string;
let work: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctxpack-replay-test-"));
  work = await mkdtemp(join(tmpdir(), "ctxpack-replay-work-"));
  await writeFile(join(work, "a.txt"), "one\n");
});
afterEach(async () => {
  for (const path of [folder, work]) await rm(path, { recursive: true });
});

/** A real loop, recorded through the fetch wrapper, with the file it began with as an input. */
async function recordLoop(): Promise<MemoryPack> {
  await using model = await startScriptedModel(TURNS);
  const file = join(folder, "run.ndjson");
  {
    await using recorder = recordRun({ file });
    recorder.add({
      input: { name: "a.txt", content: { text: await readFile(join(work, "a.txt"), "utf8") } },
    });
    const text = await runAgent({
      baseUrl: model.url,
      apiKey: "sk-abcdefghijklmnopqrstuvwxyz0123456789",
      prompt: "go",
      callTool: folderTools(work),
      stream: true,
      fetch: recordFetch(recorder),
    });
    expect(text).toBe("Done.");
    for (const name of ["a.txt", "b.txt"]) {
      recorder.add({
        output: { name, content: { text: await readFile(join(work, name), "utf8") } },
      });
    }
  }
  return await packInMemory(readRecording(await readFile(file)));
}

async function runOf(...parts: RunPart[]): Promise<Run> {
  return reread(await packInMemory(parts));
}

const call = (name: string, args: object, result: string, more: object = {}): RunPart => ({
  step: {
    kind: "tool",
    name,
    request: { value: args as never },
    result: { text: result },
    ...more,
  },
});

test("audit: a whole run is exact, a damaged content is named", async () => {
  const long = "x".repeat(5000);
  const pack = await packInMemory([
    call("read_file", { path: "a" }, long),
    call("read_file", { path: "b" }, "short"),
  ]);
  const whole = checked(await auditRun(reread(pack)));
  expect([whole.fidelity, replayExitCode(whole), verdicts(whole)]).toEqual([
    "exact",
    0,
    ["read_file matched", "read_file matched"],
  ]);
  const path = [...pack.tree.keys()].find((one) => one.startsWith("content/")) ?? "";
  const damaged = { ...pack, tree: new Map(pack.tree).set(path, Buffer.from("y".repeat(5000))) };
  const report = checked(await auditRun(reread(damaged)));
  expect([report.fidelity, replayExitCode(report)]).toEqual(["failed", 12]);
  expect(report.steps[0]).toMatchObject({
    verdict: "damaged",
    reason: expect.stringContaining(path),
  });
  const empty = checked(await auditRun(await runOf()));
  expect([empty.fidelity, replayExitCode(empty)]).toEqual(["empty", 3]);
});

test("audit: an input or output that was changed, or is gone, is named", async () => {
  const pack = await recordLoop();
  const [input] = pack.head.inputs;
  const path = `content/${input?.digest?.slice(7)}`;
  const gone = new Map(pack.tree);
  gone.delete(path);
  for (const tree of [gone, new Map(pack.tree).set(path, Buffer.from("six\n"))]) {
    const report = checked(await auditRun(reread({ ...pack, tree })));
    expect([report.fidelity, replayExitCode(report)]).toEqual(["failed", 12]);
    expect(report.damaged).toEqual([
      { pointer: "/inputs/0", reason: expect.stringContaining(path) },
    ]);
    // Nothing is executed on what is not what the run says it was.
    await expect(replayTools(reread({ ...pack, tree }), { tools: fileTools })).rejects.toThrow(
      path,
    );
  }
});

test("tools: a recorded loop executed again is exact, and what it ran on is not touched", async () => {
  const run = reread(await recordLoop());
  await writeFile(join(work, "a.txt"), "changed since\n");
  const report = checked(await replayTools(run, { tools: fileTools }));
  expect(verdicts(report)).toEqual([
    "read_file matched",
    "edit_file matched",
    "read_file matched",
    "write_file matched",
    "read_file matched",
  ]);
  expect(report.outputs.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
    "a.txt matched",
    "b.txt matched",
  ]);
  expect([report.fidelity, replayExitCode(report), report.environment]).toEqual(["exact", 0, []]);
  expect(await readFile(join(work, "a.txt"), "utf8")).toBe("changed since\n");
});

test("tools: absolute paths of another machine, in a workspace seeded from the run's inputs", async () => {
  await writeFile(join(work, "README.md"), "# App\n");
  const edit = {
    file_path: "/Users/dev/app/src/main.go",
    old_string: "old()",
    new_string: "new()",
  };
  const run = await runOf(
    { input: { name: "src/main.go", content: { text: "old()\n" } } },
    call("read_file", { file_path: "src/main.go" }, "old()\n"),
    call("bash", { command: "go test" }, "FAIL", { determinism: "no" }),
    call("edit_file", edit, "File edited"),
    call("Read", { file_path: "/Users/dev/app/src/main.go" }, "     1→new()"),
    call("read_file", { file_path: "/Users/dev/app/README.md" }, "# App\n"),
    call("write_content", { filename: "post.md", content: "" }, "File written (0 bytes)"),
    call("read_file", { path: "post.md" }, ""),
    call("read_file", { path: "not-recorded.md" }, "x"),
    { output: { name: "src/main.go", content: { text: "new()\n" } } },
    { output: { name: "post.md", content: { text: "" } } },
  );
  const report = checked(await replayTools(run, { tools: fileTools, folder: work }));
  expect(verdicts(report)).toEqual([
    "read_file matched",
    "bash skipped",
    "edit_file matched",
    "Read matched",
    "read_file matched",
    "write_content matched",
    "read_file matched",
    "read_file unavailable",
  ]);
  expect(report.outputs.map(({ verdict }) => verdict)).toEqual(["matched", "matched"]);
  expect([report.fidelity, replayExitCode(report)]).toEqual(["degraded", 11]);
});

test("tools: denied by default, and nothing executed is 3", async () => {
  const run = reread(await recordLoop());
  const none = checked(await replayTools(run, { tools: [] }));
  expect([none.fidelity, replayExitCode(none), none.counts]).toEqual(["empty", 3, { skipped: 5 }]);
  const some = checked(
    await replayTools(run, { tools: fileTools.filter(({ names }) => names.includes("read_file")) }),
  );
  expect([some.fidelity, replayExitCode(some)]).toEqual(["degraded", 11]);
  expect(verdicts(some)[2]).toBe("read_file diverged");
});

test("tools: another result is told with both, and the environment with what it was", async () => {
  const run = await runOf(
    {
      head: {
        environment: { os: "plan9", arch: process.arch, tools: { go: "1.23.4", node: "24" } },
      },
    },
    { input: { name: "a.txt", content: { text: "one\n" } } },
    call("read_file", { path: "a.txt" }, "something else\n"),
    call("now", {}, "12:00", { determinism: "no" }),
  );
  const clock = { names: ["now"], run: async () => ({ texts: ["12:01"] }) };
  const report = checked(
    await replayTools(run, {
      tools: [...fileTools, clock],
      environment: { os: "linux", arch: process.arch, tools: { node: "26" } },
    }),
  );
  expect(report.steps).toMatchObject([
    {
      verdict: "diverged",
      deed: "executed",
      expected: { text: "something else\n" },
      actual: { text: "one\n" },
    },
    { verdict: "expected", deed: "executed" },
  ]);
  expect(report.environment).toEqual([
    { member: "os", expected: "plan9", actual: "linux" },
    { member: "tools/go", expected: "1.23.4" },
    { member: "tools/node", expected: "24", actual: "26" },
  ]);
  expect([report.fidelity, replayExitCode(report)]).toEqual(["degraded", 11]);
});

test("a drift of the environment degrades only when it is to", async () => {
  const run = await runOf(
    { head: { environment: { os: "plan9" } } },
    { input: { name: "a.txt", content: { text: "" } } },
    call("read_file", { path: "a.txt" }, ""),
  );
  expect((await replayTools(run, { tools: fileTools })).fidelity).toBe("exact");
  expect((await replayTools(run, { tools: fileTools, strictEnvironment: true })).fidelity).toBe(
    "degraded",
  );
});

test("a path that leads out of the workspace is refused, and nothing of it is read", async () => {
  const run = await runOf(
    call("read_file", { path: "/etc/passwd" }, "x"),
    call("read_file", { path: "../../etc/passwd" }, "x"),
    call("read_file", { path: "/dev/zero" }, "x"),
    call("write_file", { path: "../out.txt", content: "x" }, "ok"),
    call("list_dir", { path: "/" }, "x"),
    call("read_file", { path: "sub/../../x" }, "x"),
    call("read_file", { path: "a\u0000b" }, "x"),
  );
  const report = checked(await replayTools(run, { tools: fileTools, folder: work }));
  expect(new Set(report.steps.map(({ verdict }) => verdict))).toEqual(new Set(["refused"]));
  expect(report.steps.some(({ actual }) => actual !== undefined)).toBe(false);
  expect([report.fidelity, replayExitCode(report)]).toEqual(["failed", 12]);
});

test("a link that a tool made is not followed out of the workspace", async () => {
  await writeFile(join(folder, "secret"), "secret");
  const link = {
    names: ["link"],
    run: async ({ workspace }: { workspace: { root: string } }) => {
      await symlink(join(folder, "secret"), join(workspace.root, "link.txt"));
      await symlink(folder, join(workspace.root, "dir"));
      return { texts: ["ok"] };
    },
  };
  const run = await runOf(
    call("link", {}, "ok"),
    call("read_file", { path: "link.txt" }, "secret"),
    call("write_file", { path: "link.txt", content: "x" }, "ok"),
    call("write_file", { path: "dir/new.txt", content: "x" }, "ok"),
    call("read_file", { path: "dir/secret" }, "secret"),
  );
  const report = checked(await replayTools(run, { tools: [...fileTools, link] }));
  expect(verdicts(report).slice(1)).toEqual([
    "read_file refused",
    "write_file refused",
    "write_file refused",
    "read_file refused",
  ]);
  expect(await readFile(join(folder, "secret"), "utf8")).toBe("secret");
});

test("tape: a live agent gets what was recorded, without a tool", async () => {
  const tape = await openTape(reread(await recordLoop()));
  await using model = await startScriptedModel(TURNS);
  const text = await runAgent({
    baseUrl: model.url,
    apiKey: "k",
    prompt: "go",
    callTool: async (name, args) => {
      const answer = await tape.call(name, args);
      if (!answer.isFound) throw new Error(answer.reason);
      return answer.text;
    },
  });
  expect(text).toBe("Done.");
  const report = checked(tape.report());
  expect([report.fidelity, replayExitCode(report), report.counts]).toEqual([
    "exact",
    0,
    { matched: 5 },
  ]);
  expect(new Set(report.steps.map(({ deed }) => deed))).toEqual(new Set(["served"]));
});

test("tape: the same call gets what it got then; what is not there is not guessed; what is left is told", async () => {
  const run = await runOf(
    call("read_file", { path: "a", n: 1 }, "first"),
    call("read_file", { n: 1, path: "a" }, "second"),
    call("read_file", { path: "b" }, "left"),
    call("lost", {}, "", { result: { absent: "not-captured" }, status: "unknown" }),
  );
  const tape = await openTape(run);
  expect(await tape.call("read_file", '{"n":1, "path":"a"}')).toMatchObject({
    isFound: true,
    text: "first",
  });
  expect(await tape.call("read_file", { path: "a", n: 1 })).toMatchObject({
    isFound: true,
    text: "second",
    seq: 1,
  });
  expect(await tape.call("read_file", { path: "a", n: 1 })).toMatchObject({ isFound: false });
  expect(await tape.call("read_file", { path: "c" })).toMatchObject({ isFound: false });
  expect(await tape.call("delete_file", { path: "a" })).toMatchObject({ isFound: false });
  expect(await tape.call("lost")).toMatchObject({
    isFound: false,
    reason: "the record does not hold the result",
  });
  const report = checked(tape.report());
  expect(verdicts(report)).toEqual([
    "read_file matched",
    "read_file matched",
    "read_file unconsumed",
    "lost unavailable",
  ]);
  expect(report.unrecorded.map(({ index, name, reason }) => `${index} ${name}: ${reason}`)).toEqual(
    [
      "2 read_file: recorded 2 times with these arguments, all served",
      "3 read_file: recorded, but never with these arguments",
      "4 delete_file: the run has no call of this tool",
      "5 lost: the record does not hold the result",
    ],
  );
  expect([report.fidelity, replayExitCode(report)]).toEqual(["failed", 12]);
});

test("tape: an unconsumed call degrades, no call at all is empty", async () => {
  const run = await runOf(call("a", {}, "1"), call("b", {}, "2"));
  const tape = await openTape(run);
  expect(replayExitCode(tape.report())).toBe(3);
  await tape.call("a");
  expect([tape.report().fidelity, replayExitCode(tape.report())]).toEqual(["degraded", 11]);
});

test("tape: digits beyond a double are told apart, and secrets do not keep a call from being found", async () => {
  const secret = "sk-abcdefghijklmnopqrstuvwxyz0123456789";
  const run = await runOf(
    call("get", { id: { $number: "9007199254740993" } }, "odd"),
    call("get", { id: { $number: "9007199254740992" } }, "even"),
    call("login", { token: secret }, `welcome ${secret}`),
  );
  const tape = await openTape(run);
  expect(await tape.call("get", '{"id":9007199254740992}')).toMatchObject({ text: "even" });
  expect(await tape.call("get", '{"id":9007199254740993}')).toMatchObject({ text: "odd" });
  const answer = await tape.call("login", { token: secret });
  expect(answer).toMatchObject({ isFound: true, text: expect.not.stringContaining(secret) });
});

test("tape: served over stdio as an MCP server", async () => {
  const run = await runOf(
    {
      tool: {
        name: "mcp__fs__read_file",
        description: { text: "reads" },
        schema: { type: "object", required: ["path"] },
      },
    },
    call("mcp__fs__read_file", { path: "a" }, "of a"),
    call("mcp__fs__shot", {}, "", {
      result: { bytes: new Uint8Array([1, 2, 3]), mediaType: "image/png" },
    }),
    call("mcp__fs__fails", {}, "no", { status: "error" }),
    call("other", {}, "x"),
  );
  const tape = await openTape(run);
  const [input, output] = [new PassThrough(), new PassThrough()];
  const served = serveTape(tape, { input, output, server: "fs" });
  const messages = [
    { jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-03-26" } },
    { jsonrpc: "2.0", method: "notifications/initialized" },
    { jsonrpc: "2.0", id: "t", method: "tools/list" },
    {
      jsonrpc: "2.0",
      id: 2,
      method: "tools/call",
      params: { name: "read_file", arguments: { path: "a" } },
    },
    { jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "shot" } },
    { jsonrpc: "2.0", id: 4, method: "tools/call", params: { name: "fails", arguments: {} } },
    {
      jsonrpc: "2.0",
      id: 5,
      method: "tools/call",
      params: { name: "read_file", arguments: { path: "b" } },
    },
    { jsonrpc: "2.0", id: 6, method: "resources/list" },
  ];
  for (const message of messages) input.write(`${JSON.stringify(message)}\n`);
  input.end("nonsense\n");
  await served;
  output.end();
  let text = "";
  for await (const chunk of output) text += chunk;
  const answers = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(answers).toMatchObject([
    { id: 1, result: { protocolVersion: "2025-03-26", capabilities: { tools: {} } } },
    {
      id: "t",
      result: {
        tools: [
          {
            name: "read_file",
            description: "reads",
            inputSchema: { type: "object", required: ["path"] },
          },
          { name: "fails" },
          { name: "shot" },
        ],
      },
    },
    { id: 2, result: { content: [{ type: "text", text: "of a" }], isError: false } },
    { id: 3, result: { content: [{ type: "image", data: "AQID", mimeType: "image/png" }] } },
    { id: 4, result: { isError: true } },
    {
      id: 5,
      result: { isError: true, content: [{ text: expect.stringContaining("not on the tape") }] },
    },
    { id: 6, error: { code: -32601 } },
    { id: null, error: { code: -32700 } },
  ]);
  const report = checked(tape.report());
  expect(verdicts(report)).toEqual([
    "mcp__fs__read_file matched",
    "mcp__fs__shot matched",
    "mcp__fs__fails matched",
    "other unconsumed",
  ]);
  expect(report.unrecorded).toHaveLength(1);
});

test("tape: an agent that says nothing more does not keep it from being stopped", async () => {
  const tape = await openTape(await runOf(call("a", {}, "1"), call("b", {}, "2")));
  const [input, output] = [new PassThrough(), new PassThrough()];
  const aborter = new AbortController();
  const served = serveTape(tape, { input, output, signal: aborter.signal });
  input.write('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}\n');
  output.once("data", () => aborter.abort(new Error("enough")));
  await expect(served).rejects.toThrow("enough");
  expect(checked(tape.report()).counts).toEqual({ matched: 1, unconsumed: 1 });
});

test("a recorder that is killed leaves all but the line it was writing", async () => {
  const file = join(folder, "killed.ndjson");
  const source = new URL("../../src/index.ts", import.meta.url).href;
  const script = `import { recordRun } from ${JSON.stringify(source)};
    const recorder = recordRun({ file: process.argv[1] });
    for (let i = 0; ; i++) { recorder.add({ step: { kind: "tool", name: "t" + i, result: { text: "x".repeat(100_000) } } }); if (i === 20) console.log("go"); }`;
  const child = spawn(
    process.execPath,
    ["--conditions=@ctxpack/source", "--input-type=module", "-e", script, file],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  for await (const _ of child.stdout) child.kill("SIGKILL");
  const bytes = await readFile(file);
  const torn = bytes.subarray(0, bytes.lastIndexOf(0x0a) - 10);
  const pack = await packInMemory(readRecording(torn));
  expect(pack.head.steps.count).toBeGreaterThanOrEqual(20);
  expect(pack.head.loss).toMatchObject([{ path: "$", reason: "malformed", count: 1 }]);
});
