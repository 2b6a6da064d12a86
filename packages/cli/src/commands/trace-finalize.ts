import { type Command, defineCommand } from "../command.ts";
import { packedJson, tellPacked } from "../trace-report.ts";

export const traceFinalize: Command = defineCommand({
  usage: "trace finalize <folder> [--name TEXT]",
  example: ["ctxpack trace finalize draft"],
  about:
    "Packs a fork as it is now, and prints its URI: a run whose parent is the one that was forked. The folder stays\n" +
    "as it is; the same files give the same URI.",
  takes: [1, 1],
  flags: { name: { type: "string", value: "TEXT", about: "a label for people" } },
  async run({ args, flags, output, open, signal }) {
    const ctx = await open();
    const packed = await ctx.traces.finalize(args[0] as string, { name: flags.name, signal });
    tellPacked(packed, output);
    output.result(packed.uri, packedJson(packed));
    return undefined;
  },
});
