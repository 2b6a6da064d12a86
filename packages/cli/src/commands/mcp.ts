import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";
import { version } from "../version.ts";

export const mcp: Command = defineCommand({
  usage: "mcp [--root DIR]… [--allow-write]",
  example: ["ctxpack mcp --root ~/project"],
  about:
    "Answers agents over the Model Context Protocol, on stdin and stdout: they look up, explain, search, inspect,\n" +
    "read and pull. Paths they name have to lie in --root, by default the current folder, links followed, and\n" +
    "the pantries they reach are the configured ones. Ends when the client hangs up.",
  takes: [0, 0],
  flags: {
    ...POLICY_FLAGS,
    root: { type: "string", value: "DIR", multiple: true, about: "paths may lie in it" },
    "allow-write": {
      type: "boolean",
      about: "let them seed and push packs, and pull into folders of --root",
    },
  },
  async run({ flags, output, cwd, open, signal }) {
    if (output.options.json) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        "mcp speaks a protocol of its own: there is no --json",
      );
    }
    const { Roots } = await import("../mcp/roots.ts");
    const roots = Roots.open(flags.root ?? ["."], cwd);
    const ctx = await open({ blocking: false });
    const { serve } = await import("../mcp/serve.ts");
    const warn = (text: string) => output.warning(text);
    const allowWrite = flags["allow-write"] === true;
    await serve({ ctx, roots, allowWrite, version: version(), warn, signal });
    return undefined;
  },
});
