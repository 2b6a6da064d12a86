import { createReadStream, readFileSync, statSync } from "node:fs";
import { CtxPackError } from "../errors.ts";
import type { ParsedContract } from "../parse.ts";
import { parseContract } from "../parse-contract.ts";
import { MAX_TEXT, tooLarge } from "../source/text.ts";

/**
 * Reads a contract's file: JSON or YAML by its extension.
 *
 * @throws CtxPackError as `parseContract`; `CTXPACK_E_PATH_NOT_FOUND`, `CTXPACK_E_PERMISSION`. A file of more than
 *   4 MiB is refused (`CTXPACK_E_CONTRACT`) without being read whole.
 */
export async function readContract(
  file: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ParsedContract> {
  const { signal } = options;
  signal?.throwIfAborted();
  try {
    return parseContract(await orAborted(readBytes(file, signal), signal), { file });
  } catch (error) {
    signal?.throwIfAborted();
    throw readError(file, error);
  }
}

async function readBytes(file: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  return readPlain(file) ?? (await readStream(file, signal));
}

/** A file that lies on a disk, at once; `undefined` for anything else, which may keep one waiting. */
function readPlain(file: string): Uint8Array | undefined {
  // Looked at before it is opened: whoever writes to a FIFO would take the first to open it for its reader.
  const stats = statSync(file);
  if (!stats.isFile()) return undefined;
  if (stats.size > MAX_TEXT) throw tooLarge(file);
  const bytes = readFileSync(file);
  if (bytes.length > MAX_TEXT) throw tooLarge(file);
  return bytes;
}

/** `<(command)` is a contract too: of what comes in a stream no size is known beforehand. */
async function readStream(file: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of createReadStream(file, { signal })) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_TEXT) throw tooLarge(file);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

/** Does not wait for `work` once aborted: opening a FIFO that nobody writes to is out of the signal's reach. */
async function orAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function readError(file: string, error: unknown): unknown {
  const details = { file };
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${file}: no such contract file`, {
        cause: error,
        details,
      });
    case "EISDIR":
      return new CtxPackError(
        "CTXPACK_E_PATH_NOT_FOUND",
        `${file}: a folder, not a contract file`,
        {
          cause: error,
          details,
        },
      );
    case "EACCES":
    case "EPERM":
      return new CtxPackError("CTXPACK_E_PERMISSION", `${file}: may not be read`, {
        cause: error,
        details,
      });
    case "ENAMETOOLONG":
    case "ELOOP":
      return new CtxPackError(
        "CTXPACK_E_PATH_NOT_FOUND",
        `${file}: leads to no contract file (${code})`,
        { cause: error, details },
      );
    default:
      return error;
  }
}
