import { sha256 } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CONTENT_FOLDER,
  MAX_STEP_LINE,
  parseRunHead,
  readRun,
  STEPS_PATH,
} from "../../src/index.ts";
import { collect, type MemoryPack, memoryFiles, packInMemory } from "./memory.ts";

const long = "y".repeat(5000);

function sample(): Promise<MemoryPack> {
  return packInMemory([
    { head: { source: { format: "recorded" } } },
    { step: { kind: "user", result: { text: "hi" } } },
    { step: { kind: "llm", model: { requested: "m" }, result: { text: long } } },
  ]);
}

function withFile(pack: MemoryPack, path: string, bytes: Uint8Array): MemoryPack {
  return { ...pack, tree: new Map([...pack.tree, [path, bytes]]) };
}

function steps(pack: MemoryPack): Promise<unknown[]> {
  return collect(readRun(pack.config, memoryFiles(pack.tree)).steps());
}

test("fewer, more, other and reordered steps are found", async () => {
  const pack = await sample();
  const text = Buffer.from(pack.tree.get(STEPS_PATH) ?? "").toString();
  const [one = "", two = ""] = text.split("\n");
  for (const [lines, code] of [
    [`${one}\n`, "CTXPACK_E_DIGEST_MISMATCH"],
    [`${text}${one.replace('"seq":0', '"seq":2')}\n`, "CTXPACK_E_DIGEST_MISMATCH"],
    [text.replace("hi", "ho"), "CTXPACK_E_DIGEST_MISMATCH"],
    [`${two}\n${one}\n`, "CTXPACK_E_PACK"],
    [text.replace('{"kind"', '{ "kind"'), "CTXPACK_E_PACK"],
    [text.replace('"status":"ok"', '"status":"fine"'), "CTXPACK_E_PACK"],
    [text.replace('"seq":0', '"parent":5,"seq":0'), "CTXPACK_E_PACK"],
    ["\u0000\n", "CTXPACK_E_PACK"],
  ] as const) {
    const bytes = new TextEncoder().encode(lines);
    await expect(steps(withFile(pack, STEPS_PATH, bytes))).rejects.toMatchObject({ code });
  }
});

test("a line without end is refused as soon as it is too long", async () => {
  const pack = await sample();
  let sent = 0;
  const piece = new Uint8Array(64 * 1024).fill(0x61);
  const run = readRun(pack.config, {
    async *read() {
      for (;;) {
        sent += piece.length;
        yield piece;
      }
    },
  });
  await expect(collect(run.steps())).rejects.toMatchObject({ code: "CTXPACK_E_PACK" });
  expect(sent).toBeLessThanOrEqual(MAX_STEP_LINE + piece.length);
});

test("contents that are not what their name says are refused", async () => {
  const pack = await sample();
  const digest = sha256(new TextEncoder().encode(long));
  const path = `${CONTENT_FOLDER}/${digest.slice(7)}`;
  const read = (bytes: Uint8Array) =>
    readRun(pack.config, memoryFiles(withFile(pack, path, bytes).tree)).content({
      digest,
      size: 5000,
    });
  expect((await read(new TextEncoder().encode(long))).length).toBe(5000);
  await expect(read(new Uint8Array(5000))).rejects.toMatchObject({
    code: "CTXPACK_E_DIGEST_MISMATCH",
  });
  await expect(read(new Uint8Array(4999))).rejects.toMatchObject({
    code: "CTXPACK_E_SIZE_MISMATCH",
  });
  await expect(read(new Uint8Array(9999))).rejects.toMatchObject({
    code: "CTXPACK_E_SIZE_MISMATCH",
  });
  const run = readRun(pack.config, memoryFiles(pack.tree));
  // 10 GB claimed: nothing is read.
  await expect(run.content({ digest, size: 10 ** 10 })).rejects.toMatchObject({
    code: "CTXPACK_E_TOO_LARGE",
  });
});

test.each([
  [
    "a name that leads out",
    (head: string) => head.replace('"inputs":[]', '"inputs":[{"name":"../x"}]'),
  ],
  [
    "an absolute name",
    (head: string) => head.replace('"inputs":[]', '"inputs":[{"name":"/etc/passwd"}]'),
  ],
  [
    "a name twice",
    (head: string) => head.replace('"inputs":[]', '"inputs":[{"name":"a"},{"name":"a"}]'),
  ],
  [
    "escape codes in a name",
    (head: string) => head.replace('"inputs":[]', '"inputs":[{"name":"\\u001b[2J"}]'),
  ],
  ["another schema", (head: string) => head.replace("ctxpack.run/v1", "ctxpack.run/v2")],
  ["an unknown member", (head: string) => head.replace('"inputs":[]', '"inputs":[],"inputz":[]')],
  ["white space", (head: string) => `${head}\n`],
])("a head with %s is refused", async (_, change) => {
  const { config } = await sample();
  const bytes = new TextEncoder().encode(change(Buffer.from(config).toString()));
  expect(() => parseRunHead(bytes)).toThrow(expect.objectContaining({ code: "CTXPACK_E_PACK" }));
});

test("no bytes crash the reader: they are refused by an error of ours", async () => {
  const pack = await sample();
  const whole = pack.tree.get(STEPS_PATH) ?? new Uint8Array();
  const damage = fc.record({
    at: fc.nat(whole.length - 1),
    put: fc.uint8Array({ maxLength: 12 }),
    cut: fc.nat(40),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ at, put, cut }) => {
      const bytes = Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + cut)]);
      if (bytes.equals(whole)) return;
      await expect(steps(withFile(pack, STEPS_PATH, bytes))).rejects.toMatchObject({
        code: expect.stringMatching(/^CTXPACK_E_(?:PACK|DIGEST_MISMATCH)$/),
      });
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => parseRunHead(bytes)).toThrow(
        expect.objectContaining({ code: "CTXPACK_E_PACK" }),
      );
    }),
  );
});
