import { contractUri, type ResolvedContract } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import { familyOf, ItemKeys, recipeOf } from "../../src/map/item-key.ts";
import { ItemCommand } from "../../src/map/template.ts";

const digest = (digit: string) => `sha256:${digit.repeat(64)}` as const;
const tree = (digit: string) => `dirHash1:${digit.repeat(64)}` as const;

function mapped(more: Partial<ResolvedContract> = {}): ResolvedContract {
  return {
    command: ["node", "x.ts", "{in:prompt}", "{in}", "{path}", "{out}"],
    inputs: [
      { name: "a", value: { z: 1, ü: [null] } },
      { name: "docs", digest: tree("1") },
      { name: "prompt", digest: digest("2") },
    ],
    map: { input: "docs", out: "{path}.json" },
    schema: "ctxpack.contract/v1",
    transforms: [{ tool: "node", tool_version: "24", env: { REGION: null }, params: { n: 1 } }],
    ...more,
  };
}

const commandOf = ({ command = [] }: ResolvedContract) => new ItemCommand(command, "docs");

test("a key is the URI of the map's contract for this item alone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !/[\n\0]/.test(text)),
      fc.constantFrom("", ".pdf", ".\u2028"),
      async (name, ext) => {
        const path = `d/${name.replaceAll(/[./]/g, "_")}${ext}`;
        const contract = mapped();
        const file = { path, digest: digest("3") };
        const { map: _, ...rest } = contract;
        const expected = await contractUri({
          ...rest,
          command: ["node", "x.ts", "{in:prompt}", `in${ext}`, path, "out"],
          inputs: contract.inputs.map((input) =>
            input.name === "docs" ? { name: "docs", digest: file.digest } : input,
          ),
        });
        const key = new ItemKeys(contract, commandOf(contract)).key(file);
        expect(`ctx://sha256:${key}`).toBe(expected);
      },
    ),
  );
});

test("without a command, too", async () => {
  const { command: _, map: __, ...rest } = mapped();
  const contract = { ...rest, map: { input: "docs", out: "{path}" } };
  const file = { path: "a.pdf", digest: digest("4") };
  const inputs = rest.inputs.map((one) =>
    one.name === "docs" ? { name: "docs", digest: file.digest } : one,
  );
  const key = new ItemKeys(contract, undefined).key(file);
  expect(`ctx://sha256:${key}`).toBe(await contractUri({ ...rest, inputs }));
});

test("a family is all of the recipe, and nothing of the items", () => {
  const family = familyOf(mapped());
  const inputs = mapped().inputs.map((one) =>
    one.name === "docs" ? { name: "docs", digest: tree("9") } : one,
  );
  expect(familyOf(mapped({ inputs }))).toBe(family);
  const others: Partial<ResolvedContract>[] = [
    { command: ["x"] },
    { map: { input: "docs", out: "{path}" } },
    { transforms: [{ tool: "node" }] },
    { inputs: mapped().inputs.slice(0, 2) },
  ];
  for (const more of others) expect(familyOf(mapped(more))).not.toBe(family);
  const moved = mapped({ map: { input: "docs", out: "{path}" } });
  expect(recipeOf(moved)).toBe(recipeOf(mapped({ inputs })));
  expect(recipeOf(mapped({ command: ["x"] }))).not.toBe(recipeOf(mapped()));
});

test("ten thousand keys take no time", () => {
  const contract = mapped();
  const keys = new ItemKeys(contract, commandOf(contract));
  const began = performance.now();
  for (let n = 0; n < 10_000; n++) keys.key({ path: `docs/file-${n}.pdf`, digest: digest("5") });
  expect(performance.now() - began).toBeLessThan(2000);
});
