import { expect, test } from "vitest";
import { exportAtif, type RunHead } from "../../src/index.ts";
import { fixture, packOne } from "../import/read.ts";
import { collect, type MemoryPack, packInMemory, reread } from "../run/memory.ts";

async function exported(pack: MemoryPack): Promise<string> {
  return (await collect(exportAtif(reread(pack)))).join("");
}

/** A run without what is its log's alone. */
async function essence(pack: MemoryPack): Promise<unknown> {
  const { source, loss: _, ...head } = pack.head as RunHead;
  return {
    ...head,
    format: source.format,
    steps: await collect(reread(pack).steps()),
    tree: [...pack.tree],
  };
}

test("import, export, import gives the same run", async () => {
  const name = "atif/two-calls.json";
  const first = await packOne(await fixture(name));
  const second = await packOne(await exported(first));
  const [one, two] = [await essence(first), await essence(second)] as [object, object];
  // The export has no losses to repeat; empty members of the log are not written.
  expect({ ...two, totals: undefined, extra: undefined }).toEqual({
    ...one,
    totals: undefined,
    extra: undefined,
  });
  expect(second.head.totals).toEqual(first.head.totals);
  expect(await exported(second)).toBe(await exported(first));
});

test("an answer and its calls are one step, with what came back", async () => {
  const pack = await packOne(await fixture("atif/two-calls.json"));
  const trajectory = JSON.parse(await exported(pack));
  const original = JSON.parse(Buffer.from(await fixture("atif/two-calls.json")).toString());
  expect(trajectory.steps.map(({ step_id }: { step_id: number }) => step_id)).toEqual([1, 2, 3]);
  const { metrics: _, extra: __, ...answer } = original.steps[2];
  expect(trajectory.steps[2]).toMatchObject(answer);
  expect(trajectory.steps[1]).toEqual(original.steps[1]);
  expect(trajectory.agent).toEqual(original.agent);
  expect(trajectory.final_metrics).toEqual(original.final_metrics);
  expect(trajectory.notes).toBe(original.notes);
});

test.each([
  "atif/early-roles.json",
  "claude-code/rewind-compact.jsonl",
  "claude-code/sidechain.jsonl",
  "codex/structured.jsonl",
  "execution-log/langchain.json",
  "langfuse/math-tutor.json",
  "mcp/enveloped.jsonl",
  "mcp/files-server.jsonl",
  "messages/anthropic.json",
  "openinference/flat.jsonl",
  "otlp/agent.jsonl",
])("%s becomes a trajectory that is stable from then on", async (name) => {
  const once = await exported(await packOne(await fixture(name), { skipMalformed: true }));
  const pack = await packOne(once);
  expect(pack.head.source.format).toBe("atif");
  const twice = await exported(pack);
  expect(await exported(await packOne(twice))).toBe(twice);
  // Everything that was said is still there.
  const steps = (JSON.parse(once) as { steps: unknown[] }).steps;
  expect((JSON.parse(twice) as { steps: unknown[] }).steps).toHaveLength(steps.length);
});

test("numbers keep every digit", async () => {
  const pack = await packInMemory([
    {
      step: {
        kind: "tool",
        name: "t",
        callId: "c",
        request: { value: { n: { $number: "9007199254740993" } } },
        result: { text: "" },
      },
    },
  ]);
  const text = await exported(pack);
  expect(text).toContain('"arguments":{"n":9007199254740993}');
  const [step] = (await collect(reread(await packOne(text)).steps())).filter(
    ({ kind }) => kind === "tool",
  );
  expect(step?.request).toEqual({ value: { n: { $number: "9007199254740993" } } });
});
