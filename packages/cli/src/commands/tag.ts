import { type Command, defineCommand } from "../command.ts";

export const tag: Command = defineCommand({
  usage: "tag <uri> <channel> [--to PANTRY]",
  example: [
    "ctxpack tag ctx://sha256:7c1e… nightly --to oci:./pantry",
    "ctxpack pull oci:./pantry:nightly",
  ],
  about:
    "Gives a pack in a pantry a name that people remember. Pointing it at another pack moves it.",
  takes: [2, 2],
  flags: { to: { type: "string", value: "PANTRY", about: "oci:DIR, or a configured name" } },
  async run({ args, flags, output, open, signal, onProgress }) {
    const ctx = await open();
    const [subject = "", channel = ""] = args;
    const result = await ctx.tag(subject, channel, { to: flags.to, signal, onProgress });
    output.result(`${result.pantry}:${result.channel}`, { ...result });
    return undefined;
  },
});
