import { resolve } from "node:path";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { expectOnly } from "../flags.ts";
import { harmless } from "../harmless.ts";
import { writeNewFile } from "../new-file.ts";
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
      // As the same JSON: it may be a terminal that reads it.
      for await (const piece of pieces) await output.bytes(Buffer.from(harmless(piece)));
      return undefined;
    }
    const path = resolve(cwd, flags.out);
    await writeNewFile(path, pieces, signal);
    output.result(path, { path });
    return undefined;
  },
});
