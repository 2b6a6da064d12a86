import type { JsonValue } from "@ctxpack/identity";
import { parseJson } from "../source/json.ts";
import { AnswerReader } from "./answer.ts";
import type { ModelApi } from "./api.ts";
import type { RunRecorder } from "./recorder.ts";

/** One call of a model and what it answered. */
export interface Exchange {
  readonly api: ModelApi;
  /** Who serves the model: a host. */
  readonly provider: string | undefined;
  readonly request: JsonValue;
  /** Undefined when nothing came, or nothing that could be read. */
  readonly answer: JsonValue | undefined;
  /** Of the answer; undefined when none came. */
  readonly httpStatus: number | undefined;
  /** Why the answer is not all there is. */
  readonly problem: string | undefined;
  readonly startedAt: string;
  readonly endedAt: string;
}

/** Of a request that is kept, in bytes; what is larger passes by unrecorded. */
export const MAX_REQUEST: number = 32 * 1024 * 1024;

/** Follows one call of a model from its request to the end of its answer, and records it. Headers are never seen here. */
export class ExchangeWatch {
  readonly #recorder: RunRecorder;
  readonly #api: ModelApi;
  readonly #provider: string;
  readonly #startedAt = new Date().toISOString();
  #request: JsonValue | undefined;
  #reader: AnswerReader | undefined;
  #httpStatus: number | undefined;
  #isOver = false;

  constructor(recorder: RunRecorder, api: ModelApi, url: URL) {
    this.#recorder = recorder;
    this.#api = api;
    this.#provider = url.hostname;
  }

  /** @param text the body; undefined when it was too large to be kept. */
  request(text: string | undefined): void {
    try {
      this.#request = text === undefined ? undefined : parseJson(text).value;
    } catch {
      this.#request = undefined;
    }
  }

  response(httpStatus: number, contentType: string): void {
    this.#httpStatus = httpStatus;
    this.#reader = new AnswerReader(this.#api, contentType);
  }

  push(bytes: Uint8Array): void {
    this.#reader?.push(bytes);
  }

  /** Once. @param broken why no more comes, if not because this was all. */
  finish(broken?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#request === undefined) {
      this.#recorder.lose("$.exchange.request");
      return;
    }
    const read = this.#reader?.finish(broken);
    this.#recorder.exchange({
      api: this.#api,
      provider: this.#provider,
      request: this.#request,
      answer: read?.answer,
      httpStatus: this.#httpStatus,
      problem: read === undefined ? (broken ?? "no answer came") : read.problem,
      startedAt: this.#startedAt,
      endedAt: new Date().toISOString(),
    });
  }
}
