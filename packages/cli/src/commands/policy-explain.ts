import { type Command, defineCommand } from "../command.ts";
import { EXIT_CODES } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";

export const policyExplain: Command = defineCommand({
  usage: "policy explain [<uri>] [--policy FILE] [--from PANTRY]",
  example: [
    "ctxpack policy explain --policy policy.json",
    "ctxpack policy explain ctx://sha256:7c1e… --from ghcr.io/acme/packs",
  ],
  about:
    "Says in words what the policies in force accept; with a URI, whether they accept that pack and why.\n" +
    "Exit code 6 when they do not.",
  takes: [0, 1],
  flags: {
    ...POLICY_FLAGS,
    from: { type: "string", value: "PANTRY", about: "the pack there; rules about that pantry" },
    tool: {
      type: "string",
      multiple: true,
      value: "TOOL",
      about: "rules about packs by this tool",
    },
  },
  async run({ args, flags, output, open, signal }) {
    const ctx = await open();
    const [subject] = args;
    if (subject === undefined) {
      const policies = await ctx.explainPolicy({ pantry: flags.from, tools: flags.tool, signal });
      const text = policies.map((one) => `${one.file}\n${one.text}`).join("\n\n");
      output.result(text, { policies });
      return undefined;
    }
    const explained = await ctx.explainPack(subject, { from: flags.from, signal });
    output.result(explained.text, { ...explained });
    return explained.accepted ? undefined : EXIT_CODES.CTXPACK_E_POLICY;
  },
});
