import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart, StepDraft } from "../run/draft.ts";
import { utcTime, utcTimeOfSeconds } from "../run/time.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { joined, readBlocks } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";

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
      if (!reader.readAll(value, line)) log.malformed(line, "no JSON-RPC message");
      yield* reader.take();
    }
  } else {
    const { value } = await log.document();
    const messages = isObject(value) ? value["messages"] : value;
    reader.readAll(messages ?? null, undefined);
  }
  yield* reader.finish();
  notes.noteSkipped(log);
  yield { head: { source: { format: "mcp", ...log.facts } } };
  yield* notes.parts();
}

type Members = { readonly [key: string]: JsonValue };

/** Names under which loggers put the message into an envelope. */
const WRAPPED = ["message", "msg", "data", "payload", "frame", "body", "raw"];

class McpReader {
  readonly #onLoss: OnLoss;
  readonly #queue = new CallQueue();
  readonly #parts: RunPart[] = [];
  /** By id, what was asked. */
  readonly #asked = new Map<string, { method: string; params: Fields | undefined }>();
  #server: string | undefined;

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
  }

  /** Reads a message, an envelope or a batch; false for anything else. */
  readAll(value: JsonValue, line: number | undefined): boolean {
    if (Array.isArray(value))
      return (value as readonly JsonValue[]).every((item) => this.readAll(item, line));
    if (!isObject(value)) return false;
    const { message, startedAt } = unwrap(value, this.#onLoss);
    if (message === undefined) return false;
    const fields = new Fields(message, "$", this.#onLoss);
    this.#read(fields, { startedAt, src: { line } });
    fields.close();
    return true;
  }

  *take(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    for (const step of this.#queue.ready()) yield { step };
  }

  *finish(): Generator<RunPart> {
    yield* this.#parts.splice(0);
    for (const step of this.#queue.rest()) yield { step };
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
    params?.take("protocolVersion");
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

function unwrap(
  value: Members,
  onLoss: OnLoss,
): { message: Members | undefined; startedAt: string | undefined } {
  if (value["jsonrpc"] === "2.0") return { message: value, startedAt: undefined };
  for (const key of WRAPPED) {
    const inner = value[key];
    if (!isObject(inner) || inner["jsonrpc"] !== "2.0") continue;
    const { [key]: _, ...envelope } = value;
    const fields = new Fields(envelope, "$", onLoss);
    const time = fields.take("timestamp") ?? fields.take("ts") ?? fields.take("time");
    for (const name of ["direction", "dir", "type"]) fields.take(name);
    fields.close();
    return { message: inner, startedAt: timeOf(time) };
  }
  return { message: undefined, startedAt: undefined };
}

function timeOf(time: JsonValue | undefined): string | undefined {
  if (typeof time === "string") return utcTime(time);
  if (typeof time !== "number") return undefined;
  return utcTimeOfSeconds(time > 1e11 ? time / 1000 : time);
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
