import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { expectOnly } from "../flags.ts";
import { TRACE_FROM_FLAG } from "../trace-flags.ts";

export const traceExport: Command = defineCommand({
  usage: "trace export <uri> [--out FILE] [--format atif]",
  example: ["ctxpack trace export 58a6ff02 --out run.atif.json"],
  about:
    "Writes a run as an ATIF trajectory, to stdout or into a new file. What ATIF has no place for is in `extra`.",
  takes: [1, 1],
  flags: {
    out: { type: "string", value: "FILE", about: "a new file; stdout without it" },
    format: { type: "string", value: "NAME", about: "atif, the only one there is" },
    from: TRACE_FROM_FLAG,
  },
  async run({ args, flags, output, cwd, open, signal }) {
    expectOnly("format", flags.format, "atif");
    if (output.options.json && flags.out === undefined) {
      throw new CommandError("CTXPACK_E_USAGE", "--json needs --out: stdout is the trajectory");
    }
    const ctx = await open();
    const pieces = ctx.traces.export(args[0] as string, { from: flags.from, signal });
    if (flags.out === undefined) {
      for await (const piece of pieces) await output.bytes(Buffer.from(piece));
      return undefined;
    }
    const path = resolve(cwd, flags.out);
    await writeNew(path, pieces, signal);
    output.result(path, { path });
    return undefined;
  },
});

async function writeNew(
  path: string,
  pieces: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  let isOurs = false;
  const file = createWriteStream(path, { flags: "wx" });
  file.on("open", () => {
    isOurs = true;
  });
  try {
    await pipeline(Readable.from(pieces), file, { signal });
  } catch (error) {
    if (isOurs) await rm(path, { force: true });
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new CommandError("CTXPACK_E_CONFLICT", `${path} is there already`, "name a new file");
  }
}
