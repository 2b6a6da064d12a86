import { expect, test } from "vitest";
import { expandPlaceholders, type PlaceholderPaths } from "../../src/run/placeholders.ts";

function paths(inputs: Record<string, string | undefined>, outputs: string[]): PlaceholderPaths {
  return {
    input: async (name) => inputs[name],
    inputs: Object.keys(inputs),
    outputs: outputs.map((name) => ({ name, shown: `./${name}` })),
  };
}

test("inputs and outputs by name, wherever in a word they stand; the rest as it is", async () => {
  const argv = ["x", "--in={in:a}", "{in:b}/f", "{out:o}{out:p}", "{inn}", "{}", "{in:a", "$1{2}"];
  const known = paths({ a: "docs", b: "$&" }, ["o", "p"]);
  expect(await expandPlaceholders(argv, known)).toEqual([
    "x",
    "--in=docs",
    "$&/f",
    "./o./p",
    "{inn}",
    "{}",
    "{in:a",
    "$1{2}",
  ]);
});

test("without a name: the only one, or the input called in", async () => {
  const one = ["{in}", "{out}"];
  expect(await expandPlaceholders(one, paths({ docs: "d" }, ["o"]))).toEqual(["d", "./o"]);
  expect(await expandPlaceholders(one, paths({ in: "i", docs: "d" }, ["o"]))).toEqual(["i", "./o"]);
  for (const known of [
    paths({ a: "a", b: "b" }, ["o"]),
    paths({ a: "a" }, ["o", "p"]),
    paths({}, []),
  ]) {
    await expect(expandPlaceholders(one, known)).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
  }
});

test("a name that nothing has, and an input that is no file", async () => {
  for (const word of ["{in:b}", "{out:q}", "{in:}"]) {
    const failing = expandPlaceholders([word], paths({ a: "a" }, ["o"]));
    await expect(failing).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
  }
  const digest = expandPlaceholders(["{in:a}"], paths({ a: undefined }, ["o"]));
  await expect(digest).rejects.toThrow("{in:a}: the input a has no path");
});
