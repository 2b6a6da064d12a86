import type { JsonValue } from "@ctxpack/identity";
import type { ContentDraft, RunPart, StepDraft } from "../run/draft.ts";
import { bothExtras } from "../run/extras.ts";
import type { StepKind } from "../run/step.ts";
import { Fields, type OnLoss } from "../source/fields.ts";
import { isObject, type LogSource } from "../source/log.ts";
import { joined, readBlocks } from "./blocks.ts";
import { CallQueue } from "./call-queue.ts";
import { type ImportedRun, LossNotes } from "./imported.ts";
import { UNTOLD, type Unwrapped, unwrap } from "./mcp-envelope.ts";
import { type McpRequest, McpRequests } from "./mcp-requests.ts";

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

/** What a recorder noted about a message. */
type Told = Omit<Unwrapped, "messages">;

class McpReader {
  readonly #onLoss: OnLoss;
  readonly #queue = new CallQueue();
  readonly #parts: RunPart[] = [];
  readonly #requests = new McpRequests();
  #server: string | undefined;
  /** What the client wanted to speak, and what the server agreed to, which counts more. */
  #wanted: string | undefined;
  #agreed: string | undefined;

  constructor(onLoss: OnLoss) {
    this.#onLoss = onLoss;
  }

  /** Reads a message, an envelope or a batch; false for anything else. */
  readAll(value: JsonValue, line: number | undefined): boolean {
    if (Array.isArray(value))
      return (value as readonly JsonValue[]).every((item) => this.readAll(item, line));
    if (!isObject(value)) return false;
    const { messages, ...told } = unwrap(value, this.#onLoss);
    for (const [index, message] of messages.entries()) {
      const fields = new Fields(message, "$", this.#onLoss);
      // Of a question with its answer, time and direction are the question's.
      this.#read(fields, index === 0 ? told : UNTOLD, { src: { line } });
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
    yield { head: { source: { version: this.#agreed ?? this.#wanted } } };
  }

  #read(message: Fields, told: Told, at: Pick<StepDraft, "src">): void {
    message.take("jsonrpc");
    const rawId = message.peek("id");
    const id = rawId === undefined || rawId === null ? undefined : JSON.stringify(rawId);
    message.take("id");
    const method = message.text("method");
    if (method === undefined) this.#response(id ?? "", message, told, at);
    else if (id === undefined) this.#notified(method, message, told, at);
    else this.#request(method, id, message, told, at);
  }

  #request(
    method: string,
    id: string,
    message: Fields,
    told: Told,
    at: Pick<StepDraft, "src">,
  ): void {
    const { key } = this.#requests.ask(method, id, told.direction);
    const params = message.object("params");
    if (method === "initialize" || method === "tools/list") {
      if (method === "initialize") this.#initialize(params);
      told.loseTime();
      told.loseDirection();
      return;
    }
    const isTool = method === "tools/call";
    const name = isTool ? (params?.text("name") ?? "unnamed") : method;
    const request = isTool ? (params?.take("arguments") ?? {}) : (params?.rest() ?? {});
    const others = isTool ? params?.rest() : undefined;
    this.#queue.call(key, {
      ...at,
      callId: id,
      startedAt: told.startedAt,
      kind: kindOf(method),
      name,
      request: { value: request },
      extra: extraOf(told.direction, others),
    });
  }

  #initialize(params: Fields | undefined): void {
    const client = params?.object("clientInfo");
    this.#parts.push({
      head: { agent: { name: client?.text("name"), version: client?.text("version") } },
    });
    const version = params?.peek("protocolVersion");
    if (typeof version === "string") this.#wanted = version;
    const wanted = params?.rest();
    if (wanted !== undefined) this.#parts.push({ head: { extra: { client: wanted } } });
  }

  #notified(method: string, message: Fields, told: Told, at: Pick<StepDraft, "src">): void {
    const params = message.object("params");
    if (method === "notifications/initialized") {
      told.loseTime();
      told.loseDirection();
      return;
    }
    this.#queue.add({
      ...at,
      startedAt: told.startedAt,
      kind: "event",
      name: method,
      extra: extraOf(told.direction, params?.rest()),
    });
  }

  #response(id: string, message: Fields, told: Told, at: Pick<StepDraft, "src">): void {
    const error = message.object("error");
    const result = message.object("result");
    const asked = this.#requests.answered(id, told.direction, result);
    if (asked?.method === "initialize" && result !== undefined) this.#serverInfo(result);
    else if (asked?.method === "tools/list" && result !== undefined) this.#tools(result);
    else {
      const done = error === undefined ? this.#done(asked?.method, result) : failed(error);
      this.#answered(asked, done, told, at);
      return;
    }
    told.loseTime();
    told.loseDirection();
  }

  #answered(
    asked: McpRequest | undefined,
    done: Partial<StepDraft>,
    told: Told,
    at: Pick<StepDraft, "src">,
  ): void {
    const isKnown =
      asked !== undefined &&
      this.#queue.result(asked.key, (step) => ({
        ...step,
        ...done,
        endedAt: told.startedAt,
        extra: bothExtras(step.extra, done.extra),
      }));
    if (isKnown) {
      told.loseDirection();
      return;
    }
    // What was asked is not in the transcript, is no step of its own, or was given up.
    this.#queue.add({
      ...at,
      startedAt: told.startedAt,
      kind: "event",
      name: asked?.method ?? "response",
      ...done,
      extra: bothExtras(extraOf(told.direction, undefined), done.extra),
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
    const tools: Record<string, string> = {};
    if (name !== undefined && version !== undefined) tools[name] = version;
    const instructions = result.text("instructions");
    if (instructions !== undefined) this.#parts.push({ system: { text: instructions } });
    this.#agreed ??= result.text("protocolVersion");
    const others = result.rest();
    this.#parts.push({
      head: {
        environment: { tools },
        ...(others !== undefined && { extra: { server: others } }),
      },
    });
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

function kindOf(method: string): StepKind {
  if (method === "tools/call") return "tool";
  if (method === "sampling/createMessage") return "llm";
  const looksUp = ["resources/read", "prompts/get", "completion/complete"].includes(method);
  return looksUp ? "retrieval" : "event";
}

/** Which way a message went is told with its step. */
function extraOf(direction: string | undefined, others: JsonValue | undefined) {
  return bothExtras(direction === undefined ? undefined : { direction }, others);
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
      const block = new Fields(item, "$.result.content[*]", onLoss);
      for (const key of ["type", "data", "mimeType"]) block.take(key);
      block.close();
      drafts.push({ bytes: Buffer.from(item["data"], "base64"), mediaType: item["mimeType"] });
    } else drafts.push(...readBlocks(item, "$.result.content[*]", onLoss).said);
  }
  return joined(drafts) ?? { text: "" };
}
