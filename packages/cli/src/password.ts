import { CommandError } from "./exit.ts";

const LIMIT = 64 << 10;

/** All of standard input, without the newline that ends it. Throws CTXPACK_E_USAGE for more than 64 KiB. */
export async function readAll(
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    signal.throwIfAborted();
    size += chunk.length;
    if (size > LIMIT) throw new CommandError("CTXPACK_E_USAGE", "that is too long for a password");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

/**
 * One line from a terminal, with `hidden` without showing it. Throws CTXPACK_E_USAGE where there is none: a
 * program must not wait for somebody who is not there.
 */
export async function ask(
  question: string,
  options: { readonly hidden: boolean; readonly signal: AbortSignal; readonly instead: string },
): Promise<string> {
  const input = process.stdin;
  if (!input.isTTY || !process.stderr.isTTY) {
    throw new CommandError("CTXPACK_E_USAGE", "there is no terminal to ask on", options.instead);
  }
  const { createInterface } = await import("node:readline/promises");
  const { Writable } = await import("node:stream");
  // What is typed is shown by whoever reads it: with nowhere to show it, it is not.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(question);
  const reader = createInterface({
    input,
    output: options.hidden ? silent : process.stderr,
    terminal: true,
  });
  // In raw mode Ctrl-C is a letter: it is given back its meaning.
  reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return await reader.question("", { signal: options.signal });
  } catch (error) {
    options.signal.throwIfAborted();
    throw error;
  } finally {
    reader.close();
    if (options.hidden) process.stderr.write("\n");
  }
}
