/** A small agent: a loop around an OpenAI-shaped model, with real file tools in one folder. Also a program. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

type CallTool = (name: string, args: Record<string, string>) => Promise<string>;

export interface AgentOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly prompt: string;
  readonly callTool: CallTool;
  readonly stream?: boolean;
  readonly fetch?: typeof globalThis.fetch;
}

interface Message {
  role: string;
  content: string | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

export async function runAgent(options: AgentOptions): Promise<string> {
  const messages: Message[] = [
    { role: "system", content: "You edit files." },
    { role: "user", content: options.prompt },
  ];
  for (;;) {
    const answer = await complete(messages, options);
    messages.push(answer);
    if (answer.tool_calls === undefined) return answer.content ?? "";
    for (const { id, function: call } of answer.tool_calls) {
      const args = JSON.parse(call.arguments) as Record<string, string>;
      const content = await options
        .callTool(call.name, args)
        .catch((error: Error) => `error: ${error.message}`);
      messages.push({ role: "tool", tool_call_id: id, content });
    }
  }
}

async function complete(messages: readonly Message[], options: AgentOptions): Promise<Message> {
  const response = await (options.fetch ?? fetch)(`${options.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${options.apiKey}` },
    body: JSON.stringify({
      model: "m-1",
      temperature: 0,
      messages,
      tools: TOOLS,
      ...(options.stream && { stream: true }),
    }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  if (!options.stream)
    return ((await response.json()) as { choices: { message: Message }[] }).choices[0]
      ?.message as Message;
  const message: Message = { role: "assistant", content: "" };
  for (const line of (await response.text()).split("\n")) {
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

const TOOLS = ["read_file", "write_file", "edit_file"].map((name) => ({
  type: "function",
  function: {
    name,
    description: `${name} of the folder`,
    parameters: { type: "object", properties: { path: { type: "string" } } },
  },
}));

/** Tools that work on the files of a folder. */
export function folderTools(folder: string): CallTool {
  return async (name, args) => {
    const path = join(folder, args["path"] ?? "");
    if (name === "read_file") return await readFile(path, "utf8");
    if (name === "write_file") {
      await writeFile(path, args["content"] ?? "");
      return `wrote ${args["content"]?.length} characters`;
    }
    const before = await readFile(path, "utf8");
    await writeFile(path, before.replace(args["old_string"] ?? "", args["new_string"] ?? ""));
    return "edited";
  };
}

if (import.meta.main) {
  const { OPENAI_BASE_URL = "", OPENAI_API_KEY = "", AGENT_STREAM } = process.env;
  const text = await runAgent({
    baseUrl: OPENAI_BASE_URL,
    apiKey: OPENAI_API_KEY,
    prompt: process.argv[2] ?? "",
    callTool: folderTools(process.cwd()),
    stream: AGENT_STREAM === "1",
  });
  console.log(text);
}
