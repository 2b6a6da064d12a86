import { type Command, defineCommand } from "../command.ts";

export const pin: Command = defineCommand({
  usage: "pin <uri>",
  example: ["ctxpack pin ctx://sha256:7c1e…"],
  about: "Keeps a pack in the store whatever happens.",
  takes: [1, 1],
  flags: {},
  async run({ args, output, open, signal }) {
    const ctx = await open();
    const uri = await ctx.pin(args[0] as string, { signal });
    output.result(uri, { uri, pinned: true });
    return undefined;
  },
});

export const unpin: Command = defineCommand({
  usage: "unpin <uri>",
  example: ["ctxpack unpin ctx://sha256:7c1e…"],
  about: "Lets a pinned pack go again.",
  takes: [1, 1],
  flags: {},
  async run({ args, output, open, signal }) {
    const ctx = await open();
    const uri = await ctx.unpin(args[0] as string, { signal });
    output.result(uri, { uri, pinned: false });
    return undefined;
  },
});
