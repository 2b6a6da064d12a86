import { type Command, defineCommand } from "../command.ts";
import { ask, readAll } from "../password.ts";

const INSTEAD = "give --username, and the password on standard input with --password-stdin";

export const login: Command = defineCommand({
  usage: "login <host> [--username USER] [--password-stdin]",
  example: [
    "ctxpack login ghcr.io --username alice",
    'printf %s "$TOKEN" | ctxpack login ghcr.io --username alice --password-stdin',
  ],
  about:
    "Shows a registry an account and keeps it if the registry takes it, where docker login does: in the credential\n" +
    "helper that docker's config.json names, else in that file. The password is never an argument.",
  takes: [1, 1],
  flags: {
    username: { type: "string", short: "u", value: "USER", about: "asked for when absent" },
    "password-stdin": { type: "boolean", about: "read the password from standard input" },
  },
  async run({ args, flags, output, open, signal }) {
    const host = args[0] as string;
    const username =
      flags.username ??
      (await ask(`user name for ${host}: `, { hidden: false, signal, instead: INSTEAD }));
    const password = flags["password-stdin"]
      ? await readAll(process.stdin, signal)
      : await ask(`password for ${username}: `, { hidden: true, signal, instead: INSTEAD });
    const ctx = await open();
    const { where, plain } = await ctx.login(host, { username, password, signal });
    if (plain) {
      output.warning(`${where} holds the password as it is; a credential helper keeps it better`);
    }
    output.note(`logged in to ${host} as ${username}`);
    output.result(where, { host, username, where, plain });
    return undefined;
  },
});
