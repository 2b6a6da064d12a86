import { expect, test } from "vitest";
import { filesOfLines, splitPattern } from "../../src/map/items.ts";
import { ItemCommand, namesOf, outputPaths, splitTemplate } from "../../src/map/template.ts";

const files = (...paths: string[]) =>
  paths.map((path) => ({ path, digest: `sha256:${"0".repeat(64)}` as const }));

test.for([
  ["docs/**/*.pdf", "docs", ["**/*.pdf"]],
  ["docs/2026/a?.pdf", "docs/2026", ["a?.pdf"]],
  ["docs", "docs", []],
  ["docs/", "docs/", []],
  ["*.pdf", ".", ["*.pdf"]],
  ["/srv/*/x", "/srv", ["*/x"]],
  ["/*", "/", ["*"]],
] as const)("%s is %s and %j", ([text, root, include]) => {
  expect(splitPattern(text)).toEqual({ root, include });
});

test("lines of a tree are its files", () => {
  const hex = "a".repeat(64);
  expect(filesOfLines(Buffer.from(`${hex}  a b\n${hex}  ü/c\n`))).toEqual([
    { path: "a b", digest: `sha256:${hex}` },
    { path: "ü/c", digest: `sha256:${hex}` },
  ]);
  expect(filesOfLines(new Uint8Array())).toEqual([]);
});

test.for([
  ["a/b.tar.gz", { name: "b.tar", ext: ".gz" }],
  ["plain", { name: "plain", ext: "" }],
  ["d.x/.hidden", { name: ".hidden", ext: "" }],
  ["dir.d/no", { name: "no", ext: "" }],
] as const)("the names of %s", ([path, names]) => {
  expect(namesOf(path)).toEqual({ path, ...names });
});

test.for([
  ["text/{path}.json", "text", "{path}.json"],
  ["a/b/{name}/x{ext}", "a/b", "{name}/x{ext}"],
  ["out/all", "out", "all"],
  ["./out/{path}", "./out", "{path}"],
  ["/abs/{path}", "/abs", "{path}"],
] as const)("--out %s is the folder %s and %s", ([text, folder, out]) => {
  expect(splitTemplate(text)).toEqual({ folder, out });
});

test.for([
  ["{path}.json", "has no folder"],
  ["./{path}", "has no folder"],
  ["text/{in}", "{in}"],
  ["text/{pth}", "{pth}"],
] as const)("--out %s says what is wrong with it", ([text, message]) => {
  expect(() => splitTemplate(text)).toThrow(message);
});

test("results have places of their own, inside; errors name both items", () => {
  expect(outputPaths("{path}.json", files("a.pdf", "b/a.pdf"))).toEqual([
    "a.pdf.json",
    "b/a.pdf.json",
  ]);
  expect(outputPaths("{name}{ext}", files("x/a", "y/b.c"))).toEqual(["a", "b.c"]);
  expect(() => outputPaths("{name}.json", files("a.pdf", "b/a.doc"))).toThrow(
    "a.pdf and b/a.doc would both write a.json",
  );
  // One would be the folder the other lies in.
  expect(() => outputPaths("{path}", files("a.b/c", "x"))).not.toThrow();
  expect(() => outputPaths("{name}/{name}", files("a.x"))).not.toThrow();
  expect(() => outputPaths("{name}{ext}", files("a", "b/a"))).toThrow("a and b/a would both");
  expect(() => outputPaths("{ext}/x", files("a"))).toThrow("the result of a would be at /x");
  expect(() => outputPaths("x/../{path}", files("a"))).toThrow("the result of a would be at");
});

test("a result that another would have to lie in is a collision", () => {
  expect(() => outputPaths("{path}{name}", files("a", "aa/x"))).toThrow(
    "a and aa/x would both write aa",
  );
});

const places = { in: "/tmp/in.pdf", out: "/tmp/out" };

test("the words of a command, and what they stand for", () => {
  const command = new ItemCommand(
    ["x", "{in}", "{in:docs}", "{in:prompt}", "{name}:{ext}", "{path}", "--o={out}"],
    "docs",
  );
  const others = new Map([["{in:prompt}", "prompt.txt"]]);
  expect(command.others()).toEqual(["{in:prompt}"]);
  expect(command.for(namesOf("a/{out}.pdf"), places, others)).toEqual([
    "x",
    "/tmp/in.pdf",
    "/tmp/in.pdf",
    "prompt.txt",
    // What a name holds is never taken for a placeholder.
    "{out}:.pdf",
    "a/{out}.pdf",
    "--o=/tmp/out",
  ]);
});

test("for several items the words from the first to the last that names one come again", () => {
  const command = new ItemCommand(["x", "-l", "{in}", "-o", "{out}", "{in:p}", "end"], "docs");
  const item = (n: number) => ({
    names: namesOf(`${n}.pdf`),
    places: { in: `in${n}`, out: `out${n}` },
  });
  const argv = command.forAll([item(1), item(2)], new Map([["{in:p}", "P"]]));
  expect(argv).toEqual(["x", "-l", "in1", "-o", "out1", "in2", "-o", "out2", "P", "end"]);
});

test.for([
  [["x", "{in}"], "{out}"],
  [["x", "{out}"], "{in}"],
  [["x"], "{out}"],
] as const)("%j could make nothing of an item", ([argv, missing]) => {
  expect(() => new ItemCommand(argv, "docs")).toThrow(missing);
});
