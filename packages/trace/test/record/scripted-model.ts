import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the model answers in one turn. */
export interface Turn {
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly args: object }[];
}

export interface ScriptedModel extends AsyncDisposable {
  /** Base URL, with `/v1`. */
  readonly url: string;
  readonly origin: string;
  /** The `authorization` and `x-api-key` headers that came. */
  readonly credentials: string[];
}

interface Body {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly { readonly role: string }[];
}

/** A server with the API of OpenAI's chat completions and Anthropic's messages, whose model follows a script. */
export async function startScriptedModel(turns: readonly Turn[]): Promise<ScriptedModel> {
  const credentials: string[] = [];
  const server = createServer((request, response) => {
    const pieces: Uint8Array[] = [];
    request.on("data", (piece: Uint8Array) => pieces.push(piece));
    request.on("end", () => {
      const { authorization, "x-api-key": key } = request.headers;
      credentials.push(authorization ?? String(key ?? ""));
      const body = JSON.parse(Buffer.concat(pieces).toString()) as Body;
      const number = body.messages.filter(({ role }) => role === "assistant").length;
      const turn = turns[number];
      if (turn === undefined) {
        response.writeHead(400, { "content-type": "application/json" });
        response.end('{"error":{"message":"the script is over"}}');
      } else if (request.url?.endsWith("/v1/messages")) anthropic(response, body, turn, number);
      else chat(response, body, turn, number);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/v1`,
    origin,
    credentials,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function chat(response: ServerResponse, body: Body, turn: Turn, number: number): void {
  const calls = (turn.calls ?? []).map(({ name, args }, index) => ({
    id: `call_${number}_${index}`,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
  }));
  const finish_reason = calls.length > 0 ? "tool_calls" : "stop";
  const usage = { prompt_tokens: 10 * (number + 1), completion_tokens: 5, total_tokens: 0 };
  const facts = { id: `chat_${number}`, model: `${body.model}-2026` };
  if (body.stream !== true) {
    const message = {
      role: "assistant",
      content: turn.text ?? null,
      ...(calls.length > 0 && { tool_calls: calls }),
    };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ ...facts, choices: [{ index: 0, message, finish_reason }], usage }),
    );
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (delta: object, more: object = {}) =>
    response.write(
      `data: ${JSON.stringify({ ...facts, choices: [{ index: 0, delta, ...more }] })}\n\n`,
    );
  send({ role: "assistant", content: "" });
  for (const piece of turn.text?.match(/.{1,3}/gsu) ?? []) send({ content: piece });
  for (const [index, call] of calls.entries()) {
    const { arguments: args, name } = call.function;
    send({
      tool_calls: [{ index, id: call.id, type: "function", function: { name, arguments: "" } }],
    });
    for (const piece of args.match(/.{1,5}/gsu) ?? [])
      send({ tool_calls: [{ index, function: { arguments: piece } }] });
  }
  send({}, { finish_reason });
  response.write(`data: ${JSON.stringify({ ...facts, choices: [], usage })}\n\n`);
  response.end("data: [DONE]\n\n");
}

function anthropic(response: ServerResponse, body: Body, turn: Turn, number: number): void {
  const blocks = [
    { type: "thinking", thinking: "Let me see.", signature: "c2ln" },
    ...(turn.text === undefined ? [] : [{ type: "text", text: turn.text }]),
    ...(turn.calls ?? []).map(({ name, args }, index) => ({
      type: "tool_use",
      id: `toolu_${number}_${index}`,
      name,
      input: args,
    })),
  ];
  const stop_reason = turn.calls === undefined ? "end_turn" : "tool_use";
  const message = {
    id: `msg_${number}`,
    type: "message",
    role: "assistant",
    model: `${body.model}-2026`,
  };
  const input = { input_tokens: 10, cache_read_input_tokens: 100, cache_creation_input_tokens: 0 };
  if (body.stream !== true) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        ...message,
        content: blocks,
        stop_reason,
        usage: { ...input, output_tokens: 7 },
      }),
    );
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  const send = (type: string, more: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`);
  send("message_start", {
    message: { ...message, content: [], stop_reason: null, usage: { ...input, output_tokens: 1 } },
  });
  for (const [index, block] of blocks.entries()) {
    const open = {
      ...block,
      ...("text" in block && { text: "" }),
      ...("thinking" in block && { thinking: "", signature: "" }),
      ...("input" in block && { input: {} }),
    };
    send("content_block_start", { index, content_block: open });
    const delta = (value: object) => send("content_block_delta", { index, delta: value });
    if ("text" in block)
      for (const text of block.text.match(/.{1,4}/gsu) ?? []) delta({ type: "text_delta", text });
    if ("thinking" in block) {
      delta({ type: "thinking_delta", thinking: block.thinking });
      delta({ type: "signature_delta", signature: block.signature });
    }
    if ("input" in block)
      for (const partial_json of JSON.stringify(block.input).match(/.{1,5}/gsu) ?? [])
        delta({ type: "input_json_delta", partial_json });
    send("content_block_stop", { index });
  }
  send("message_delta", {
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: 7 },
  });
  send("message_stop", {});
  response.end();
}
