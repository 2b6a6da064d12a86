import { type Command, defineCommand } from "../command.ts";
import { EXIT_MISS } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";

export const exists: Command = defineCommand({
  usage: "exists <uri|contract> [--from PANTRY]",
  example: ["ctxpack exists ctx://sha256:7c1e…", "ctxpack exists contract.yaml || make index"],
  about:
    "Prints the places that have a pack, one a line: store, or a pantry's address. Exit code 0 when there\n" +
    "is one, 3 when there is none.",
  takes: [1, 1],
  flags: {
    ...POLICY_FLAGS,
    from: { type: "string", value: "PANTRY", about: "look only there" },
  },
  async run({ args, flags, output, open, signal }) {
    const ctx = await open();
    const { uri, where, looked, legacy } = await ctx.exists(args[0] as string, {
      from: flags.from,
      signal,
    });
    output.result(where.join("\n"), {
      uri,
      exists: where.length > 0,
      where,
      looked,
      ...(legacy !== undefined && { legacy }),
    });
    if (where.length > 0) return undefined;
    const places = looked.map((place) => (place === "store" ? "the store" : place));
    output.note(`not in ${places.join(", nor in ") || "any place: no pantry is configured"}`);
    if (legacy !== undefined) {
      output.note(`a v0 pack of the first prototype is in ${legacy}: read only, never a hit`);
    }
    return EXIT_MISS;
  },
});
