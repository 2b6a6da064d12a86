import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Fetcher } from "tuf-js";
import { request } from "../http/request.ts";

/** For one file, in milliseconds. */
const DEADLINE_MS = 15_000;

/** Downloads for tuf-js through our own HTTP: with retries, deadlines and bounds, and errors that say what was wrong. */
export class TufFetcher implements Fetcher {
  readonly #folder: string;
  readonly #service: string;
  readonly #signal: AbortSignal;
  #count = 0;
  /** Why the last download failed: tuf-js makes text of it. */
  failure: unknown;

  /** `folder` is for files that are being read; `service` names the repository in errors. */
  constructor(folder: string, service: string, signal: AbortSignal) {
    this.#folder = folder;
    this.#service = service;
    this.#signal = signal;
  }

  async downloadBytes(url: string, limit: number): Promise<Buffer> {
    return (await this.#get(url, limit, [200])).body;
  }

  async downloadFile<T>(
    url: string,
    limit: number,
    handle: (file: string) => Promise<T>,
  ): Promise<T> {
    const bytes = await this.downloadBytes(url, limit);
    const file = join(this.#folder, `download-${++this.#count}`);
    await writeFile(file, bytes, { mode: 0o600 });
    try {
      return await handle(file);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** A file that may not be there: sigstore's repository answers 404, buckets may answer 403. */
  async find(url: string, limit: number): Promise<Buffer | undefined> {
    const { status, body } = await this.#get(url, limit, [200, 403, 404]);
    return status === 200 ? body : undefined;
  }

  async #get(
    url: string,
    limit: number,
    expect: readonly number[],
  ): Promise<{ readonly status: number; readonly body: Buffer }> {
    try {
      return await request({
        service: this.#service,
        method: "GET",
        url: new URL(url),
        limit,
        deadlineMs: DEADLINE_MS,
        expect,
        signal: this.#signal,
      });
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}
