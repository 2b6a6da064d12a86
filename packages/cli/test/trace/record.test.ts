// trace record when something is not as it should be: what was recorded, and how the command ended, are told all the same.
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { json } from "./logs.ts";

cleanUp();

/** A model that answers everything in one way; the environment that leads to it. */
async function model(answer: (response: ServerResponse) => void): Promise<Record<string, string>> {
  const server = createServer((request, response) => {
    request.resume();
    answer(response);
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return { OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}

test("a recording that cannot be packed: the error says how the command ended, and where the recording is", async () => {
  for (const [exitCode, code] of [
    [0, 125],
    [3, 3],
  ] as const) {
    const cwd = scratch();
    const script = `echo '}' >> run.jsonl; exit ${exitCode}`;
    const args = ["trace", "record", "--json", "--log", "run.jsonl", "--", "sh", "-c", script];
    const done = await run(args, { cwd });
    expect(done.code, done.stderr).toBe(code);
    expect(JSON.parse(done.stdout)).toMatchObject({
      error: { code: "CTXPACK_E_TRACE", message: expect.stringContaining("run.jsonl:3: ") },
      child: { exitCode },
    });
    expect(done.stderr).toContain(`what was recorded is in ${join(cwd, "run.jsonl")}`);
  }
});

test("a file for the recording that cannot be made is no bug of ours, and nothing is run", async () => {
  const cwd = scratch();
  writeFileSync(join(cwd, "file"), "");
  for (const log of ["missing/run.jsonl", "file/run.jsonl"]) {
    const done = await run(["trace", "record", "--log", log, "--", "touch", "ran"], { cwd });
    expect(done, done.stderr).toMatchObject({ code: 2, stdout: "" });
    expect(done.stderr).toContain(join(cwd, log));
    expect(existsSync(join(cwd, "ran"))).toBe(false);
  }
});

/** An agent that leaves somebody behind, to whom an answer still comes. */
const HASTY = `
  import { writeFileSync } from "node:fs";
  const response = await fetch(process.env.OPENAI_BASE_URL + "/chat/completions", {
    method: "POST",
    body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "x" }], stream: true }),
  });
  const reader = response.body.getReader();
  await reader.read();
  writeFileSync("begun", "");
  await reader.read().catch(() => undefined);`;

test("what came of an answer is kept when the command ends in the middle of it", async () => {
  const env = await model((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('data: {"choices":[{"index":0,"delta":{"content":"first"}}]}\n\n');
  });
  const cwd = scratch();
  writeFileSync(join(cwd, "hasty.mjs"), HASTY);
  const script = `"${process.execPath}" hasty.mjs & until [ -e begun ]; do sleep 0.1; done`;
  const uri = await result(["trace", "record", "--", "sh", "-c", script], { cwd, env });
  const { steps } = (await json(cwd, "trace", "show", uri)) as { steps: object[] };
  expect(steps).toMatchObject([
    { kind: "user" },
    { kind: "llm", status: "unknown", result: { text: "first" } },
  ]);
});

test("secrets in the arguments of a call are in neither the recording nor the run", async () => {
  const args = JSON.stringify({ user: "me", password: "hunter22" });
  const call = { id: "c1", type: "function", function: { name: "login", arguments: args } };
  const message = { role: "assistant", content: null, tool_calls: [call] };
  const env = await model((response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: "tool_calls" }] }));
  });
  const cwd = scratch();
  const agent = `
    const response = await fetch(process.env.OPENAI_BASE_URL + "/chat/completions", {
      method: "POST",
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "x" }] }),
    });
    await response.text();`;
  writeFileSync(join(cwd, "agent.mjs"), agent);
  const record = ["trace", "record", "--log", "run.jsonl", "--", process.execPath, "agent.mjs"];
  const uri = await result(record, { cwd, env });
  expect(readFileSync(join(cwd, "run.jsonl"), "utf8")).not.toContain("hunter22");
  const placeholder = "[redacted:password:1]";
  const steps = async (one: string) =>
    ((await json(cwd, "trace", "show", one)) as { steps: object[] }).steps;
  expect((await steps(uri))[2]).toMatchObject({
    name: "login",
    request: { value: { user: "me", password: placeholder } },
  });
  // A secret that only packing finds gets a number of its own.
  const other = { kind: "tool", name: "t", request: { value: { password: "correct horse" } } };
  appendFileSync(join(cwd, "run.jsonl"), `${JSON.stringify({ part: { step: other } })}\n`);
  const more = await result(["trace", "pack", "run.jsonl"], { cwd });
  expect((await steps(more)).at(-1)).toMatchObject({
    request: { value: { password: "[redacted:password:2]" } },
  });
});
