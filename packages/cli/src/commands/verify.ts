import { type Command, defineCommand } from "../command.ts";
import { damageFields, damageLines, describeChecked } from "../damages.ts";
import { EXIT_CODES } from "../exit.ts";

export const verify: Command = defineCommand({
  usage: "verify <uri>",
  example: ["ctxpack verify ctx://sha256:7c1e…"],
  about:
    "Hashes every blob and every materialised file of a pack in the store, and prints its URI when all of them\n" +
    "are what they should be, else the damage, with exit code 5. Who made the pack is not checked.",
  takes: [1, 1],
  flags: {},
  async run({ args, output, open, signal, onProgress }) {
    const started = performance.now();
    const ctx = await open();
    const report = await ctx.verify(args[0] as string, { signal, onProgress });
    const { clean, damages, uri } = report;
    const show = output.options.plain ? damageFields : damageLines;
    const { lost: _, ...rest } = report;
    output.result(clean ? uri : damages.map(show).join("\n"), rest);
    output.note(describeChecked(report, (performance.now() - started) / 1000));
    if (clean) {
      output.note("who made this was not checked");
      return undefined;
    }
    output.note("ctxpack fsck --repair puts it right with what the pantries have");
    return EXIT_CODES.CTXPACK_E_STORE_DAMAGED;
  },
});
