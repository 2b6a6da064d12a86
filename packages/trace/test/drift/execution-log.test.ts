import { expect, test } from "vitest";
import { diffRuns, type Run } from "../../src/index.ts";
import { fixture, packOne } from "../import/read.ts";
import { reread } from "../run/memory.ts";

interface Log {
  system_prompt: string;
  model: { identifier: string; parameters: Record<string, unknown> };
  prompts: { role: string; content: string }[];
  inputs: { name: string; content: string }[];
  steps: { tool: string; type: string; parameters: Record<string, unknown>; output: string }[];
  outputs: { name: string; content: string }[];
  environment: { os: string; tool_versions: Record<string, string> };
}

const source = Buffer.from(await fixture("execution-log/langchain.json")).toString();

async function runOf(edit: (log: Log) => void): Promise<Run> {
  const log = JSON.parse(source) as Log;
  edit(log);
  return reread(await packOne(JSON.stringify(log)));
}

async function drift(edit: (log: Log) => void): Promise<string[]> {
  const { entries } = await diffRuns(await runOf(() => {}), await runOf(edit));
  return entries.map(({ type, change, path }) => `${type} ${change} ${path}`);
}

test("a real log against itself with one thing changed: one entry, of the kind that it is", async () => {
  expect(await drift(() => {})).toEqual([]);
  expect(await drift((log) => (log.system_prompt += " Be brief."))).toEqual([
    "prompt_drift changed /system/0",
  ]);
  const ask = (log: Log) => {
    const [first] = log.prompts;
    if (first === undefined) throw new Error("no prompt");
    first.content += "!";
  };
  expect(await drift(ask)).toEqual(["prompt_drift changed /steps/0"]);
  expect(await drift((log) => (log.model.identifier = "m-2"))).toEqual([
    "model_drift changed /models/0",
  ]);
  expect(await drift((log) => (log.model.parameters["temperature"] = 0.9))).toEqual([
    "model_drift changed /models/0",
  ]);
  expect(await drift((log) => (log.environment.os = "plan9"))).toEqual([
    "environment_drift changed /environment/os",
  ]);
  expect(await drift((log) => (log.environment.tool_versions["new"] = "1"))).toEqual([
    "environment_drift added /environment/tools/new",
  ]);
  expect(await drift((log) => log.inputs.push({ name: "x", content: "y" }))).toEqual([
    "input_drift added /inputs/x",
  ]);
  expect(await drift((log) => log.outputs.push({ name: "x", content: "y" }))).toEqual([
    "output_drift added /outputs/x",
  ]);
});

test("every step: another tool, other parameters, another answer, taken out, put in twice", async () => {
  const { steps } = JSON.parse(source) as Log;
  const before = (JSON.parse(source) as Log).prompts.length;
  for (const index of steps.keys()) {
    const path = `/steps/${before + index}`;
    const step = (log: Log) => log.steps[index] as Log["steps"][number];
    expect(await drift((log) => (step(log).tool = "other"))).toEqual([
      `tool_drift changed ${path}`,
    ]);
    expect(await drift((log) => (step(log).parameters = { other: 1 }))).toEqual([
      `param_drift changed ${path}`,
    ]);
    expect(await drift((log) => (step(log).output += " other"))).toEqual([
      `reasoning_drift changed ${path}`,
    ]);
    expect(await drift((log) => log.steps.splice(index, 1))).toEqual([
      `tool_drift removed ${path}`,
    ]);
    const extra = { ...(steps[index] as Log["steps"][number]), tool: "inserted" };
    expect(await drift((log) => log.steps.splice(index, 0, extra))).toEqual([
      `tool_drift added ${path}`,
    ]);
  }
});
