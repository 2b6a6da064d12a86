// The binary `ctx`: what people and scripts typed for the earlier tool still says what they want to know.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, scratch } from "../run.ts";
import { logText } from "./logs.ts";

cleanUp();

const bin = join(import.meta.dirname, "../../bin/ctx.cjs");

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ctx(cwd: string, ...args: string[]): Said {
  const done = spawnSync(process.execPath, [bin, ...args], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, "store") },
    encoding: "utf8",
  });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

test("pack, show by eight digits, log, replay, fork, diff in words and as JSON", () => {
  const cwd = scratch();
  expect(ctx(cwd, "init").code).toBe(0);
  writeFileSync(join(cwd, "a.json"), logText());
  writeFileSync(join(cwd, "b.json"), logText({ model: "m-2" }));
  const [a, b] = ["a.json", "b.json"].map((name) => {
    const packed = ctx(cwd, "pack", name);
    expect(packed.code, packed.stderr).toBe(0);
    expect(packed.stdout).toMatch(/^ctx:\/\/sha256:[0-9a-f]{64}\n$/);
    return packed.stdout.trim().slice(13);
  }) as [string, string];
  for (const name of [a.slice(0, 8), a, `ctx://sha256:${a}`, `ctx://${a}`, `sha256:${a}`]) {
    const shown = ctx(cwd, "show", name);
    expect(shown, name).toMatchObject({ code: 0, stdout: expect.stringContaining("Steps (3):") });
  }
  const log = ctx(cwd, "log");
  expect(log.stdout.split("\n").filter(Boolean)).toHaveLength(2);
  expect(log.stdout).toContain(a.slice(0, 12));
  const words = ctx(cwd, "diff", a.slice(0, 8), b.slice(0, 8), "--human");
  expect(words).toMatchObject({ code: 0, stdout: expect.stringContaining("1 difference found") });
  const json = ctx(cwd, "diff", a.slice(0, 8), b.slice(0, 8));
  expect(json.code).toBe(0);
  expect(JSON.parse(json.stdout)).toMatchObject({
    drift: true,
    entries: [{ type: "model_drift" }],
  });
  expect(JSON.parse(ctx(cwd, "diff", a, b, "--json").stdout)).toEqual(JSON.parse(json.stdout));
  expect(ctx(cwd, "replay", a.slice(0, 8)).code).toBe(0);
  const fork = ctx(cwd, "fork", a.slice(0, 8));
  expect(fork.code).toBe(0);
  const finalized = ctx(cwd, "finalize", fork.stdout.trim());
  expect(finalized).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ctx:\/\//) });
  expect(ctx(cwd, "log").stdout).toContain(`(forked from ${a.slice(0, 12)})`);
  expect(ctx(cwd, "show", "ffffffff").code).toBe(3);
  expect(ctx(cwd, "show", "zz").code).toBe(2);
  expect(ctx(cwd, "nonsense").code).toBe(2);
  const help = ctx(cwd, "help", "pack");
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining("trace pack") });
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** A manifest in the form that the earlier tool kept: sorted keys, references for texts. */
function manifest(model: string): { text: string; blobs: string[] } {
  const blobs = ["Be exact.", `Ask ${model}.`, "alpha\n"];
  const [system, prompt, output] = blobs.map((text) => `sha256:${sha256(text)}`);
  const text = JSON.stringify({
    created: "2026-02-20T10:16:20Z",
    environment: { os: "linux", runtime: "go1.23", tool_versions: null },
    hash: "",
    inputs: [],
    model: { identifier: model, parameters: null },
    outputs: [{ content_ref: output, name: "out/o.txt" }],
    prompts: [{ content_ref: prompt, role: "user" }],
    steps: [
      {
        deterministic: true,
        index: 0,
        output_ref: output,
        parameters: { path: "a.txt" },
        timestamp: "2026-02-20T10:16:19Z",
        tool: "read_file",
        type: "tool_call",
      },
    ],
    system_prompt: system,
    version: "0.1",
  });
  return { text, blobs };
}

/** A project of the earlier tool; the ids of its packs. */
function project(cwd: string, models: readonly string[]): string[] {
  const put = (text: string) => {
    const path = join(cwd, ".ctx/objects", sha256(text).slice(0, 2), sha256(text).slice(2));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  mkdirSync(join(cwd, ".ctx/packs"), { recursive: true });
  writeFileSync(join(cwd, ".ctx/config.json"), '{\n  "version": "0.1"\n}');
  return models.map((model) => {
    const { text, blobs } = manifest(model);
    for (const blob of [text, ...blobs]) put(blob);
    writeFileSync(join(cwd, ".ctx/packs", sha256(text)), `sha256:${sha256(text)}`);
    return sha256(text);
  });
}

test("import .ctx: the ids of that store still name its runs", () => {
  const cwd = scratch();
  const ids = project(cwd, ["m-1", "m-2", "m-3"]);
  const imported = ctx(cwd, "import", ".ctx");
  expect(imported.code, imported.stderr).toBe(0);
  const uris = imported.stdout.trim().split("\n");
  expect(uris).toHaveLength(3);
  expect(ctx(cwd, "import", ".").stdout.trim().split("\n")).toEqual(uris);
  for (const id of ids) {
    for (const name of [id, `ctx://${id}`, id.slice(0, 12), id.slice(0, 8)]) {
      const shown = ctx(cwd, "show", name);
      expect(shown, name).toMatchObject({ code: 0, stdout: expect.stringContaining(id) });
    }
  }
  const [first, second] = ids as [string, string];
  const drift = ctx(cwd, "diff", first.slice(0, 12), second.slice(0, 12));
  expect(JSON.parse(drift.stdout).counts).toMatchObject({ model_drift: 1, prompt_drift: 1 });
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/o.txt"), "alpha\n");
  expect(ctx(cwd, "verify", "out/o.txt")).toMatchObject({ code: 0 });

  // A store whose bytes are not those of their names is damaged.
  const other = scratch();
  const [id = ""] = project(other, ["m-1"]);
  const path = join(other, ".ctx/objects", id.slice(0, 2), id.slice(2));
  writeFileSync(path, manifest("m-9").text);
  const damaged = ctx(other, "import", ".ctx");
  expect(damaged).toMatchObject({ code: 5, stdout: "" });
  expect(damaged.stderr).toContain(`${id.slice(2)}: its bytes are sha256:`);
});

test("what looked at commits is not here, and says so in one line", () => {
  const cwd = scratch();
  for (const name of ["index", "delta", "optimize", "metrics", "benchmark"]) {
    const done = ctx(cwd, name, "--commit", "HEAD");
    expect(done).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toMatch(new RegExp(`^error: ctx ${name} [^\\n]+\\n$`));
  }
});
