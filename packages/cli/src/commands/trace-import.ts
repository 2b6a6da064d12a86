import { type Command, defineCommand } from "../command.ts";
import { packLogs } from "../pack-logs.ts";
import { LOG_FLAGS } from "../trace-flags.ts";

export const traceImport: Command = defineCommand({
  usage: "trace import <log|folder>… [--format NAME] [--skip-malformed]",
  example: ["ctxpack trace import old-project/.ctx", "ctxpack trace import logs/*.jsonl"],
  about:
    "Packs every run of several logs, or of the earlier tool's store: a folder .ctx, or one that has it. The ids of\n" +
    "that store are checked and kept: ctxpack trace show finds a run by the id it had.",
  takes: [1, Number.POSITIVE_INFINITY],
  flags: LOG_FLAGS,
  async run({ args, flags, output, open, signal }) {
    return await packLogs(args, { ctx: await open(), flags, output, signal });
  },
});
