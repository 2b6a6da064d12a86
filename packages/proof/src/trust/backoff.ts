import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../file/write-whole.ts";
import { PRIVATE, readUpTo } from "./files.ts";

const FIRST_MS = 1000;
const MOST_MS = 300_000;
const LIMIT = 4096;

/**
 * After a refresh in the background failed the next one waits: a second, doubled with each failure up to five minutes, at
 * random up to a half more. All processes know it from `failure.json`; who has to wait for a refresh anyway does not ask.
 */
export class RefreshBackoff {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, "failure.json");
  }

  async mayTry(): Promise<boolean> {
    const { retryAt } = await this.#read();
    // A time that is further away than we ever set it comes from another clock.
    return retryAt <= Date.now() || retryAt > Date.now() + 2 * MOST_MS;
  }

  async failed(): Promise<void> {
    const count = (await this.#read()).count + 1;
    const ms = Math.min(MOST_MS, FIRST_MS * 2 ** (count - 1)) * (1 + Math.random() / 2);
    const failure = { v: 1, count, retryAt: Math.round(Date.now() + ms) };
    await writeWhole(this.#path, Buffer.from(`${JSON.stringify(failure)}\n`), PRIVATE);
  }

  async succeeded(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  async #read(): Promise<{ readonly count: number; readonly retryAt: number }> {
    try {
      const bytes = await readUpTo(this.#path, LIMIT);
      const { count, retryAt } = JSON.parse(`${bytes ?? "{}"}`);
      if (Number.isSafeInteger(count) && Number.isSafeInteger(retryAt)) {
        return { count: Math.min(Math.max(count, 0), 30), retryAt };
      }
    } catch {
      // Damaged: as if nothing had failed.
    }
    return { count: 0, retryAt: 0 };
  }
}
