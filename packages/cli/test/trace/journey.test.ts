// A run as people have it: an agent works, is changed, compared, replayed, forked; its run goes to a registry, is
// signed, and tells somewhere else where a file comes from.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingProgram, startDockerRegistry } from "@ctxpack/test-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type ScriptedModel,
  startScriptedModel,
  type Turn,
} from "../../../trace/test/record/scripted-model.ts";
import { bin, cleanUp, type Done, finish, result, run, scratch } from "../run.ts";
import { diff, json, replay, verdicts } from "./logs.ts";

cleanUp();

const agent = join(import.meta.dirname, "agent.ts");
const REPORT = "# Report\nalpha\n";
const TURNS: readonly Turn[] = [
  { text: "I read it.", calls: [{ name: "read_file", args: { path: "a.txt" } }] },
  {
    calls: [
      { name: "write_file", args: { path: "report.md", content: REPORT } },
      { name: "checksum", args: { content: REPORT } },
    ],
  },
  { text: "Done." },
];

interface Recording {
  readonly prompt?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly turns?: readonly Turn[];
}

let cwd: string;
/** The run that the others are compared with. */
let base: string;
const models: ScriptedModel[] = [];

beforeAll(async () => {
  cwd = scratch();
  writeFileSync(join(cwd, "a.txt"), "alpha\n");
  mkdirSync(join(cwd, "start"));
  copyFileSync(join(cwd, "a.txt"), join(cwd, "start/a.txt"));
  base = await record();
});

afterAll(async () => {
  for (const model of models) await model[Symbol.asyncDispose]();
});

async function recording({ prompt, env, turns }: Recording = {}): Promise<Done> {
  const model = await startScriptedModel(turns ?? TURNS);
  models.push(model);
  return await run(
    ["trace", "record", "--", process.execPath, agent, prompt ?? "Report on a.txt."],
    { cwd, env: { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: KEY, ...env } },
  );
}

const KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789";

async function record(what: Recording = {}): Promise<string> {
  const { code, stdout, stderr } = await recording(what);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("Done.\n");
  return stdout.trimEnd();
}

test("recorded: every step, whatever the transport; the key is nowhere", async () => {
  const { head, steps } = (await json(cwd, "trace", "show", base)) as {
    head: { models: object[]; environment: object; totals: object };
    steps: { kind: string; name?: string }[];
  };
  expect(steps.map(({ kind, name }) => (name === undefined ? kind : `${kind} ${name}`))).toEqual([
    "user",
    "llm",
    "tool read_file",
    "llm",
    "tool write_file",
    "tool checksum",
    "llm",
  ]);
  expect(head.models).toMatchObject([{ requested: "m-1", served: "m-1-2026" }]);
  expect(head.totals).toMatchObject({ usage: { input: 60, output: 15 } });
  expect(await result(["trace", "show", base, "--step", "2"], { cwd })).toContain("alpha");

  const streamed = await record({ env: { AGENT_STREAM: "1" } });
  // That it was asked for a stream is a parameter; nothing else differs.
  const compare = ["trace", "diff", base, streamed, "--exit-code"];
  const same = await run([...compare, "--ignore", "/models/*/params/stream"], { cwd });
  expect(same, same.stdout).toMatchObject({ code: 0 });
  const { counts } = await diff(cwd, base, streamed);
  expect(Object.entries(counts).filter(([, count]) => count > 0)).toEqual([["model_drift", 1]]);
  for (const uri of [base, streamed]) {
    const exported = await result(["trace", "export", uri], { cwd });
    expect(exported).toContain("Report on a.txt.");
    expect(exported).not.toContain(KEY);
  }

  // An agent that fails: its exit code is passed on, and its run is there.
  const failed = await recording({ turns: TURNS.slice(0, 1) });
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/^ctx:\/\/sha256:[0-9a-f]{64}\n$/);
  const broken = await diff(cwd, base, failed.stdout.trim());
  expect(broken.counts["error_drift"]).toBeGreaterThan(0);
});

