import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CtxPack } from "@ctxpack/client";
import { canonicalize, isResolved, type JsonValue, readContract } from "@ctxpack/identity";
import { scratchFolder } from "@ctxpack/test-tools";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { adHocContract, saveContract } from "../../src/run/ad-hoc.ts";
import { parseParams } from "../../src/run/param.ts";
import { workOf } from "../../src/work.ts";

const folder = scratchFolder();
afterAll(() => folder[Symbol.dispose]());
const cwd = folder.path;
mkdirSync(join(cwd, "docs"));
writeFileSync(join(cwd, "docs/a"), "a");

test.for<[string, JsonValue]>([
  ["512", 512],
  ["true", true],
  ["null", null],
  ['{"a":1}', { a: 1 }],
  ["[1,2]", [1, 2]],
  ['"quoted"', "quoted"],
  ["1e+21", 1e21],
  ["1.10", "1.10"],
  ["007", "007"],
  ["1e21", "1e21"],
  ["-0", "-0"],
  ["0x10", "0x10"],
  ['{"a": 1}', '{"a": 1}'],
  ['{"b":1,"a":2}', '{"b":1,"a":2}'],
  ['{"a":1,"a":2}', '{"a":1,"a":2}'],
  ["9007199254740993", "9007199254740993"],
  ["", ""],
  ["yes", "yes"],
  ["a=b", "a=b"],
])("--param k=%s", ([text, value]) => {
  expect(parseParams([`k=${text}`])).toEqual({ k: value });
});

test("a value whose canonical text it is, and only that, is JSON", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      const { k } = parseParams([`k=${text}`]);
      let canonical: string | undefined;
      try {
        canonical = canonicalize(JSON.parse(text));
      } catch {}
      expect(k).toEqual(canonical === text ? JSON.parse(text) : text);
    }),
  );
});

test("what is no K=V, or given twice, is refused", () => {
  for (const texts of [["chunk"], ["=1"], ["a=1", "a=2"]]) {
    expect(() => parseParams(texts)).toThrow(/--param/);
  }
});

test("flags and the contract that is saved from them have one URI, whatever the parameters", async () => {
  await using ctx = await CtxPack.open({ cwd, env: { HOME: cwd }, cacheDir: "store" });
  const value = fc.oneof(fc.json(), fc.string({ unit: "binary" }), fc.double().map(String));
  let file = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 3 }), async (values) => {
      const params = values.map((text, i) => `p${i}=${text}`);
      const adHoc = {
        inputs: ["docs"],
        tool: "@acme/embed@1.10",
        params,
        code: ["docs/*"],
        env: ["REGION"],
        passEnv: ["TOKEN"],
        outputs: ["out/index", "log=run.log"],
      };
      let parsed: ReturnType<typeof adHocContract>;
      try {
        parsed = adHocContract(adHoc, ["node", "a.js", "{in}"], cwd);
      } catch (error) {
        // Numbers that JSON writes and contracts refuse.
        expect(error).toMatchObject({ code: "CTXPACK_E_CONTRACT" });
        return;
      }
      const name = `${file++}.json`;
      await saveContract(parsed, name, cwd, workOf({}));
      const saved = await readContract(join(cwd, name));
      expect(saved.contract).toEqual(parsed.contract);
      const { uri } = await ctx.uri(parsed);
      expect((await ctx.uri(name)).uri).toBe(uri);
    }),
    { numRuns: 40 },
  );
});

test("the flags as a contract", () => {
  const adHoc = { inputs: ["docs", "p=./a=b", "./c=d"], tool: "node@24", outputs: ["out"] };
  expect(() => adHocContract(adHoc, ["x"], cwd)).toThrow(/two inputs are called "in"/);
  const { contract } = adHocContract({ ...adHoc, inputs: ["docs", "p=./a=b"] }, ["x"], cwd);
  expect(isResolved(contract)).toBe(false);
  expect(contract).toEqual({
    command: ["x"],
    inputs: [
      { name: "in", path: "docs" },
      { name: "p", path: "./a=b" },
    ],
    outputs: [{ path: "out" }],
    transforms: [{ tool: "node", tool_version: "24" }],
  });
  expect(() => adHocContract({ outputs: ["out"] }, ["node"], cwd)).toThrow(/--tool is missing/);
  const pack = `ctx://sha256:${"a".repeat(64)}`;
  const packs = adHocContract({ ...adHoc, inputs: [pack, `text=${pack}`] }, ["x"], cwd);
  expect(packs.contract).toMatchObject({
    inputs: [
      { name: "in", pack },
      { name: "text", pack },
    ],
  });
  expect(() => adHocContract({ ...adHoc, inputs: ["ctx://sha256:abc"] }, ["x"], cwd)).toThrow(
    /\/inputs\/0\/pack/,
  );
});

test("a file that says something else is not written over, and none elsewhere is written", async () => {
  const parsed = adHocContract({ tool: "t", outputs: ["out"] }, ["x"], cwd);
  await saveContract(parsed, "mine.yaml", cwd, workOf({}));
  await saveContract(parsed, "mine.yaml", cwd, workOf({}));
  const other = adHocContract({ tool: "u", outputs: ["out"] }, ["x"], cwd);
  const refused = { code: "CTXPACK_E_USAGE" };
  await expect(saveContract(other, "mine.yaml", cwd, workOf({}))).rejects.toMatchObject(refused);
  await expect(saveContract(parsed, "docs/c.json", cwd, workOf({}))).rejects.toMatchObject(refused);
});
