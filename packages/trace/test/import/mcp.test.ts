import { expect, test } from "vitest";
import type { Step } from "../../src/index.ts";
import { collect, type MemoryPack, reread } from "../run/memory.ts";
import { packOne } from "./read.ts";

type Message = Readonly<Record<string, unknown>>;

const call = (id: unknown, name: string): Message => ({
  id,
  method: "tools/call",
  params: { name, arguments: {} },
});
const answer = (id: unknown, text: string): Message => ({
  id,
  result: { content: [{ type: "text", text }] },
});
const said = (id: unknown, text: string): Message => ({
  id,
  result: { role: "assistant", model: "m", content: { type: "text", text } },
});

function transcript(...messages: readonly Message[]): string {
  return messages.map((one) => JSON.stringify({ jsonrpc: "2.0", ...one })).join("\n");
}

/** The same, in envelopes that say which way each went. */
function directed(...messages: readonly (readonly [string, Message])[]): string {
  return messages
    .map(([direction, one]) => JSON.stringify({ direction, message: { jsonrpc: "2.0", ...one } }))
    .join("\n");
}

function steps(pack: MemoryPack): Promise<Step[]> {
  return collect(reread(pack).steps());
}

/** Kind, name, id, status and the words of the result. */
async function outline(log: string): Promise<unknown[]> {
  const found = await steps(await packOne(log));
  return found.map(({ kind, name, callId, status, result }) => {
    return [kind, name, callId, status, result && "text" in result ? result.text : result];
  });
}

test("a server's request of a call's id is not that call: who asks is part of the id", async () => {
  const expected = [
    ["tool", "slow", "2", "ok", "done"],
    ["event", "ping", "2", "ok", { value: {} }],
  ];
  const ping = { id: 2, method: "ping" };
  const pong = { id: 2, result: {} };
  const bare = transcript(call(2, "slow"), ping, pong, answer(2, "done"));
  expect(await outline(bare)).toEqual(expected);
  // Answered late, when the call is done.
  expect(await outline(transcript(call(2, "slow"), ping, answer(2, "done"), pong))).toEqual(
    expected,
  );
  expect(
    await outline(
      directed(["c2s", call(2, "slow")], ["s2c", ping], ["c2s", pong], ["s2c", answer(2, "done")]),
    ),
  ).toEqual(expected);
});

test("a call stays open while its server asks for a sample under the same id", async () => {
  const ask = { id: 2, method: "sampling/createMessage", params: { maxTokens: 9 } };
  const sample = { role: "assistant", model: "m", content: { type: "text", text: "a word" } };
  const expected = [
    ["tool", "write", "2", "ok", "written"],
    ["llm", "sampling/createMessage", "2", "ok", { value: sample }],
  ];
  const orders = [
    [call(2, "write"), ask, said(2, "a word"), answer(2, "written")],
    [call(2, "write"), ask, answer(2, "written"), said(2, "a word")],
  ];
  for (const order of orders) expect(await outline(transcript(...order))).toEqual(expected);
  // The server's question came first.
  expect(
    await outline(transcript(ask, call(2, "write"), said(2, "a word"), answer(2, "written"))),
  ).toEqual([expected[1], expected[0]]);
});

test("a direction decides where results do not: an error answers who asked the other way", async () => {
  const ask = { id: 7, method: "elicitation/create", params: { message: "Sure?" } };
  const error = { id: 7, error: { code: -1, message: "not now" } };
  expect(
    await outline(
      directed(
        ["in", call(7, "drop")],
        ["out", ask],
        ["out", error],
        ["in", { id: 7, result: { action: "accept" } }],
      ),
    ),
  ).toEqual([
    ["tool", "drop", "7", "error", "not now"],
    ["event", "elicitation/create", "7", "ok", { value: { action: "accept" } }],
  ]);
  // A recorder whose words say nothing about who sent a message.
  expect(await outline(directed(["rpc", call(1, "t")], ["rpc", answer(1, "back")]))).toEqual([
    ["tool", "t", "1", "ok", "back"],
  ]);
});

test("a call whose id is used again by the same side is given up", async () => {
  const log = transcript(call("a", "first"), call("a", "second"), answer("a", "late"));
  expect(await outline(log)).toEqual([
    ["tool", "first", '"a"', "unknown", { absent: "not-captured" }],
    ["tool", "second", '"a"', "ok", "late"],
  ]);
});

test("what else a request and an initialisation say is kept, or told as lost", async () => {
  const log = [
    {
      ts: "2026-03-01T09:00:00Z",
      direction: "up",
      message: {
        id: 0,
        method: "initialize",
        params: {
          protocolVersion: "2025-03-26",
          capabilities: { roots: { listChanged: true } },
          clientInfo: { name: "desk", version: "1" },
        },
      },
    },
    {
      direction: "down",
      message: {
        id: 0,
        result: {
          protocolVersion: "2025-06-18",
          capabilities: { logging: {} },
          serverInfo: { name: "files", version: "2" },
        },
      },
    },
    { direction: "up", message: { id: 1, method: "tools/list", params: { cursor: "page-2" } } },
    { direction: "down", message: { id: 1, result: { tools: [], nextCursor: "page-3" } } },
    { direction: "up", message: { id: 2, method: "logging/setLevel", params: { level: "debug" } } },
    { direction: "down", message: { id: 2, result: {} } },
    {
      direction: "up",
      message: { id: 3, method: "tools/call", params: { name: "t", _meta: { progressToken: 7 } } },
    },
    {
      direction: "down",
      message: { id: 3, result: { content: [], structuredContent: { n: 1 }, _meta: { cost: 2 } } },
    },
    {
      direction: "up",
      message: { id: 4, method: "resources/list", params: { cursor: "never answered" } },
    },
  ]
    .map(({ message, ...others }) =>
      JSON.stringify({ ...others, message: { jsonrpc: "2.0", ...message } }),
    )
    .join("\n");
  const pack = await packOne(log);
  expect(pack.head.source.version).toBe("2025-06-18");
  expect(pack.head.extra).toEqual({
    value: {
      client: { protocolVersion: "2025-03-26", capabilities: { roots: { listChanged: true } } },
      server: { capabilities: { logging: {} } },
    },
  });
  expect(await steps(pack)).toMatchObject([
    { name: "logging/setLevel", request: { value: { level: "debug" } }, status: "ok" },
    {
      name: "t",
      extra: {
        value: {
          direction: "up",
          _meta: { progressToken: 7 },
          "_meta#2": { cost: 2 },
          structuredContent: { n: 1 },
        },
      },
    },
    { name: "resources/list", request: { value: { cursor: "never answered" } }, status: "unknown" },
  ]);
  expect(pack.head.loss.map(({ path, reason, count }) => `${path} ${reason} ${count}`)).toEqual([
    "$.direction duplicate 6",
    "$.params.cursor unmapped 1",
    "$.result.nextCursor unmapped 1",
    "$.ts unmapped 1",
  ]);
});
