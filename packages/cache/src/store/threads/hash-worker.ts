import type { MessagePort } from "node:worker_threads";
import { type HashedFile, hashFile } from "../check/hash-file.ts";

export interface HashJob {
  readonly id: number;
  readonly paths: readonly string[];
}

export interface HashAnswer {
  readonly id: number;
  /** In the order of the paths. */
  readonly results: readonly HashedFile[];
}

/** Hashes the files it is sent. */
export function hashFiles(port: MessagePort): void {
  port.on("message", async ({ id, paths }: HashJob) => {
    const results: HashedFile[] = [];
    for (const path of paths) results.push(await hashFile(path, async () => {}));
    port.postMessage({ id, results } satisfies HashAnswer);
  });
}
