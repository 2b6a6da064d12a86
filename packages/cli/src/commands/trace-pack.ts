import { type Command, defineCommand } from "../command.ts";
import { packLogs } from "../pack-logs.ts";
import { LOG_FLAGS } from "../trace-flags.ts";

export const tracePack: Command = defineCommand({
  usage: "trace pack <log> [--format NAME] [--skip-malformed]",
  example: [
    "ctxpack trace pack ~/.claude/projects/-home-me-app/5f0c….jsonl",
    "curl -s $URL | ctxpack trace pack -",
  ],
  about:
    "Makes a pack of each run that a log holds, and prints its URI; the same log gives the same URI. Reads the logs\n" +
    "of Claude Code, Codex, OpenTelemetry, OpenInference, Inspect AI, ATIF, LangSmith, Langfuse, MCP, lists of\n" +
    "messages, recordings, and the earlier tool's; - is stdin. Secrets are replaced before anything is hashed.",
  takes: [1, 1],
  flags: LOG_FLAGS,
  async run({ args, flags, output, open, signal }) {
    return await packLogs(args, { ctx: await open(), flags, output, signal });
  },
});
