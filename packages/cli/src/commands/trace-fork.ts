import { type Command, defineCommand } from "../command.ts";
import { TRACE_FROM_FLAG } from "../trace-flags.ts";

export const traceFork: Command = defineCommand({
  usage: "trace fork <uri> [--to DIR] [--from PANTRY]",
  example: ["ctxpack trace fork 58a6ff02 --to draft", "ctxpack trace finalize draft"],
  about:
    "Lays a run out as files to be edited, in a new folder, and prints its path: prompts, inputs, outputs and\n" +
    "contents are files of their own, steps are the lines of steps.ndjson. ctxpack trace finalize makes a run of it\n" +
    "again. A fork never overwrites another: without --to it gets a free name in the current folder.",
  takes: [1, 1],
  flags: {
    to: { type: "string", value: "DIR", about: "the new folder" },
    from: TRACE_FROM_FLAG,
  },
  async run({ args, flags, output, cwd, open, signal }) {
    const ctx = await open();
    const place = flags.to === undefined ? { below: cwd } : { folder: flags.to };
    const path = await ctx.traces.fork(args[0] as string, place, { from: flags.from, signal });
    output.result(path, { path });
    output.note("edit it, then: ctxpack trace finalize FOLDER");
    return undefined;
  },
});
