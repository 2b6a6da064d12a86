import { type Command, defineCommand } from "../command.ts";

export const rm: Command = defineCommand({
  usage: "rm <uri>",
  example: ["ctxpack rm ctx://sha256:7c1e…"],
  about: "Removes a pack from the store. Pantries keep theirs.",
  takes: [1, 1],
  flags: {},
  async run({ args, output, open, signal }) {
    const ctx = await open();
    const uri = await ctx.remove(args[0] as string, { signal });
    output.result(uri, { uri, removed: true });
    return undefined;
  },
});
