import type { IncomingMessage, ServerResponse } from "node:http";
import { type Listening, listen } from "../http-server.ts";

/** Services that can be made to fail. */
export type SigstoreService = "github" | "fulcio" | "tsa" | "rekorV1" | "rekorV2" | "tuf";

/** What becomes of one request. */
export interface SigstoreFault {
  /** Waited for first, in milliseconds. */
  readonly delayMs?: number;
  /** Answered instead of the service; with `body` alone 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The connection breaks before an answer. */
  readonly reset?: boolean;
  /** The service does its work, and the connection breaks before its answer. */
  readonly lost?: boolean;
  /** The answer with this text replaced by that. */
  readonly replace?: readonly [string, string];
}

/** What a service answers. */
export interface Answer {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AskedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

export type Answering = (asked: AskedRequest) => Promise<Answer> | Answer;

/** A service on loopback that can be made to fail. */
export interface FaultyService extends Listening {
  /** Of each of the next requests one is taken; `null`: nothing happens to that request. */
  readonly faults: (SigstoreFault | null)[];
  readonly requests: AskedRequest[];
}

/** Starts a service; `answer` may be set once its origin is known. */
export async function startFaulty(answering: { answer: Answering }): Promise<FaultyService> {
  const faults: (SigstoreFault | null)[] = [];
  const requests: AskedRequest[] = [];
  const server = await listen(async (request, response) => {
    const asked = await read(request);
    requests.push(asked);
    const fault = faults.shift() ?? {};
    if (fault.delayMs) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    if (fault.reset) {
      response.destroy();
      return;
    }
    if (fault.status !== undefined || fault.body !== undefined) {
      const { status = 200, body = "", headers = {} } = fault;
      send(response, { status, body, headers });
      return;
    }
    const answer = await answering.answer(asked);
    if (fault.lost) response.destroy();
    else send(response, replaced(answer, fault.replace));
  });
  return { ...server, faults, requests, [Symbol.asyncDispose]: server[Symbol.asyncDispose] };
}

function replaced(answer: Answer, replace: SigstoreFault["replace"]): Answer {
  if (replace === undefined) return answer;
  const text = Buffer.from(answer.body)
    .toString("latin1")
    .replaceAll(...replace);
  return { ...answer, body: Buffer.from(text, "latin1") };
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

async function read(request: IncomingMessage): Promise<AskedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = "", url = "", headers } = request;
  const body = Buffer.concat(chunks).toString("utf8");
  return { method, url, body, authorization: headers.authorization };
}
