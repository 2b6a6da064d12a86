import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { formatTable } from "../format.ts";
import { ask } from "../password.ts";

export const remoteAdd: Command = defineCommand({
  usage: "remote add <name> <pantry> [--trust unsigned]",
  example: [
    "ctxpack remote add team ghcr.io/acme/packs",
    "ctxpack pull ctx://sha256:7c1e… --from team",
  ],
  about:
    "Names a pantry in your own configuration; it is then looked in without being named, after those that are\n" +
    "there. Results of a registry count only if a policy accepts them, or if you say that unsigned ones will do.",
  takes: [2, 2],
  flags: {
    trust: { type: "string", value: "unsigned", about: "take packs of it that nobody signed" },
  },
  async run({ args, flags, output, open, signal }) {
    const [name = "", address = ""] = args;
    if (flags.trust !== undefined && flags.trust !== "unsigned") {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        `--trust knows "unsigned", not "${flags.trust}"`,
        "without it a policy decides",
      );
    }
    const trusts = flags.trust ?? (await asked(address, output.options.json, signal));
    const ctx = await open();
    const trust = trusts === "unsigned" ? "unsigned" : undefined;
    const remote = await ctx.addRemote(name, address, { trust, signal });
    output.note(
      remote.trusted
        ? `packs of ${remote.address} are taken unsigned`
        : `packs of ${remote.address} count as results only if a policy accepts them`,
    );
    output.result(`${name}\t${remote.address}`, { ...remote });
    return undefined;
  },
});

/** Asked once, of a person; a program that does not say so does not trust. */
async function asked(
  address: string,
  json: boolean,
  signal: AbortSignal,
): Promise<string | undefined> {
  const isFolder = address.startsWith("oci:");
  if (isFolder || json || !process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const question = `may results of ${address} be used although nobody signed them? [y/N] `;
  const answer = await ask(question, { hidden: false, signal, instead: "give --trust unsigned" });
  return /^y(?:es)?$/i.test(answer.trim()) ? "unsigned" : undefined;
}

export const remoteLs: Command = defineCommand({
  usage: "remote ls",
  example: ["ctxpack remote ls"],
  about: "Lists the pantries that are configured, in the order in which they are looked in.",
  takes: [0, 0],
  flags: {},
  async run({ output, open }) {
    const ctx = await open();
    const remotes = ctx.remotes();
    const rows = remotes.map(({ name, address, trusted, used, from }) => [
      name ?? "-",
      address,
      trusted ? "unsigned" : "policy",
      used ? "yes" : "by name",
      from,
    ]);
    const text = output.options.plain
      ? rows.map((row) => row.join("\t")).join("\n")
      : rows.length === 0
        ? ""
        : formatTable([["NAME", "PANTRY", "TRUST", "LOOKED IN", "FROM"], ...rows]);
    output.result(text, { remotes });
    if (remotes.length === 0) output.note("no pantry is configured; ctxpack remote add names one");
    return undefined;
  },
});

export const remoteRm: Command = defineCommand({
  usage: "remote rm <name>",
  example: ["ctxpack remote rm team"],
  about: "Takes a pantry's name out of your configuration; the pantry itself stays.",
  takes: [1, 1],
  flags: {},
  async run({ args, output, open, signal }) {
    const name = args[0] as string;
    const ctx = await open();
    await ctx.removeRemote(name, { signal });
    output.result(name, { name });
    return undefined;
  },
});
