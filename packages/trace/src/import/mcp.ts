import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart, StepDraft } from "../run/draft.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { joined, readBlocks } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { unwrap } from "./mcp-envelope.ts";

/**
 * A transcript of the Model Context Protocol: JSON-RPC messages, as JSON lines or one array, bare or in an envelope with
 * a time and a direction. Calls of tools, reads of resources and gets of prompts become steps.
 */
export async function* importMcp(log: LogSource): AsyncGenerator<ImportedRun> {
  yield { key: "", format: "mcp", parts: readTranscript(log) };
}

async function* readTranscript(log: LogSource): AsyncGenerator<RunPart> {
  const notes = new LossNotes();
  const reader = new McpReader(notes.note);
  yield { head: { notCaptured: ["models", "params", "system", "usage"] } };
  if (log.isLines) {
    for await (const { value, line, duplicates } of log.lines()) {
      notes.noteSkipped(log);
      notes.line = line;
      for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
      if (!reader.readAll(value, line)) {
        // A document may stand on one line.
        if (listIn(value) === undefined) log.malformed(line, "no JSON-RPC message");
        else yield* reader.readDocument(value);
      }
      yield* reader.take();
    }
  } else {
    const { value, duplicates } = await log.document();
    for (const key of duplicates) notes.note(`$..${key}`, "duplicate");
    yield* reader.readDocument(value);
  }
  yield* reader.finish();
  notes.noteSkipped(log);
  yield { head: { source: { format: "mcp", ...log.facts } } };
  yield* notes.parts();
}

/** Names under which recorders list what was said. */
const LISTS = ["messages", "interactions", "exchanges", "entries", "events", "frames"];

function listIn(value: JsonValue): string | undefined {
  return isObject(value) ? LISTS.find((name) => Array.isArray(value[name])) : undefined;
}

