import { CtxPackError } from "@ctxpack/identity";
import type { Dispatcher } from "undici";
import { describeUrl } from "./address.ts";

/** A peer this slow is left: another connection may do better. */
const SLOWEST_BYTES_PER_S = 1024;

/** Headers of an answer, by lower-case name. */
export class ResponseHeaders {
  readonly #values: Readonly<Record<string, string | string[] | undefined>>;

  constructor(values: Readonly<Record<string, string | string[] | undefined>>) {
    this.#values = values;
  }

  /** The first value. */
  get(name: string): string | undefined {
    return this.all(name)[0];
  }

  all(name: string): readonly string[] {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    return value === undefined ? [] : typeof value === "string" ? [value] : value;
  }

  /** `Content-Type` without its parameters, in lower case. */
  get contentType(): string | undefined {
    return this.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  }

  /** `Content-Length` in bytes. */
  get contentLength(): number | undefined {
    const text = this.get("content-length");
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  }
}

/** An answer whose body has not been read. Whoever gets one reads it, or closes it. */
export class RegistryResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** What answered, after redirects. */
  readonly url: URL;
  /** Not the registry answered, but a host it sent us to. */
  readonly foreign: boolean;
  /** What was sent as Authorization. */
  readonly authorization: string | undefined;
  readonly #body: Dispatcher.ResponseData["body"];
  readonly #slownessMs: number;
  readonly #onFailure: (error: unknown) => unknown;

  constructor(
    data: Dispatcher.ResponseData,
    facts: {
      readonly url: URL;
      readonly foreign: boolean;
      readonly authorization: string | undefined;
      /** So long the body may come slowly. */
      readonly slownessMs: number;
      /** Makes the error of a broken body one that a person understands. */
      readonly onFailure: (error: unknown) => unknown;
      /** The body was read or closed. */
      readonly onEnd: () => void;
    },
  ) {
    this.status = data.statusCode;
    this.headers = new ResponseHeaders(data.headers);
    this.url = facts.url;
    this.foreign = facts.foreign;
    this.authorization = facts.authorization;
    this.#body = data.body;
    this.#slownessMs = facts.slownessMs;
    this.#onFailure = facts.onFailure;
    data.body.once("close", facts.onEnd);
    // Whoever stopped reading is not told any more; whoever reads gets the error from the iteration.
    data.body.on("error", () => {});
  }

  /**
   * The bytes of the body as they arrive; may be broken off. CTXPACK_E_UNAVAILABLE when less than 1 kB a second comes: a
   * drop now and then would keep its reader for ever.
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    let since = performance.now();
    let [bytes, waitedMs] = [0, 0];
    try {
      for await (const chunk of this.#body) {
        bytes += (chunk as Uint8Array).length;
        waitedMs += performance.now() - since;
        if (waitedMs >= this.#slownessMs) {
          if (bytes < (SLOWEST_BYTES_PER_S * waitedMs) / 1000) throw this.#tooSlow();
          [bytes, waitedMs] = [0, 0];
        }
        yield chunk as Uint8Array;
        // What the reader takes is no slowness of the peer.
        since = performance.now();
      }
    } catch (error) {
      throw this.#onFailure(error);
    } finally {
      this.close();
    }
  }

  /** The whole body, of at most `limit` bytes; one that is longer is CTXPACK_E_PROTOCOL. */
  async bytes(limit: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size > limit) throw this.tooLong(limit);
      chunks.push(chunk);
    }
    return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
  }

  /** The beginning of the body, for a message. */
  async excerpt(limit: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.chunks()) {
        chunks.push(chunk.subarray(0, limit - size));
        size += chunk.length;
        if (size >= limit) break;
      }
    } catch {
      // What came is as good as it gets: the status has been decided on.
    }
    return Buffer.concat(chunks);
  }

  /** Reads on to the end, so that the connection can be used again; a long body is broken off. */
  async discard(): Promise<void> {
    await this.excerpt(64 << 10);
  }

  close(): void {
    this.#body.destroy();
  }

  #tooSlow(): CtxPackError {
    const url = describeUrl(this.url);
    return new CtxPackError("CTXPACK_E_UNAVAILABLE", `${url} sends less than 1 kB a second`, {
      details: { url, reason: "TOO_SLOW" },
    });
  }

  tooLong(limit: number): CtxPackError {
    const url = describeUrl(this.url);
    return new CtxPackError("CTXPACK_E_PROTOCOL", `${url} answers with more than ${limit} bytes`, {
      details: { url, limit },
    });
  }
}
