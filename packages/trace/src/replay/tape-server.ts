import { once } from "node:events";
import type { Writable } from "node:stream";
import type { JsonValue } from "@ctxpack/identity";
import { sourceText } from "../run/number.ts";
import { abortable } from "../source/abortable.ts";
import { parseJson } from "../source/json.ts";
import { readLines } from "../source/lines.ts";
import { isObject } from "../source/log.ts";
import { canonicalText, recordedText } from "./recorded.ts";
import type { ServedBlock } from "./served.ts";
import type { Tape } from "./tape.ts";

/** Of a message, in bytes. */
const MAX_MESSAGE: number = 16 * 1024 * 1024;

/** The newest version of the protocol that is spoken. */
const PROTOCOL = "2025-06-18";
const PROTOCOLS: readonly string[] = ["2024-11-05", "2025-03-26", PROTOCOL];

/** Where a {@link serveTape} talks to an agent. */
export interface ServeTapeOptions {
  /** Such as `process.stdin`. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Such as `process.stdout`. */
  readonly output: Writable;
  /** Serves the tools that were recorded as `mcp__<server>__<tool>` under their own name, as that server does. */
  readonly server?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Serves a tape as an MCP server over stdio in place of the server that was recorded: JSON-RPC 2.0, a message a line.
 * Returns when the input ends, and throws as soon as `signal` aborts: the tape still tells what was served. A call that
 * is not on the tape gets an answer with `isError`, and is in the report.
 */
export async function serveTape(tape: Tape, options: ServeTapeOptions): Promise<void> {
  const prefix = options.server === undefined ? "" : `mcp__${options.server}__`;
  const session = new Session(tape, prefix, options.signal);
  const input = abortable(options.input, options.signal);
  const lines = readLines(input, { maxLine: MAX_MESSAGE, signal: options.signal });
  for await (const line of lines) {
    const answer = line.tooLong
      ? failure(null, -32700, "message too long")
      : await session.take(line.bytes);
    if (answer === undefined) continue;
    if (!options.output.write(`${answer}\n`))
      await once(options.output, "drain", { signal: options.signal });
  }
}

class Session {
  readonly #tape: Tape;
  readonly #prefix: string;
  readonly #signal: AbortSignal | undefined;

  constructor(tape: Tape, prefix: string, signal: AbortSignal | undefined) {
    this.#tape = tape;
    this.#prefix = prefix;
    this.#signal = signal;
  }

  /** The answer to a message or a batch of them, as JSON text; undefined when there is none. */
  async take(bytes: Uint8Array): Promise<string | undefined> {
    const text = new TextDecoder().decode(bytes).trim();
    if (text === "") return undefined;
    let message: JsonValue;
    try {
      message = parseJson(text).value;
    } catch {
      return failure(null, -32700, "not JSON");
    }
    if (!Array.isArray(message)) return await this.#answer(message);
    const answers: string[] = [];
    for (const one of message as readonly JsonValue[]) {
      const answer = await this.#answer(one);
      if (answer !== undefined) answers.push(answer);
    }
    return answers.length === 0 ? undefined : `[${answers.join(",")}]`;
  }

  async #answer(message: JsonValue): Promise<string | undefined> {
    if (!isObject(message)) return failure(null, -32600, "not a request");
    const { id, method, params } = message;
    if (typeof method !== "string") {
      // An answer to something that we never ask, or nothing at all.
      return "result" in message || "error" in message
        ? undefined
        : failure(id ?? null, -32600, "no method");
    }
    if (id === undefined || id === null) return undefined;
    const given = isObject(params) ? params : {};
    switch (method) {
      case "initialize":
        return success(id, this.#greeting(given["protocolVersion"]));
      case "ping":
        return success(id, {});
      case "tools/list":
        return success(id, { tools: await this.#tools() });
      case "tools/call":
        return await this.#call(id, given["name"], given["arguments"]);
      default:
        return failure(id, -32601, `no method ${method}`);
    }
  }

  #greeting(asked: JsonValue | undefined): JsonValue {
    const isKnown = typeof asked === "string" && PROTOCOLS.includes(asked);
    return {
      protocolVersion: isKnown ? asked : PROTOCOL,
      capabilities: { tools: {} },
      serverInfo: { name: "ctxpack-tape", version: this.#tape.run.uri },
    };
  }

  /** The tools that the run knew, and those that it called without having been told of them. */
  async #tools(): Promise<JsonValue[]> {
    const { run } = this.#tape;
    const tools = new Map<string, JsonValue>();
    const add = (recorded: string, members: { readonly [key: string]: JsonValue }) => {
      if (!recorded.startsWith(this.#prefix)) return;
      const name = recorded.slice(this.#prefix.length);
      if (!tools.has(name)) tools.set(name, { name, ...members });
    };
    for (const tool of run.head.tools) {
      const description =
        tool.description &&
        (await recordedText(run, tool.description, { signal: this.#signal }))?.text;
      const schema =
        tool.schema && (await recordedText(run, tool.schema, { signal: this.#signal }))?.text;
      add(tool.name, {
        ...(description !== undefined && { description }),
        inputSchema: schemaOf(schema),
      });
    }
    for (const name of this.#tape.names) add(name, { inputSchema: { type: "object" } });
    return [...tools.values()];
  }

  async #call(
    id: JsonValue,
    name: JsonValue | undefined,
    args: JsonValue | undefined,
  ): Promise<string> {
    if (typeof name !== "string") return failure(id, -32602, "a call without a name");
    const text = args === undefined ? undefined : sourceText(args);
    const answer = await this.#tape.call(this.#prefix + name, text, { signal: this.#signal });
    if (answer.isFound) {
      return success(id, { content: answer.blocks.map(mcpBlock), isError: answer.isError });
    }
    const content = [{ type: "text", text: `not on the tape: ${answer.reason}` }];
    return success(id, { content, isError: true });
  }
}

function schemaOf(text: string | undefined): JsonValue {
  const canonical = text === undefined ? undefined : canonicalText(text);
  const value = canonical === undefined ? undefined : (JSON.parse(canonical) as JsonValue);
  return isObject(value) ? value : { type: "object" };
}

function mcpBlock(block: ServedBlock): JsonValue {
  if (block.type === "text") return { type: "text", text: block.text };
  const data = Buffer.from(block.bytes).toString("base64");
  const { mediaType } = block;
  const kind = mediaType.split("/")[0];
  if (kind === "image" || kind === "audio") return { type: kind, data, mimeType: mediaType };
  return {
    type: "resource",
    resource: { uri: "ctxpack:content", blob: data, mimeType: mediaType },
  };
}

function success(id: JsonValue, result: JsonValue): string {
  return `{"jsonrpc":"2.0","id":${sourceText(id)},"result":${JSON.stringify(result)}}`;
}

function failure(id: JsonValue, code: number, message: string): string {
  return `{"jsonrpc":"2.0","id":${sourceText(id)},"error":${JSON.stringify({ code, message })}}`;
}
