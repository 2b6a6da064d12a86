import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalBytes, type JsonValue } from "@ctxpack/identity";
import { afterEach, beforeEach, expect, test } from "vitest";
import { finalizeFork, forkRun, readRun } from "../../src/index.ts";
import { runOf, tool, user } from "../drift/runs.ts";
import { memoryFiles, packInMemory } from "../run/memory.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ctxpack-fork-"));
});
afterEach(() => rm(dir, { recursive: true }));

async function fork(): Promise<string> {
  const run = await runOf(
    { input: { name: "a.txt", content: { text: "mine" } } },
    { step: user("hi") },
    { step: tool("t", { a: 1 }, "x".repeat(2000)) },
  );
  return forkRun(run, { folder: join(dir, "fork") });
}

/** The fork with another file for its input. */
async function pointTo(folder: string, file: string): Promise<Promise<unknown>> {
  const path = join(folder, "run.json");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace('"inputs/a.txt"', JSON.stringify(file)));
  return packInMemory(finalizeFork(folder));
}

test("§7.11.14: no file of a fork lies elsewhere", async () => {
  await writeFile(join(dir, "secret"), "secret");
  for (const file of [
    "/etc/passwd",
    "../secret",
    "inputs/../../secret",
    "/dev/zero",
    "a\u0000b",
    "C:x",
  ]) {
    const folder = await fork();
    await expect(pointTo(folder, file)).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
    await rm(folder, { recursive: true });
  }
});

test("neither a link, nor a folder behind one, a FIFO or a folder is read", async () => {
  await writeFile(join(dir, "secret"), "secret");
  const folder = await fork();
  await symlink(join(dir, "secret"), join(folder, "link"));
  await symlink(dir, join(folder, "up"));
  await mkdir(join(folder, "sub"));
  execFileSync("mkfifo", [join(folder, "fifo")]);
  const path = join(folder, "run.json");
  const good = await readFile(path, "utf8");
  for (const file of ["link", "up/secret", "sub", "fifo"]) {
    await writeFile(path, good);
    await expect(pointTo(folder, file)).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
  }
});

test("a pack whose names lead out of the fork is refused before anything of it is written", async () => {
  const pack = await packInMemory([{ input: { name: "a.txt", content: { text: "mine" } } }]);
  for (const name of ["../evil", "/etc/evil", "a/../../evil", "C:\\evil"]) {
    const head = { ...pack.head, inputs: [{ ...pack.head.inputs[0], name }] };
    const config = canonicalBytes(head as unknown as JsonValue);
    expect(() => readRun(config, memoryFiles(pack.tree))).toThrow("no safe relative path");
  }
});

test("a file where another name needs a folder is named", async () => {
  const run = await runOf(
    { output: { name: "a", content: { text: "1" } } },
    { output: { name: "a/b", content: { text: "2" } } },
  );
  await expect(forkRun(run, { folder: join(dir, "f") })).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
    message: expect.stringContaining("outputs/a/b"),
  });
  // What was begun is gone.
  expect(await readdir(dir)).toEqual([]);
  await expect(packInMemory(finalizeFork(join(dir, "f")))).rejects.toMatchObject({
    code: "CTXPACK_E_NOT_FOUND",
  });
});

test("a content that is not what its name says is not written", async () => {
  const pack = await packInMemory([{ step: tool("t", { a: 1 }, "x".repeat(2000)) }]);
  const tree = new Map(pack.tree);
  for (const path of tree.keys())
    if (path.startsWith("content/")) tree.set(path, Buffer.alloc(2000));
  const run = readRun(pack.config, memoryFiles(tree));
  await expect(forkRun(run, { folder: join(dir, "f") })).rejects.toMatchObject({
    code: "CTXPACK_E_DIGEST_MISMATCH",
  });
});

test("a fork of a run that claims ten gigabytes reads none of them", async () => {
  const pack = await packInMemory([{ output: { name: "a", content: { text: "1" } } }]);
  const head = { ...pack.head, outputs: [{ ...pack.head.outputs[0], size: 10 * 1024 ** 3 }] };
  const run = readRun(canonicalBytes(head as unknown as JsonValue), {
    read: (path) => {
      if (path.startsWith("content/")) throw new Error("read");
      return memoryFiles(pack.tree).read(path, {});
    },
  });
  await expect(forkRun(run, { folder: join(dir, "f") })).rejects.toMatchObject({
    code: "CTXPACK_E_TOO_LARGE",
  });
});

test("a secret that an edit brings in is replaced", async () => {
  const folder = await fork();
  await writeFile(join(folder, "prompts/0000-user.txt"), `use AKIA${"ABCDEFGHIJKLMNOP"}`);
  const pack = await packInMemory(finalizeFork(folder));
  expect(pack.redacted.secrets).toBe(1);
  expect(Buffer.from(pack.tree.get("steps.ndjson") ?? []).toString()).not.toContain("AKIA");
});
