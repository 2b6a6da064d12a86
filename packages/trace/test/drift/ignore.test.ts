import { expect, test } from "vitest";
import { diffRuns, type RunPart } from "../../src/index.ts";
import { llm, runOf, stepsOf, tool, user } from "./runs.ts";

const at = (time: string, timeout: number, seed: string) =>
  runOf(
    { head: { environment: { os: "linux", tools: { node: seed } } } },
    ...[
      user("go"),
      tool("run", { cmd: "date", timeout }, `it is ${time} in /tmp/x${seed}`),
      tool("wait", { timeout }, "waited"),
      llm(`done ${seed}`),
    ].map((step): RunPart => ({ step })),
  );

test("rules take away what they name, and nothing else", async () => {
  const a = await at("10:00", 5, "1");
  const b = await at("11:30", 6, "2");
  const left = async (...ignore: string[]) => {
    const diff = await diffRuns(a, b, { ignore });
    expect(diff.ignored).toEqual(ignore);
    return diff.entries.map(({ type, path }) => `${type} ${path}`);
  };
  const all = [
    "environment_drift /environment/tools/node",
    "param_drift /steps/1",
    "reasoning_drift /steps/1",
    "param_drift /steps/2",
    "reasoning_drift /steps/3",
  ];
  expect(await left()).toEqual(all);
  expect(await left("param")).toEqual(all.filter((one) => !one.startsWith("param")));
  expect(await left("environment_drift")).toEqual(all.slice(1));
  expect(await left("/environment/tools/*")).toEqual(all.slice(1));
  expect(await left("/environment")).toEqual(all.slice(1));
  expect(await left("/steps/*/request/timeout")).toEqual([all[0], all[2], all[4]]);
  expect(await left("/steps/wait/request/timeout")).toEqual([all[0], all[1], all[2], all[4]]);
  expect(await left("/steps/tool")).toEqual([all[0], all[4]]);
  expect(await left("/steps/llm/result")).toEqual(all.slice(0, 4));
  expect(await left("text:\\d\\d:\\d\\d", "text:/tmp/x\\d")).toEqual(all.toSpliced(2, 1));
  expect(await left("/steps", "/environment")).toEqual([]);
});

test("steps that differ only in what is ignored are the same for the alignment too", async () => {
  const log = (base: number, ...extra: string[]) =>
    stepsOf(
      ...[...extra, "a", "b", "c"].map((name, n) => tool("run", { name, at: base + n }, "ok")),
    );
  const diff = await diffRuns(await log(100), await log(200, "new"), {
    ignore: ["/steps/*/request/at"],
  });
  expect(diff.entries).toMatchObject([{ type: "tool_drift", change: "added", path: "/steps/0" }]);
  expect(diff.steps.same).toBe(3);
});

test("what is no rule is refused, with what a rule looks like", async () => {
  const run = await stepsOf(user("x"));
  for (const rule of ["timestamps", "text:(", ""]) {
    await expect(diffRuns(run, run, { ignore: [rule] })).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
      hint: expect.stringContaining("prompt_drift"),
    });
  }
});
