import { expect, test } from "vitest";
import { diffRuns, type StepDraft } from "../../src/index.ts";
import { stepsOf } from "./runs.ts";

const call = (name: string, keys: string): StepDraft => ({
  kind: "tool",
  name,
  request: {
    value: Object.fromEntries(
      Array.from({ length: 64 }, (_, n) => [`${keys}${n}${"k".repeat(9999)}`, n]),
    ),
  },
});

test("what large keys in every step would take is bounded; that the steps differ is told all the same", async () => {
  const many = (keys: string) =>
    stepsOf(...Array.from({ length: 200 }, (_, n) => call(`t${n}`, keys)));
  const diff = await diffRuns(await many("a"), await many("b"));
  expect(diff.entries).toHaveLength(200);
  expect(JSON.stringify(diff).length).toBeLessThan(34 * 1024 * 1024);
  expect(diff.entries.at(-1)).toMatchObject({ type: "param_drift", changes: [], more: true });
});

test("keys and names that mean something to JavaScript are like any other", async () => {
  const odd = (value: number): StepDraft => ({
    kind: "tool",
    name: "__proto__",
    request: { value: JSON.parse(`{"__proto__":${value},"constructor":1,"a/b~c":${value}}`) },
  });
  const diff = await diffRuns(await stepsOf(odd(1)), await stepsOf(odd(2)));
  expect(diff.entries.flatMap(({ changes }) => changes.map(({ path }) => path))).toEqual([
    "/steps/0/request/__proto__",
    "/steps/0/request/a~1b~0c",
  ]);
});