class McpReader {
  readonly #onLoss: OnLoss;
  readonly #queue = new CallQueue();
  readonly #parts: RunPart[] = [];
  /** By id, what was asked. */
  readonly #asked = new Map<string, { method: string; params: Fields | undefined }>();
  #server: string | undefined;
  /** What the client wanted to speak; what the server said counts more. */
  #protocol: string | undefined;

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
  }

  /** Reads a message, an envelope or a batch; false for anything else. */
  readAll(value: JsonValue, line: number | undefined): boolean {
    if (Array.isArray(value))
      return (value as readonly JsonValue[]).every((item) => this.readAll(item, line));
    if (!isObject(value)) return false;
    const { messages, startedAt } = unwrap(value, this.#onLoss);
    for (const [index, message] of messages.entries()) {
      const fields = new Fields(message, "$", this.#onLoss);
      // Of a question with its answer the time is the question's.
      this.#read(fields, { startedAt: index === 0 ? startedAt : undefined, src: { line } });
      fields.close();
    }
    return messages.length > 0;
  }

  /** Reads a whole transcript: a list, or what a recorder put around one. */
  *readDocument(value: JsonValue): Generator<RunPart> {
    const key = listIn(value);
    if (!isObject(value) || key === undefined) {
      this.#readItems(value);
      return;
    }
    const fields = new Fields(value, "$", this.#onLoss);
    this.#readItems(fields.take(key) ?? null);
    const extra = fields.rest();
    if (extra !== undefined) yield { head: { extra } };
  }

  #readItems(value: JsonValue): void {
    const items: readonly JsonValue[] = Array.isArray(value) ? value : [value];
    for (const item of items) {
      if (!this.readAll(item, undefined)) this.#onLoss("$[*]", "unmapped");
    }
  }

  *take(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    for (const step of this.#queue.ready()) yield { step };
  }

  *finish(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    for (const step of this.#queue.rest()) yield { step };
    yield { head: { source: { version: this.#protocol } } };
  }

  #read(message: Fields, at: Partial<StepDraft>): void {
    message.take("jsonrpc");
    const rawId = message.peek("id");
    const id = rawId === undefined || rawId === null ? undefined : JSON.stringify(rawId);
    message.take("id");
    const method = message.text("method");
    if (method !== undefined && id !== undefined) this.#request(method, id, message, at);
    else if (method !== undefined) this.#notified(method, message, at);
    else this.#response(id ?? "", message, at);
  }

  #request(method: string, id: string, message: Fields, at: Partial<StepDraft>): void {
    const params = message.object("params");
    this.#asked.set(id, { method, params });
    if (method === "tools/call") {
      const name = params?.text("name") ?? "unnamed";
      const meta = params?.take("_meta");
      this.#queue.call(id, {
        ...at,
        kind: "tool",
        name,
        request: { value: params?.take("arguments") ?? {} },
        extra: meta === undefined ? undefined : { _meta: meta },
      });
    } else if (
      method === "resources/read" ||
      method === "prompts/get" ||
      method === "completion/complete"
    ) {
      this.#queue.call(id, {
        ...at,
        kind: "retrieval",
        name: method,
        request: { value: params?.rest() ?? {} },
      });
    } else if (method === "sampling/createMessage" || method === "elicitation/create") {
      const kind = method === "sampling/createMessage" ? "llm" : "event";
      this.#queue.call(id, { ...at, kind, name: method, request: { value: params?.rest() ?? {} } });
    } else if (method === "initialize") this.#initialize(params);
    else if (params !== undefined) params.rest();
  }

  #initialize(params: Fields | undefined): void {
    const client = params?.object("clientInfo");
    this.#parts.push({
      head: { agent: { name: client?.text("name"), version: client?.text("version") } },
    });
    params?.take("capabilities");
    this.#protocol = params?.text("protocolVersion");
  }

  #notified(method: string, message: Fields, at: Partial<StepDraft>): void {
    const params = message.object("params");
    if (method === "notifications/initialized") return;
    this.#queue.add({ ...at, kind: "event", name: method, extra: params?.rest() });
  }

  #response(id: string, message: Fields, at: Partial<StepDraft>): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    const error = message.object("error");
    const result = message.object("result");
    if (asked?.method === "initialize" && result !== undefined) this.#serverInfo(result);
    else if (asked?.method === "tools/list" && result !== undefined) this.#tools(result);
    else this.#answered(id, asked?.method, result, error, at);
  }

  #answered(
    id: string,
    method: string | undefined,
    result: Fields | undefined,
    error: Fields | undefined,
    at: Partial<StepDraft>,
  ): void {
    const done = error === undefined ? this.#done(method, result) : failed(error);
    const ended = { ...done, endedAt: at.startedAt };
    if (this.#queue.result(id, (step) => ({ ...step, ...ended, extra: done.extra ?? step.extra })))
      return;
    // Answers to `ping`, `*/list` and the like, and those whose question is not in the transcript.
    this.#queue.add({
      src: at.src,
      startedAt: at.startedAt,
      kind: "event",
      name: method ?? "response",
      ...done,
    });
  }

  #done(
    method: string | undefined,
    result: Fields | undefined,
  ): Pick<StepDraft, "result" | "status" | "extra"> {
    if (result === undefined) return { result: { text: "" }, status: "ok" };
    if (method !== "tools/call") return { result: { value: result.rest() ?? {} }, status: "ok" };
    const isError = result.boolean("isError") === true;
    const content = mcpContent(result.take("content"), this.#onLoss);
    return { result: content, status: isError ? "error" : "ok", extra: result.rest() };
  }

  #serverInfo(result: Fields): void {
    const server = result.object("serverInfo");
    const name = server?.text("name");
    const version = server?.text("version");
    this.#server = name;
    const protocol = result.text("protocolVersion");
    const tools: Record<string, string> = {};
    if (name !== undefined && version !== undefined) tools[name] = version;
    const instructions = result.text("instructions");
    if (instructions !== undefined) this.#parts.push({ system: { text: instructions } });
    this.#parts.push({ head: { source: { version: protocol }, environment: { tools } } });
    result.take("capabilities");
  }

  #tools(result: Fields): void {
    for (const tool of result.objects("tools")) {
      const description = tool.text("description");
      this.#parts.push({
        tool: {
          name: tool.text("name") ?? "unnamed",
          description: description === undefined ? undefined : { text: description },
          schema: tool.take("inputSchema"),
          annotations: tool.take("annotations"),
          server: this.#server,
        },
      });
    }
  }
}

function failed(error: Fields): Pick<StepDraft, "result" | "status" | "error" | "extra"> {
  const code = error.id("code");
  const message = error.text("message");
  return {
    status: "error",
    result: { text: message ?? "" },
    error: { type: code, message: message === undefined ? undefined : { text: message } },
    extra: error.rest(),
  };
}

/** Content of a tool's result: `{type: "image", data, mimeType}` are bytes here. */
function mcpContent(content: JsonValue | undefined, onLoss: OnLoss): ContentDraft {
  const drafts: ContentDraft[] = [];
  for (const item of Array.isArray(content) ? (content as readonly JsonValue[]) : []) {
    if (
      isObject(item) &&
      typeof item["data"] === "string" &&
      typeof item["mimeType"] === "string"
    ) {
      drafts.push({ bytes: Buffer.from(item["data"], "base64"), mediaType: item["mimeType"] });
    } else drafts.push(...readBlocks(item, "$.result.content[*]", onLoss).said);
  }
  return joined(drafts) ?? { text: "" };
}
