import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { onTestFinished } from "vitest";
import { bin } from "../run.ts";

/** JSON that a test looks into. */
// biome-ignore lint/suspicious/noExplicitAny: each expectation says what it has to be
type Loose = Record<string, any>;

/** What a tool call was answered with. */
interface Answered {
  readonly isError: boolean;
  /** The whole JSON value; of an error `error`. */
  readonly value: Loose;
  readonly text: string;
}

/** The official client, and the real server behind it. */
export interface Session {
  readonly client: Client;
  readonly pid: number;
  readonly stderr: () => string;
  call(name: string, args?: object, signal?: AbortSignal): Promise<Answered>;
}

export interface SessionOptions {
  readonly cwd: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `ctxpack mcp` in `cwd`, with the store of `cwd`, and connects to it. */
export async function connect({ cwd, flags = [], env = {} }: SessionOptions): Promise<Session> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [bin, "mcp", ...flags],
    cwd,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: cwd,
      CTXPACK_CACHE_DIR: join(cwd, "store"),
      ...env,
    },
    stderr: "pipe",
  });
  let stderr = "";
  transport.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  onTestFinished(() => client.close());
  return {
    client,
    pid: transport.pid as number,
    stderr: () => stderr,
    async call(name, args = {}, signal) {
      const options = signal === undefined ? {} : { signal };
      const answer = await client.callTool({ name, arguments: { ...args } }, options);
      const [block] = answer.content;
      return {
        isError: answer.isError === true,
        value: answer.structuredContent as Loose,
        text: block?.type === "text" ? block.text : "",
      };
    },
  };
}
