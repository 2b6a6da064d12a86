import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, request } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readRecording, recordRun, type Step, startRecordingProxy } from "../../src/index.ts";
import { collect, packInMemory, reread } from "../run/memory.ts";
import { startScriptedModel, type Turn } from "./scripted-model.ts";

const KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789";
const AGENT = new URL("./agent.ts", import.meta.url).pathname;
const TURNS: readonly Turn[] = [
  { text: "I read it.", calls: [{ name: "read_file", args: { path: "a.txt" } }] },
  {
    calls: [
      { name: "write_file", args: { path: "b.txt", content: "two\n" } },
      { name: "read_file", args: { path: "b.txt" } },
    ],
  },
  { text: "Done: é." },
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctxpack-proxy-"));
  await writeFile(join(folder, "a.txt"), "one\n");
});
afterEach(async () => await rm(folder, { recursive: true }));

async function record(stream: boolean) {
  await using model = await startScriptedModel(TURNS);
  const file = join(folder, "run.ndjson");
  {
    await using recorder = recordRun({ file, head: { agent: { name: "loop" } } });
    await using proxy = await startRecordingProxy({ recorder, openai: model.url });
    const env = {
      ...proxy.env,
      OPENAI_API_KEY: KEY,
      AGENT_STREAM: stream ? "1" : "0",
      PATH: process.env["PATH"],
    };
    const { stdout } = await promisify(execFile)(process.execPath, [AGENT, "go"], {
      cwd: folder,
      env,
    });
    expect(stdout).toBe("Done: é.\n");
  }
  expect(model.credentials).toEqual(Array(3).fill(`Bearer ${KEY}`));
  const bytes = await readFile(file);
  expect(bytes.includes(KEY)).toBe(false);
  expect(bytes.includes("authorization")).toBe(false);
  return await packInMemory(readRecording(bytes));
}

test.each([false, true])(
  "an agent that talks through the proxy is recorded, streaming: %s",
  async (stream) => {
    const pack = await record(stream);
    const run = reread(pack);
    const steps = await collect(run.steps());
    expect(steps.map(({ kind, name }) => name ?? kind)).toEqual([
      "user",
      "llm",
      "read_file",
      "llm",
      "write_file",
      "read_file",
      "llm",
    ]);
    expect(run.head).toMatchObject({
      source: { format: "recorded" },
      agent: { name: "loop" },
      system: [{ text: "You edit files." }],
      models: [{ requested: "m-1", served: "m-1-2026", provider: "127.0.0.1" }],
      environment: { os: process.platform },
      loss: [],
    });
    expect(run.head.tools.map(({ name }) => name)).toEqual([
      "read_file",
      "write_file",
      "edit_file",
    ]);
    expect(steps[1]).toMatchObject({
      result: { text: "I read it." },
      finishReason: "tool_calls",
      usage: { input: 10, output: 5 },
    });
    expect(steps[2]).toMatchObject({
      by: 1,
      callId: "call_0_0",
      request: { value: { path: "a.txt" } },
      result: { text: "one\n" },
    });
    expect(steps[5]).toMatchObject({ by: 3, result: { text: "two\n" }, status: "ok" });
    expect(steps[6]).toMatchObject({ result: { text: "Done: é." }, finishReason: "stop" });
  },
);

test("streamed or not, the steps are the same but for their times and parameters", async () => {
  const strip = ({ startedAt: _s, endedAt: _e, params: _p, ...step }: Step) => step;
  const plain = (await collect(reread(await record(false)).steps())).map(strip);
  await rm(join(folder, "run.ndjson"));
  await rm(join(folder, "b.txt"));
  expect((await collect(reread(await record(true)).steps())).map(strip)).toEqual(plain);
});

test("Anthropic's messages are recorded, streamed or not", async () => {
  await using model = await startScriptedModel(TURNS);
  for (const stream of [true, false]) {
    const file = join(folder, `anthropic-${stream}.ndjson`);
    {
      await using recorder = recordRun({ file });
      await using proxy = await startRecordingProxy({ recorder, anthropic: model.origin });
      const messages: object[] = [{ role: "user", content: "go" }];
      for (let turn = 0; turn < 2; turn++) {
        const response = await fetch(`${proxy.env.ANTHROPIC_BASE_URL}/v1/messages`, {
          method: "POST",
          headers: { "x-api-key": KEY, "content-type": "application/json" },
          body: JSON.stringify({
            model: "c-1",
            max_tokens: 100,
            system: "Be brief.",
            messages,
            stream,
          }),
        });
        await response.text();
        const { calls = [], text } = TURNS[turn] as Turn;
        const blocks = calls.map(({ name, args }, i) => ({
          type: "tool_use",
          id: `toolu_${turn}_${i}`,
          name,
          input: args,
        }));
        messages.push({
          role: "assistant",
          content: [...(text === undefined ? [] : [{ type: "text", text }]), ...blocks],
        });
        messages.push({
          role: "user",
          content: blocks.map(({ id }) => ({
            type: "tool_result",
            tool_use_id: id,
            content: `of ${id}`,
          })),
        });
      }
    }
    const bytes = await readFile(file);
    expect(bytes.includes(KEY)).toBe(false);
    const run = reread(await packInMemory(readRecording(bytes)));
    const steps = await collect(run.steps());
    expect(run.head.system).toEqual([{ text: "Be brief." }]);
    expect(steps.map(({ kind, name, status }) => `${name ?? kind} ${status}`)).toEqual([
      "user ok",
      "llm ok",
      "read_file ok",
      "llm ok",
      "write_file unknown",
      "read_file unknown",
    ]);
    expect(steps[1]).toMatchObject({
      result: { text: "I read it." },
      reasoning: { text: "Let me see." },
      usage: { input: 110, output: 7, cacheRead: 100 },
      finishReason: "tool_use",
      model: 0,
    });
    expect(steps[2]).toMatchObject({
      request: { value: { path: "a.txt" } },
      result: { text: "of toolu_0_0" },
    });
  }
});

