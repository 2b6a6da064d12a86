import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readRecording, recordFetch, recordRun } from "../../src/index.ts";
import { collect, packInMemory, reread } from "../run/memory.ts";

const KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctxpack-fetch-"));
  file = join(folder, "run.ndjson");
});
afterEach(async () => await rm(folder, { recursive: true }));

/** Serves `listener` while `use` runs, and returns the run that was recorded. */
async function recorded(
  listener: RequestListener,
  use: (fetch: typeof globalThis.fetch, url: string) => Promise<void>,
) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await using recorder = recordRun({ file });
    await use(
      recordFetch(recorder),
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const pack = await packInMemory(readRecording(await readFile(file)));
  return { head: pack.head, steps: await collect(reread(pack).steps()) };
}

function post(body: object): RequestInit {
  return {
    method: "POST",
    body: JSON.stringify(body),
    headers: { authorization: `Bearer ${KEY}` },
  };
}

const sse =
  (events: readonly object[]): RequestListener =>
  (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`);
    response.end();
  };

test("OpenAI's responses, streamed: items become one step with its calls", async () => {
  const output = [
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Think." }] },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "Reading." }] },
    {
      type: "function_call",
      id: "fc_1",
      call_id: "c1",
      name: "read_file",
      arguments: '{"path":"a"}',
    },
  ];
  const response = {
    id: "resp_1",
    model: "m-2",
    status: "completed",
    output,
    usage: { input_tokens: 3, output_tokens: 4, output_tokens_details: { reasoning_tokens: 2 } },
  };
  const { steps, head } = await recorded(
    sse([
      { type: "response.created", response: { id: "resp_1" } },
      { type: "response.completed", response },
    ]),
    async (fetch, url) => {
      const said = { role: "user", content: "go" };
      await (
        await fetch(
          `${url}/responses`,
          post({ model: "m", instructions: "Be brief.", input: [said], stream: true }),
        )
      ).text();
      const done = { type: "function_call_output", call_id: "c1", output: "of a" };
      await (
        await fetch(
          `${url}/responses`,
          post({
            model: "m",
            instructions: "Be brief.",
            input: [said, ...output, done],
            stream: true,
          }),
        )
      ).text();
    },
  );
  expect(head.system).toEqual([{ text: "Be brief." }]);
  expect(steps).toMatchObject([
    { kind: "user", result: { text: "go" } },
    {
      kind: "llm",
      result: { text: "Reading." },
      reasoning: { text: "Think." },
      usage: { input: 3, output: 4, reasoning: 2 },
      finishReason: "completed",
    },
    {
      kind: "tool",
      name: "read_file",
      by: 1,
      callId: "c1",
      request: { value: { path: "a" } },
      result: { text: "of a" },
    },
    { kind: "llm" },
    { kind: "tool", by: 3, status: "unknown" },
  ]);
});

test("a stream that breaks off is kept as far as it came, and says so", async () => {
  const { steps } = await recorded(
    (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n', () =>
        response.destroy(),
      );
    },
    async (fetch, url) => {
      const response = await fetch(
        `${url}/chat/completions`,
        post({ model: "m", messages: [{ role: "user", content: "x" }] }),
      );
      await expect(response.text()).rejects.toThrow();
    },
  );
  expect(steps[1]).toMatchObject({
    kind: "llm",
    status: "unknown",
    result: { text: "half" },
    extra: { value: { problem: expect.any(String) } },
  });
});

test("the client gets errors as they came; the run has them", async () => {
  const { steps } = await recorded(
    (_, response) =>
      response
        .writeHead(429, { "content-type": "application/json", "x-request-id": "r1" })
        .end('{"error":{"message":"slow down"}}'),
    async (fetch, url) => {
      const response = await fetch(
        `${url}/chat/completions`,
        post({ model: "m", messages: [{ role: "user", content: "x" }] }),
      );
      expect([response.status, response.headers.get("x-request-id"), response.url]).toEqual([
        429,
        "r1",
        `${url}/chat/completions`,
      ]);
      expect(await response.json()).toEqual({ error: { message: "slow down" } });
      await expect(
        fetch("http://127.0.0.1:9/v1/chat/completions", post({ model: "m", messages: [] })),
      ).rejects.toThrow();
    },
  );
  expect(steps).toMatchObject([
    { kind: "user" },
    {
      kind: "llm",
      status: "error",
      error: { type: "http 429", message: { value: { error: { message: "slow down" } } } },
    },
    { kind: "llm", status: "error", error: { type: "unreachable" } },
  ]);
});

test("what is no call of a model passes by; no header is recorded; the file is its owner's", async () => {
  const { steps } = await recorded(
    (request, response) => response.end(`${request.method} ${request.headers.authorization}`),
    async (fetch, url) => {
      expect(await (await fetch(`${url}/models`, { headers: { authorization: KEY } })).text()).toBe(
        `GET ${KEY}`,
      );
      expect(
        await (await fetch(new Request(`${url}/embeddings`, post({ input: "x" })))).text(),
      ).toContain("POST");
    },
  );
  expect(steps).toEqual([]);
  expect((await readFile(file, "utf8")).includes(KEY)).toBe(false);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test("an answer that is too large passes whole and is told as missing", async () => {
  const size = 33 * 1024 * 1024;
  const { steps } = await recorded(
    (_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(Buffer.alloc(size, 0x20)),
    async (fetch, url) => {
      const response = await fetch(
        `${url}/chat/completions`,
        post({ model: "m", messages: [{ role: "user", content: "x" }] }),
      );
      expect((await response.arrayBuffer()).byteLength).toBe(size);
    },
  );
  expect(steps[1]).toMatchObject({
    kind: "llm",
    status: "unknown",
    result: { absent: "not-captured" },
  });
});

test("steps that an agent records itself keep their relations, secrets are replaced before they are written", async () => {
  await using recorder = recordRun({ file, head: { name: "mine" } });
  const agent = recorder.add({ step: { kind: "agent", name: "outer" } });
  const args = { path: "a", password: "hunter22" };
  expect(await recorder.tool("read", args, async () => ({ key: KEY }), { parent: agent })).toEqual({
    key: KEY,
  });
  await expect(
    recorder.tool("fail", {}, () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  await recorder.close();
  expect(() => recorder.add({ step: { kind: "user" } })).toThrow("closed");
  expect(() => recordRun({ file })).toThrow(/there already/);
  const bytes = await readFile(file, "utf8");
  expect(bytes).not.toContain(KEY);
  expect(bytes).not.toContain("hunter22");
  const pack = await packInMemory(readRecording(Buffer.from(bytes)));
  expect(pack.head).toMatchObject({ name: "mine", environment: { os: process.platform } });
  expect(await collect(reread(pack).steps())).toMatchObject([
    { kind: "agent", name: "outer" },
    {
      kind: "tool",
      name: "read",
      parent: 0,
      request: { value: { path: "a" } },
      result: { value: { key: expect.stringMatching(/^\[redacted:/) } },
    },
    { kind: "tool", name: "fail", status: "error", result: { text: "no" } },
  ]);
});

test("what is no recording is refused", async () => {
  await expect(collect(readRecording(Buffer.from('{"a":1}\n')))).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
  });
  await expect(collect(readRecording(new Uint8Array()))).rejects.toMatchObject({
    code: "CTXPACK_E_TRACE",
  });
});
