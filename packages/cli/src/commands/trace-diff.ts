import { resolve } from "node:path";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { writeNewFile } from "../new-file.ts";
import { TRACE_FROM_FLAG } from "../trace-flags.ts";

export const traceDiff: Command = defineCommand({
  usage: "trace diff <a> <b> [--ignore RULE]… [--exit-code | --html FILE]",
  example: [
    "ctxpack trace diff 58a6ff02 c31b196f",
    "ctxpack trace diff a1b2c3 d4e5f6 --ignore model_drift",
  ],
  about:
    "Compares two runs: prompts, models, tools, environment, inputs, steps and outputs. Steps are aligned first, so\n" +
    "one step put in is one difference; each has its cause, and the first place where the runs part is marked.\n" +
    "RULE is a kind of drift (model_drift), a JSON pointer (/steps/*/request/timeout, /steps/read_file/result), or\n" +
    "text:PATTERN for text that does not count.",
  takes: [2, 2],
  flags: {
    ignore: { type: "string", multiple: true, value: "RULE", about: "what does not count" },
    "exit-code": { type: "boolean", about: "exit with 1 when they differ" },
    html: { type: "string", value: "FILE", about: "write a page to look at, a new file" },
    from: TRACE_FROM_FLAG,
  },
  async run({ args, flags, output, cwd, open, signal }) {
    const [a = "", b = ""] = args;
    if (flags.html !== undefined && flags["exit-code"]) {
      throw new CommandError("CTXPACK_E_USAGE", "--html and --exit-code do not go together");
    }
    const ctx = await open();
    const { ignore, from } = flags;
    if (flags.html !== undefined) {
      const path = resolve(cwd, flags.html);
      const page = ctx.traces.diffPage(a, b, { ignore, from, signal });
      await writeNewFile(path, page, signal);
      output.result(path, { path });
      return undefined;
    }
    const diff = await ctx.traces.diff(a, b, { ignore, from, signal });
    const { renderDiff } = await import("@ctxpack/trace");
    output.result(output.options.json ? "" : renderDiff(diff).trimEnd(), { ...diff });
    return flags["exit-code"] && diff.drift ? 1 : undefined;
  },
});
