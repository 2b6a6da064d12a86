import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";

export const cat: Command = defineCommand({
  usage: "cat <uri> <file> [--from PANTRY]",
  example: ["ctxpack cat ctx://sha256:7c1e… manual/chapter-1.txt | head"],
  about:
    "Prints one file of a pack, checked against its digest. From a pantry only the segments it lies in are\n" +
    "fetched. Bytes are believed when the exit code is 0.",
  takes: [2, 2],
  flags: { ...POLICY_FLAGS, from: { type: "string", value: "PANTRY", about: "read it there" } },
  async run({ args, flags, output, open, signal, onProgress }) {
    if (output.options.json) {
      throw new CommandError("CTXPACK_E_USAGE", "cat prints the file itself: there is no --json");
    }
    const ctx = await open();
    const [subject = "", path = ""] = args;
    for await (const chunk of ctx.cat(subject, path, { from: flags.from, signal, onProgress })) {
      await output.bytes(chunk);
    }
    return undefined;
  },
});