test("the proxy is for this machine, and for who knows its word", async () => {
  await using recorder = recordRun({ file: join(folder, "run.ndjson") });
  await using proxy = await startRecordingProxy({ recorder, openai: "http://127.0.0.1:9" });
  const url = new URL(proxy.env.OPENAI_BASE_URL);
  expect(url.hostname).toBe("127.0.0.1");
  expect((await fetch(`${url.origin}/openai/v1/models`)).status).toBe(404);
  const others = Object.values(networkInterfaces())
    .flat()
    .filter((one) => one !== undefined && !one.internal && one.family === "IPv4");
  for (const other of others) {
    const { promise, resolve } = Promise.withResolvers<string>();
    request({ host: other?.address, port: url.port, timeout: 5000 })
      .on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? ""))
      .on("response", () => resolve("answered"))
      .end();
    expect(await promise).toBe("ECONNREFUSED");
  }
});

test("an API that is not there is an answer to the client and an error in the run", async () => {
  const file = join(folder, "run.ndjson");
  {
    await using recorder = recordRun({ file });
    await using proxy = await startRecordingProxy({ recorder, openai: "http://127.0.0.1:9/v1" });
    const response = await fetch(`${proxy.env.OPENAI_BASE_URL}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "x" }] }),
    });
    expect(response.status).toBe(502);
  }
  const steps = await collect(
    reread(await packInMemory(readRecording(await readFile(file)))).steps(),
  );
  expect(steps).toMatchObject([
    { kind: "user" },
    { kind: "llm", status: "error", error: { type: "unreachable" } },
  ]);
});

/** Serves `listener`, behind the proxy, while `use` runs; returns the run that was recorded. */
async function through(listener: RequestListener, use: (url: string) => Promise<void>) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const file = join(folder, "run.ndjson");
  try {
    await using recorder = recordRun({ file });
    const openai = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    await using proxy = await startRecordingProxy({ recorder, openai });
    await use(proxy.env.OPENAI_BASE_URL);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const pack = await packInMemory(readRecording(await readFile(file)));
  return { head: pack.head, steps: await collect(reread(pack).steps()) };
}

test("an answer is handed on while it comes, and a client that goes away ends it", async () => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const { steps } = await through(
    (request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"first"}}]}\n\n');
      // Nothing more: whoever waits for the end waits for ever.
      response.on("close", resolve);
    },
    async (url) => {
      const aborter = new AbortController();
      const body = JSON.stringify({
        model: "m",
        messages: [{ role: "user", content: "x" }],
        stream: true,
      });
      const response = await fetch(`${url}/chat/completions`, {
        method: "POST",
        body,
        signal: aborter.signal,
      });
      const { value } = (await response.body?.getReader().read()) ?? {};
      expect(new TextDecoder().decode(value)).toContain("first");
      aborter.abort();
      await ended;
    },
  );
  expect(steps[1]).toMatchObject({
    status: "unknown",
    result: { text: "first" },
    extra: { value: { problem: "the client went away" } },
  });
});

test("an answer that was coming when the proxy was closed is kept as far as it came", async () => {
  const { steps } = await through(
    (request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"first"}}]}\n\n');
    },
    async (url) => {
      const response = await fetch(`${url}/chat/completions`, {
        method: "POST",
        body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "x" }] }),
      });
      await response.body?.getReader().read();
    },
  );
  expect(steps).toMatchObject([{ kind: "user" }, { status: "unknown", result: { text: "first" } }]);
});

test("a request that is too large to be kept passes whole, and is told as missing", async () => {
  const size = 33 * 1024 * 1024;
  let arrived = 0;
  const { head, steps } = await through(
    (request, response) => {
      request.on("data", (chunk: Uint8Array) => {
        arrived += chunk.length;
      });
      request.on("end", () => response.end("{}"));
    },
    async (url) => {
      const response = await fetch(`${url}/chat/completions`, {
        method: "POST",
        body: new Uint8Array(size),
      });
      expect(await response.text()).toBe("{}");
    },
  );
  expect(arrived).toBe(size);
  expect(steps).toEqual([]);
  expect(head.loss).toEqual([{ path: "$.exchange.request", reason: "unmapped", count: 1 }]);
});
