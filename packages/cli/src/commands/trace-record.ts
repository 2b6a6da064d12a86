import { type Command, defineCommand } from "../command.ts";
import { packedJson, tellPacked } from "../trace-report.ts";

export const traceRecord: Command = defineCommand({
  usage: "trace record [--name TEXT] [--log FILE] -- command…",
  example: ["ctxpack trace record --name fix-login -- python3 agent.py"],
  about:
    "Runs an agent, packs what it says to models, and prints the URI. Clients that go by OPENAI_BASE_URL or\n" +
    "ANTHROPIC_BASE_URL are recorded, streams too; where those are set, their calls go there. The command has this\n" +
    "terminal, its stdout goes to stderr. The exit code is that of the command; a run that fails is packed as well.",
  takes: [0, Number.POSITIVE_INFINITY],
  failure: { child: { exitCode: null } },
  flags: {
    name: { type: "string", value: "TEXT", about: "a label for people" },
    log: { type: "string", value: "FILE", about: "keep the recording in this new file, too" },
  },
  async run({ args, flags, output, open, signal }) {
    const ctx = await open();
    const recorded = await ctx.traces.record(args, { name: flags.name, log: flags.log, signal });
    tellPacked(recorded, output);
    const { exitCode } = recorded;
    output.result(recorded.uri, { ...packedJson(recorded), error: null, child: { exitCode } });
    return exitCode === 0 ? undefined : exitCode;
  },
});
