import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uriDigest } from "@ctxpack/identity";
import { expect, test } from "vitest";
import {
  contentPath,
  packRun,
  type RunPart,
  readRun,
  runFolder,
  STEPS_PATH,
  stepContents,
  storedContents,
  writeRunFolder,
} from "../../src/index.ts";
import { collect, packInMemory, reread } from "./memory.ts";

const long = "x".repeat(1025);

const parts: readonly RunPart[] = [
  { head: { source: { format: "recorded" }, agent: { name: "loop", version: "1" } } },
  { system: { text: "Be brief." } },
  { tool: { name: "read_file", schema: { type: "object" } } },
  { step: { kind: "user", result: { text: "What does it say?" } } },
  {
    step: {
      kind: "llm",
      model: { requested: "m-1", provider: "p", params: { temperature: 0 } },
      usage: { input: 10, output: 2, cost: 0.25 },
      startedAt: "2026-01-01T00:00:00.5Z",
    },
  },
  {
    step: {
      kind: "tool",
      name: "read_file",
      by: 1,
      callId: "c1",
      request: { value: { path: "a.txt" } },
      result: { text: long },
    },
  },
  {
    step: {
      kind: "llm",
      model: { requested: "m-1", provider: "p", params: { temperature: 1 } },
      result: { text: "" },
      usage: { input: 20, output: 5, cost: 0.5 },
    },
  },
  { input: { name: "a.txt", content: { text: long } } },
  { output: { name: "out/b.txt", content: { text: "b" }, producedBy: 3 } },
  { loss: { path: "$.noise", reason: "unmapped", line: 7 } },
];

test("the URI is the digest of the head, the head has the digest of the steps, contents are named by theirs", async () => {
  const pack = await packInMemory(parts);
  expect(uriDigest(pack.uri)).toBe(hashOf(pack.config));
  expect(pack.head.steps).toEqual({ count: 4, digest: hashOf(pack.tree.get(STEPS_PATH)) });
  for (const [path, bytes] of pack.tree) {
    if (path !== STEPS_PATH) expect(path).toBe(contentPath(hashOf(bytes)));
  }
  // The long text is tool result and input; it is one file.
  expect([...pack.tree.keys()].sort()).toEqual(
    [
      STEPS_PATH,
      contentPath(hashOf(Buffer.from(long))),
      contentPath(hashOf(Buffer.from("b"))),
    ].sort(),
  );
});

test("the same parts give the same bytes", async () => {
  const [one, two] = [await packInMemory(parts), await packInMemory(parts)];
  expect(two.uri).toBe(one.uri);
  expect([...two.tree]).toEqual([...one.tree]);
});

test("a run reads back as it was packed", async () => {
  const run = reread(await packInMemory(parts));
  const steps = await collect(run.steps());
  expect(steps.map(({ seq, kind }) => [seq, kind])).toEqual([
    [0, "user"],
    [1, "llm"],
    [2, "tool"],
    [3, "llm"],
  ]);
  expect(run.head.models).toEqual([
    { requested: "m-1", provider: "p", params: { value: { temperature: 0 } } },
  ]);
  expect(steps[1]?.params).toBeUndefined();
  expect(steps[3]?.params).toEqual({ value: { temperature: 1 } });
  expect(steps[3]?.result).toEqual({ text: "" });
  expect(run.head.totals).toEqual({
    steps: { user: 1, llm: 2, tool: 1 },
    errors: 0,
    usage: { input: 30, output: 7, cost: 0.75 },
    startedAt: "2026-01-01T00:00:00.5Z",
    endedAt: "2026-01-01T00:00:00.5Z",
  });
  expect(run.head.loss).toEqual([{ path: "$.noise", reason: "unmapped", count: 1, lines: [7] }]);
  const [stored] = [...storedContents(steps.flatMap(stepContents))];
  expect(stored?.stored.size).toBe(1025);
  expect(await run.text(stored?.stored ?? { text: "" })).toBe(long);
});

test("what is 1,024 bytes long stands in the line, one byte more is a file", async () => {
  const inline = "é".repeat(512);
  const pack = await packInMemory([
    { step: { kind: "user", result: { text: inline } } },
    { step: { kind: "user", result: { text: `${inline}!` } } },
    { step: { kind: "user", result: { value: { a: "x".repeat(1024 - 8) } } } },
    { step: { kind: "user", result: { value: { a: "x".repeat(1024 - 7) } } } },
  ]);
  const steps = await collect(reread(pack).steps());
  expect(
    steps.map(({ result }) =>
      Object.keys(result ?? {})
        .sort()
        .join(),
    ),
  ).toEqual(["text", "digest,mediaType,size", "value", "digest,mediaType,size"]);
});

test("a run in a folder is the run in memory, and a second one does not overwrite it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "ctxpack-trace-"));
  try {
    const pack = await packInMemory(parts);
    const written = await writeRunFolder(packRun(parts), dir);
    expect(written.uri).toBe(pack.uri);
    expect((await readdir(dir, { recursive: true })).sort()).toEqual(
      ["content", ...pack.tree.keys()].sort(),
    );
    expect(await readFile(join(dir, STEPS_PATH))).toEqual(pack.tree.get(STEPS_PATH));
    const run = readRun(written.config, runFolder(dir));
    expect(await collect(run.steps())).toHaveLength(4);
    await expect(writeRunFolder(packRun(parts), dir)).rejects.toMatchObject({
      code: "CTXPACK_E_CONFLICT",
    });
  } finally {
    await rm(dir, { recursive: true });
  }
});

test("a step may not belong to itself or to a later one", async () => {
  for (const key of ["parent", "by"] as const) {
    const broken = packInMemory([{ step: { kind: "tool", name: "t", [key]: 0 } }]);
    await expect(broken).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
  }
});

test("a file names a step that there is", async () => {
  const broken = packInMemory([{ output: { name: "a", content: { text: "a" }, producedBy: 0 } }]);
  await expect(broken).rejects.toMatchObject({ code: "CTXPACK_E_TRACE" });
});

test("packing can be given up", async () => {
  const aborter = new AbortController();
  async function* endless(): AsyncGenerator<RunPart> {
    for (;;) {
      yield { step: { kind: "user", result: { text: "again" } } };
      aborter.abort();
    }
  }
  const files = packRun(endless(), { signal: aborter.signal });
  await expect(collect(files)).rejects.toMatchObject({ name: "AbortError" });
});

function hashOf(bytes: Uint8Array | undefined): `sha256:${string}` {
  return `sha256:${createHash("sha256")
    .update(bytes ?? "")
    .digest("hex")}`;
}
