import { createReadStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CtxPackError } from "@ctxpack/identity";
import { CONTENT_FOLDER, type RunFile, STEPS_PATH } from "./layout.ts";
import type { PackedRun } from "./pack.ts";
import type { RunFiles } from "./read.ts";

/** What can be given up. */
interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the tree of a run's pack into an empty folder, as `packRun` yields it, and returns what `packRun` returns.
 *
 * @throws CtxPackError `CTXPACK_E_CONFLICT` when a file of that name is there already.
 */
export async function writeRunFolder(
  files: AsyncGenerator<RunFile, PackedRun>,
  folder: string,
  options: Abortable = {},
): Promise<PackedRun> {
  await mkdir(folder, { recursive: true });
  const begun = new Set<string>();
  for (;;) {
    options.signal?.throwIfAborted();
    const { done, value } = await files.next();
    if (done) return value;
    const { path, bytes } = value;
    const isContent = path.startsWith(`${CONTENT_FOLDER}/`);
    // The folder is there only if something is in it: an empty one would be an entry of the pack.
    if (isContent && !begun.has(CONTENT_FOLDER)) {
      await mkdir(join(folder, CONTENT_FOLDER), { recursive: true });
    }
    if (isContent) begun.add(CONTENT_FOLDER);
    await write(join(folder, path), bytes, begun.has(path) ? "a" : "wx");
    if (path === STEPS_PATH) begun.add(path);
  }
}

/** The tree of a run's pack that lies in a folder. */
export function runFolder(folder: string): RunFiles {
  return {
    async *read(path, options) {
      try {
        yield* createReadStream(join(folder, path), { signal: options.signal });
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
        throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${folder} has no ${path}`, { cause });
      }
    },
  };
}

async function write(path: string, bytes: Uint8Array, flag: "a" | "wx"): Promise<void> {
  try {
    await writeFile(path, bytes, { flag });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new CtxPackError("CTXPACK_E_CONFLICT", `${path} is there already`, {
      cause,
      hint: "a run is written into an empty folder",
    });
  }
}
