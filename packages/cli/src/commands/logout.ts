import { type Command, defineCommand } from "../command.ts";

export const logout: Command = defineCommand({
  usage: "logout <host>",
  example: ["ctxpack logout ghcr.io"],
  about: "Forgets the account that is kept for a registry, and prints where it was kept.",
  takes: [1, 1],
  flags: {},
  async run({ args, output, open, signal }) {
    const host = args[0] as string;
    const ctx = await open();
    const { where } = await ctx.logout(host, { signal });
    if (where.length === 0) output.note(`there was no account for ${host}`);
    output.result(where.join("\n"), { host, where });
    return undefined;
  },
});
