import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { diffRuns, type RunDiff, type StepDraft } from "../../src/index.ts";
import { llm, stepsOf, tool, user } from "./runs.ts";

const step: fc.Arbitrary<StepDraft> = fc.oneof(
  fc.constantFrom("a", "b", "c").map((text) => user(text)),
  fc
    .tuple(fc.constantFrom("x", "y", "z"), fc.constantFrom("m-1", "m-2"))
    .map(([text, requested]) => llm(text, { model: { requested } })),
  fc
    .tuple(
      fc.constantFrom("read", "write"),
      fc.constantFrom("p", "q"),
      fc.constantFrom("1", "2"),
      fc.constantFrom("ok" as const, "error" as const),
    )
    .map(([name, path, result, status]) => tool(name, { path }, result, { status })),
);
const steps = fc.array(step, { maxLength: 14 });

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(schema("run.v1.json"));
const isDiff = ajv.compile(schema("run-diff.v1.json"));

test("nothing between a run and itself", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const diff = await diffRuns(await stepsOf(...list), await stepsOf(...list));
      expect(diff.entries).toEqual([]);
      expect(diff.steps.same).toBe(list.length);
    }),
    { numRuns: 150 },
  );
});

test("one step put in anywhere is one entry", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), step, async (list, place, extra) => {
      const at = place % (list.length + 1);
      // A model that was not there before would be drift of its own.
      const one = extra.kind === "llm" ? user("put in") : extra;
      const more = [...list.slice(0, at), one, ...list.slice(at)];
      const diff = await diffRuns(await stepsOf(...list), await stepsOf(...more));
      expect(diff.entries).toHaveLength(1);
      expect(diff.steps).toMatchObject({ added: 1, removed: 0, changed: 0, moved: 0 });
    }),
    { numRuns: 300 },
  );
});

test("whatever differs: of the published form, the same each time, and the same the other way round", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (one, two) => {
      const [a, b] = [await stepsOf(...one), await stepsOf(...two)];
      const diff = await diffRuns(a, b);
      expect(isDiff(diff), JSON.stringify(isDiff.errors)).toBe(true);
      expect(JSON.stringify(await diffRuns(a, b))).toBe(JSON.stringify(diff));
      const back = await diffRuns(b, a);
      expect(back.counts).toEqual(diff.counts);
      const { added, removed, ...rest } = back.steps;
      expect({ ...rest, added: removed, removed: added }).toEqual(diff.steps);
      expectSense(diff, one.length, two.length);
    }),
    { numRuns: 400 },
  );
});

/** Every step is accounted for, causes come before what they explain. */
function expectSense({ steps: told, entries }: RunDiff, a: number, b: number): void {
  const pairs = told.same + told.changed + told.moved;
  expect([pairs + told.removed, pairs + told.added]).toEqual([a, b]);
  for (const [index, { id, cause }] of entries.entries()) {
    expect(id).toBe(index + 1);
    if (cause.why === "independent") continue;
    expect(cause.entry).toBeLessThan(id);
    expect(cause.root).toBeLessThanOrEqual(cause.entry);
    expect(entries[cause.root - 1]?.cause.why).toBe("independent");
  }
}

function schema(name: string): { $id: string } {
  return JSON.parse(readFileSync(new URL(`../../schemas/${name}`, import.meta.url), "utf8"));
}
