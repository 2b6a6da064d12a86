import { createReadStream } from "node:fs";
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

/** A stream rather than a size asked for beforehand: `<(command)` is a contract too, and files grow. */
async function readBytes(file: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
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
