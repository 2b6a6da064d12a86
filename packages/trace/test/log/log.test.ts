import type { CtxUri } from "@ctxpack/identity";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type LoggedRun, lineage, type RunHead, renderLog } from "../../src/index.ts";
import { user } from "../drift/runs.ts";
import { packInMemory } from "../run/memory.ts";

const head = (await packInMemory([{ step: user("q") }])).head;

const uri = (name: string): CtxUri =>
  `ctx://sha256:${Buffer.from(name).toString("hex").padEnd(64, "0")}`;

/** A run of a made-up name, which ended at an hour of a day. */
function run(name: string, hour: number | undefined, ...parents: readonly string[]): LoggedRun {
  const endedAt =
    hour === undefined ? undefined : `2026-01-01T${String(hour).padStart(2, "0")}:00:00Z`;
  const facts: Partial<RunHead> = {
    models: [{ requested: "m-1" }],
    totals: { ...head.totals, ...(endedAt && { endedAt }) },
    ...(parents.length > 0 && { parents: parents.map((parent) => ({ uri: uri(parent) })) }),
  };
  return { uri: uri(name), head: { ...head, ...facts } };
}

const family = [
  run("root", 1),
  run("one", 2, "root"),
  run("two", 3, "root"),
  run("one-a", 4, "one"),
  run("apart", 5),
  run("both", 6, "one-a", "two"),
];

test("forks come before what they are forks of, the latest first", () => {
  const nodes = lineage(family);
  const name = (of: CtxUri) =>
    Buffer.from(of.slice("ctx://sha256:".length), "hex").toString().replaceAll("\u0000", "");
  expect(nodes.map((node) => name(node.uri))).toEqual([
    "both",
    "apart",
    "one-a",
    "two",
    "one",
    "root",
  ]);
  expect(nodes.at(-1)?.children.map(name)).toEqual(["two", "one"]);
  expect(lineage([...family].reverse())).toEqual(nodes);
});

test("a log for a person, with and without the lines between", () => {
  const id = (name: string) => uri(name).slice("ctx://sha256:".length).slice(0, 12);
  expect(renderLog([])).toBe("No runs found.\n");
  expect(renderLog([run("fork", 2, "root"), run("root", undefined)])).toBe(
    `${id("fork")}  2026-01-01 02:00:00  m-1  1 step (forked from ${id("root")})\n` +
      `${id("root")}  -                    m-1  1 step\n`,
  );
  const text = renderLog(family, { graph: true });
  expect(text.split("\n").map((line) => line.replace(/ {2}2026.*/, ""))).toEqual([
    `* ${id("both")}`,
    "|\\",
    `| | * ${id("apart")}`,
    `* | ${id("one-a")}`,
    `| * ${id("two")}`,
    `* | ${id("one")}`,
    "|/",
    `* ${id("root")}`,
    "",
  ]);
});

test("three forks of one run lead into it", () => {
  const text = renderLog(
    [run("a", 4, "r"), run("b", 3, "r"), run("c", 2, "r"), run("d", 2, "x"), run("r", 1)],
    { graph: true },
  );
  expect(text.split("\n").map((line) => line.replace(/ *[0-9a-f]{12} .*/, ""))).toEqual([
    "*",
    "| *",
    "| | *",
    "| | | *",
    "|/_/",
    "*",
    "",
  ]);
  expect(text).toContain(`(forked from ${uri("x").slice(13, 25)}?)`);
});

test("what stands beside a run that ends moves up, and does not seem to come from it", () => {
  const runs = [
    run("a", 9, "r"),
    run("b", 8, "s"),
    run("c", 7, "t"),
    run("r", 6),
    run("s", 5),
    run("t", 4),
  ];
  const text = renderLog(runs, { graph: true });
  expect(text.split("\n").map((line) => line.replace(/ *[0-9a-f]{12} .*/, ""))).toEqual([
    "*",
    "| *",
    "| | *",
    "* | |",
    " / /",
    "* |",
    " /",
    "*",
    "",
  ]);
});

test("any family: every run once, forks first, one line of text each", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.option(fc.nat(23)), fc.array(fc.nat(30), { maxLength: 3 })), {
        maxLength: 30,
      }),
      (shape) => {
        const runs = shape.map(([hour, parents], index) => {
          const older = parents.filter((parent) => parent < index).map((parent) => `r${parent}`);
          return run(`r${index}`, hour ?? undefined, ...older);
        });
        const nodes = lineage(runs);
        expect(nodes).toHaveLength(runs.length);
        const place = new Map(nodes.map((node, index) => [node.uri, index]));
        for (const [index, node] of nodes.entries()) {
          for (const parent of node.parents) expect(place.get(parent)).toBeGreaterThan(index);
        }
        const lines = renderLog(runs, { graph: true }).split("\n");
        expect(lines.filter((line) => line.includes("*"))).toHaveLength(runs.length);
      },
    ),
    { numRuns: 300 },
  );
});

test("a list that says of a run that it descends from itself is listed all the same", () => {
  const odd = [run("a", 1, "b"), run("b", 2, "a"), run("c", 3, "c")];
  expect(lineage(odd)).toHaveLength(3);
  expect(renderLog(odd, { graph: true }).match(/\*/g)).toHaveLength(3);
});

test("what runs are called cannot speak to a terminal", () => {
  const evil = run("a", 1);
  const named = {
    ...evil,
    head: { ...evil.head, name: "\u001b[2J", models: [{ requested: "m\u0007\n" }] },
  };
  expect(renderLog([named])).toContain("\\u001b[2J");
  expect(renderLog([named]).split("\n")).toHaveLength(2);
});
