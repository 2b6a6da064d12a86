import type { IncomingMessage, ServerResponse } from "node:http";
import type { RecordedRequest } from "../http-server.ts";
import type { Faults } from "./faults.ts";

export type Headers = Readonly<Record<string, string | number>>;

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly record: RecordedRequest;
  readonly faults: Faults;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    origin: string,
    faults: Faults,
    records: RecordedRequest[],
  ) {
    this.request = request;
    this.response = response;
    this.faults = faults;
    this.url = new URL(request.url ?? "/", origin);
    const { method = "", url = "", headers } = request;
    this.record = { method, url, headers, status: 0, bytesIn: 0, bytesOut: 0 };
    records.push(this.record);
  }

  get method(): string {
    return this.record.method;
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** The body in pieces, counted. Throws when the peer goes away. */
  async *chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of this.request) {
      this.record.bytesIn += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  }

  async body(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.chunks()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Writes the head of an answer; the body is the caller's. */
  head(status: number, headers: Headers = {}): void {
    this.record.status = status;
    const warning = this.faults.warningHeader;
    if (warning !== undefined) this.response.setHeader("Warning", warning);
    this.response.writeHead(status, { ...headers });
  }

  reply(status: number, headers: Headers = {}, body: Uint8Array | string = ""): void {
    const bytes = Buffer.from(body as string);
    const length = status === 204 || status === 304 ? {} : { "Content-Length": bytes.length };
    this.head(status, { ...length, ...headers });
    if (this.method === "HEAD") {
      this.response.end();
      return;
    }
    this.record.bytesOut += bytes.length;
    this.response.end(bytes);
  }

  json(status: number, value: unknown, headers: Headers = {}): void {
    this.reply(status, { "Content-Type": "application/json", ...headers }, JSON.stringify(value));
  }

  html(status: number, title: string, headers: Headers = {}): void {
    const page = `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
    this.reply(status, { "Content-Type": "text/html", ...headers }, page);
  }

  /** The error body of distribution-spec, "Error Codes". */
  error(
    status: number,
    code: string,
    message: string,
    headers: Headers = {},
    detail?: unknown,
  ): void {
    const { htmlErrors, hugeError = 0 } = this.faults;
    const errors = { errors: [{ code, message, ...(detail !== undefined && { detail }) }] };
    if (htmlErrors) {
      this.html(status, `${status} ${message}`, headers);
    } else if (hugeError > 0) {
      const text = JSON.stringify(errors) + " ".repeat(hugeError);
      this.reply(status, { "Content-Type": "application/json", ...headers }, text);
    } else {
      this.json(status, errors, headers);
    }
  }
}
