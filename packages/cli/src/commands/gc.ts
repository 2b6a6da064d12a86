import { parseByteSize } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { parseAge } from "../flags.ts";
import { collectPantry } from "../gc-pantry.ts";
import { printCollected } from "../gc-store.ts";

export const gc: Command = defineCommand({
  usage: "gc [--apply] [--older-than TIME] [--max-size SIZE] [--pantry PANTRY [<uri>…]]",
  example: [
    "ctxpack gc                                        # what the store can do without",
    "ctxpack gc --apply --older-than 30d",
    "ctxpack gc --pantry ghcr.io/acme/packs --apply",
  ],
  about:
    "Lists what the store can do without, and removes it with --apply: what no pack needs, packs not used for\n" +
    "longer than --older-than, and, while it takes more than its budget, folders that can be made again and packs,\n" +
    "those used longest ago first. Never what is pinned, in use, or was handed out by path in the last 7 days.\n" +
    "The budget is storeBudget of your configuration, else a fifth of the disk, at most 100 GB.\n" +
    "With --apply trust roots that nobody used for 30 days go too.\n" +
    "With --pantry: the packs of a pantry that no channel (ctxpack tag), no alternate and no pin of this store\n" +
    "leads to, with what refers to them. A registry gives the room back when it collects its own garbage.",
  takes: [0, 1000],
  flags: {
    apply: { type: "boolean", about: "remove it" },
    "older-than": { type: "string", value: "TIME", about: "packs not used for so long: 12h, 30d" },
    "max-size": { type: "string", value: "SIZE", about: "what the store may take: 20GB" },
    pantry: { type: "string", value: "PANTRY", about: "host/repository, oci:DIR, or a name" },
  },
  async run({ args, flags, output, open, signal }) {
    const { apply, pantry, "older-than": olderThan, "max-size": maxSize } = flags;
    if (pantry !== undefined) {
      if (olderThan !== undefined || maxSize !== undefined) {
        throw usage("--older-than and --max-size are of the store", "leave out --pantry, or them");
      }
      await collectPantry(await open(), pantry, { packs: args, apply, signal }, output);
      return undefined;
    }
    if (args.length > 0) {
      throw usage("gc takes packs only with --pantry", "ctxpack rm takes one out of the store");
    }
    const olderThanMs = olderThan === undefined ? undefined : parseAge(olderThan);
    const maxBytes = maxSize === undefined ? undefined : parseByteSize(maxSize);
    if (maxSize !== undefined && maxBytes === undefined) {
      throw usage(`--max-size is "${maxSize}"`, "write a size: 500MB, 20GB, 1.5TiB");
    }
    const ctx = await open();
    const report = await ctx.collectStore({ apply, olderThanMs, maxBytes, signal });
    printCollected(ctx.cacheDir, report, output);
    return undefined;
  },
});

function usage(message: string, hint: string): CommandError {
  return new CommandError("CTXPACK_E_USAGE", message, hint);
}