test("changed in turn: each change is told as what it is, and what follows from it as that", async () => {
  const changes: readonly [Recording, Readonly<Record<string, number>>][] = [
    [{ prompt: "Report on a.txt, briefly." }, { prompt_drift: 1 }],
    [{ env: { AGENT_MODEL: "m-2" } }, { model_drift: 1 }],
    [{ env: { AGENT_TOOLS: "2" } }, { tool_drift: 3 }],
  ];
  for (const [change, expected] of changes) {
    const { counts, entries } = await diff(cwd, base, await record(change));
    const seen = Object.entries(counts).filter(([, count]) => count > 0);
    expect(Object.fromEntries(seen), JSON.stringify(entries)).toEqual(expected);
  }

  const [first, second, third] = TURNS as [Turn, Turn, Turn];
  const put = { name: "read_file", args: { path: "start/a.txt" } };
  const longer = [{ ...first, calls: [...(first.calls ?? []), put] }, second, third];
  const inserted = await diff(cwd, base, await record({ turns: longer }));
  expect(inserted.entries).toEqual([
    expect.objectContaining({ type: "tool_drift", change: "added", path: "/steps/3" }),
  ]);
  expect(inserted.firstDivergence).toMatchObject({ b: 3 });
  expect(inserted.steps).toMatchObject({ same: 7, added: 1, changed: 0 });
});

const CHECKSUM = ["--tool", "checksum=/usr/bin/sha256sum"];

test("replayed: audit, tools and tape", async () => {
  expect(await replay(cwd, base)).toMatchObject({
    code: 0,
    report: { mode: "audit", fidelity: "exact", counts: { matched: 7 } },
  });
  const tools = ["--mode", "tools", "--tool", "files", "--folder", "start"];
  const exact = await replay(cwd, base, ...tools, ...CHECKSUM);
  expect(verdicts(exact.report), exact.stdout).toEqual([
    "read_file matched",
    "write_file matched",
    "checksum matched",
  ]);
  expect([exact.code, exact.report.fidelity]).toEqual([0, "exact"]);
  // Half of it is not allowed; then nothing is.
  const half = await replay(cwd, base, ...tools);
  expect([half.code, half.report.counts]).toEqual([11, { matched: 2, skipped: 1 }]);
  expect((await replay(cwd, base, "--mode", "tools")).code).toBe(3);
  // Another file, another program.
  mkdirSync(join(cwd, "other"));
  writeFileSync(join(cwd, "other/a.txt"), "omega\n");
  const other = await replay(cwd, base, "--mode", "tools", "--tool", "files", "--folder", "other");
  expect([other.code, verdicts(other.report)[0]]).toEqual([11, "read_file diverged"]);
  const wrong = await replay(cwd, base, "--mode", "tools", "--tool", "checksum=/usr/bin/false");
  expect([wrong.code, verdicts(wrong.report)[2]]).toEqual([12, "checksum failed"]);
});

/** A live agent, whose tools are a tape. */
async function live(turns: readonly Turn[], ...flags: string[]): Promise<Done> {
  const model = await startScriptedModel(turns);
  models.push(model);
  const tape = [process.execPath, bin, "trace", "replay", base, "--mode", "tape", ...flags];
  const place = scratch();
  const child = spawn(process.execPath, [agent, "Report on a.txt."], {
    cwd: place,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: place,
      CTXPACK_CACHE_DIR: join(cwd, "store"),
      OPENAI_BASE_URL: model.url,
      AGENT_MCP: JSON.stringify(tape),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return await finish(child);
}

test("replayed: a tape serves a live agent, and tells when it asks for something else", async () => {
  // The folder of the agent has no a.txt: what it reads comes from the tape.
  const done = await live(TURNS);
  expect(done, done.stderr).toMatchObject({ code: 0, stdout: "Done.\n" });
  expect(done.stderr).toContain("tools: read_file write_file checksum\n");
  expect(done.stderr).toContain("tape: EXACT (3 matched)");

  const [first] = TURNS as [Turn];
  const file = join(cwd, "tape.json");
  const report = await live([first, { text: "Done." }], "--quiet", "--report", file);
  expect(report.code, report.stderr).toBe(11);
  expect(report.stderr).toContain("tape: DEGRADED");
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    mode: "tape",
    fidelity: "degraded",
    counts: { matched: 1, unconsumed: 2 },
  });

  const strange = [{ calls: [{ name: "read_file", args: { path: "b.txt" } }] }, { text: "Done." }];
  const missed = await live(strange);
  expect(missed.code, missed.stderr).toBe(12);
  expect(missed.stderr).toContain('asked for read_file {"path":"b.txt"}');
});

