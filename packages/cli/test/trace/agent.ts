// A small agent, as a program: a loop around an OpenAI-shaped model, with real tools in the current folder. AGENT_MCP
// names a program (a JSON list) that serves the tools over stdio instead; its exit code is then the agent's.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

interface Call {
  readonly id: string;
  readonly function: { readonly name: string; readonly arguments: string };
}

interface Message {
  role: string;
  content: string | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

interface Tools extends AsyncDisposable {
  call(name: string, args: Record<string, string>): Promise<string>;
}

const { env } = process;
const isStream = env["AGENT_STREAM"] === "1";
const NAMES = ["read_file", "write_file", "checksum"];

const ownTools: Tools = {
  async call(name, args) {
    const { path = "", content = "" } = args;
    if (name === "read_file") return readFileSync(path, "utf8");
    if (name === "write_file") {
      writeFileSync(path, content);
      return `wrote ${content.length} characters`;
    }
    return spawnSync("sha256sum", { input: JSON.stringify(args), encoding: "utf8" }).stdout;
  },
  async [Symbol.asyncDispose]() {},
};

/** The tools of an MCP server. */
async function servedTools(argv: readonly string[]): Promise<Tools> {
  const child = spawn(argv[0] as string, argv.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let id = 0;
  const ask = async (method: string, params: object): Promise<Record<string, unknown>> => {
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params })}\n`);
    const answer = JSON.parse((await lines.next()).value ?? "");
    if (answer.id !== id) throw new Error(`an answer to ${answer.id}`);
    return answer.result;
  };
  const client = { name: "agent", version: "1" };
  await ask("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: client });
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  const { tools } = (await ask("tools/list", {})) as { tools: { name: string }[] };
  console.error(`tools: ${tools.map(({ name }) => name).join(" ")}`);
  return {
    async call(name, args) {
      const { content } = (await ask("tools/call", { name, arguments: args })) as {
        content: { text: string }[];
      };
      return content.map(({ text }) => text).join("\n");
    },
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<number | null>();
      child.once("close", resolve);
      child.stdin.end();
      process.exitCode = (await promise) ?? 1;
    },
  };
}

async function complete(messages: readonly Message[]): Promise<Message> {
  const response = await fetch(`${env["OPENAI_BASE_URL"]}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${env["OPENAI_API_KEY"]}`,
    },
    body: JSON.stringify({
      model: env["AGENT_MODEL"] ?? "m-1",
      temperature: 0,
      messages,
      tools: NAMES.map((name) => ({
        type: "function",
        function: {
          name,
          description: `${name}, version ${env["AGENT_TOOLS"] ?? "1"}`,
          parameters: { type: "object", properties: { path: { type: "string" } } },
        },
      })),
      ...(isStream && { stream: true }),
    }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const text = await response.text();
  if (!isStream) return JSON.parse(text).choices[0].message;
  const message: Message = { role: "assistant", content: "" };
  for (const line of text.split("\n")) {
    if (!line.startsWith("data: {")) continue;
    const delta = JSON.parse(line.slice(6)).choices[0]?.delta ?? {};
    message.content += delta.content ?? "";
    for (const { index, id, function: call } of delta.tool_calls ?? []) {
      message.tool_calls ??= [];
      message.tool_calls[index] ??= { id, function: { name: call.name, arguments: "" } };
      message.tool_calls[index].function.arguments += call.arguments;
    }
  }
  return message;
}

const served = env["AGENT_MCP"];
await using tools = served === undefined ? ownTools : await servedTools(JSON.parse(served));
const messages: Message[] = [
  { role: "system", content: "You write reports." },
  { role: "user", content: process.argv[2] ?? "" },
];
for (let isOver = false; !isOver; ) {
  const answer = await complete(messages);
  messages.push(answer);
  for (const { id, function: call } of (answer.tool_calls ?? []) as Call[]) {
    const content = await tools.call(call.name, JSON.parse(call.arguments));
    messages.push({ role: "tool", tool_call_id: id, content });
  }
  isOver = answer.tool_calls === undefined;
  if (isOver) console.log(answer.content);
}