test.skipIf(missingProgram("docker-registry"))(
  "forked, pushed, signed, pulled elsewhere, and asked where a file comes from",
  async () => {
    await using registry = await startDockerRegistry();
    const pantry = `${registry.host}/acme/runs`;
    const draft = await result(["trace", "fork", base, "--to", "draft"], { cwd });
    writeFileSync(join(draft, "prompts/0000-user.txt"), "Report on a.txt, with a title.");
    // What the run made, the person who forks it knows: a recording of what is said to a model does not.
    mkdirSync(join(draft, "outputs"), { recursive: true });
    copyFileSync(join(cwd, "report.md"), join(draft, "outputs/report.md"));
    const head = JSON.parse(readFileSync(join(draft, "run.json"), "utf8"));
    const outputs = [{ name: "report.md", file: "outputs/report.md", producedBy: 4 }];
    writeFileSync(join(draft, "run.json"), JSON.stringify({ ...head, outputs }));
    const fork = await result(["trace", "finalize", draft], { cwd });
    const { entries } = await diff(cwd, base, fork);
    // That the first log held no outputs is no drift.
    expect(entries.map(({ type }) => type)).toEqual(["prompt_drift"]);
    const { head: forked } = await json(cwd, "trace", "show", fork);
    expect(forked).toMatchObject({ outputs: [{ name: "report.md", producedBy: 4 }] });
    expect((forked as { notCaptured: string[] }).notCaptured).not.toContain("outputs");

    await result(["keygen", "--out", "team.pem"], { cwd });
    await result(["keygen", "--out", "stranger.pem"], { cwd });
    await result(["attest", fork, "--key", "team.pem"], { cwd });
    await result(["push", base, "--to", pantry], { cwd });
    await result(["push", fork, "--to", pantry], { cwd });
    expect(await result(["inspect", fork], { cwd })).toContain(base.slice(6));

    // Another machine.
    const there = scratch();
    for (const name of ["team", "stranger"]) {
      copyFileSync(join(cwd, `${name}.pub`), join(there, `${name}.pub`));
      const publicKey = readFileSync(join(cwd, `${name}.pub`), "utf8");
      const policy = {
        schema: "ctxpack.policy/v1",
        signers: { [name]: { publicKey } },
        rules: [{ require: [{ signers: [name] }] }],
      };
      writeFileSync(join(there, `${name}.json`), JSON.stringify(policy));
    }
    await result(["pull", fork, "--from", pantry, "--policy", "team.json"], { cwd: there });
    expect(await result(["trace", "show", fork, "--json"], { cwd: there })).toBe(
      await result(["trace", "show", fork, "--json"], { cwd }),
    );
    expect(await run(["verify", fork, "--key", "team.pub"], { cwd: there })).toMatchObject({
      code: 0,
    });
    copyFileSync(join(cwd, "report.md"), join(there, "report.md"));
    copyFileSync(join(cwd, "report.md"), join(there, "renamed.md"));
    const verify = (...args: string[]) => run(["trace", "verify", ...args], { cwd: there });
    for (const file of ["report.md", "renamed.md"]) {
      for (const trust of [["--key", "team.pub"], ["--policy", "team.json"], []]) {
        const done = await verify(file, ...trust);
        expect(done, done.stderr).toMatchObject({ code: 0 });
        expect(done.stdout).toContain(`by ${fork}, step 4\n`);
        expect(done.stderr.includes("who recorded this was not checked")).toBe(trust.length === 0);
      }
      expect((await verify(file, "--key", "stranger.pub")).code).toBe(6);
      expect((await verify(file, "--policy", "stranger.json")).code).toBe(6);
    }
    writeFileSync(join(there, "report.md"), `${REPORT}And more.\n`);
    const modified = await verify("report.md", "--key", "team.pub");
    expect(modified, modified.stderr).toMatchObject({ code: 5 });
    expect(modified.stdout).toContain("modified");
    writeFileSync(join(there, "unknown.md"), "Nobody wrote this.\n");
    expect((await verify("unknown.md", "--key", "team.pub")).code).toBe(3);

    // The parent is not here yet: the log says so, and show gets it.
    const log = (await json(there, "trace", "log")) as { runs: object[] };
    expect(log.runs).toMatchObject([{ uri: fork, missing: [base] }]);
    expect((await run(["trace", "diff", base, fork, "--from", pantry], { cwd: there })).code).toBe(
      0,
    );
    const graph = await result(["trace", "log", "--graph"], { cwd: there });
    expect(graph).toContain(base.slice(13, 25));
  },
);
