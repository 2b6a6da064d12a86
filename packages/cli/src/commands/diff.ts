import type { DiffResult } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { differenceLine, SIGNS } from "../difference-lines.ts";
import { EXIT_DIFFERENT } from "../exit.ts";
import { TELEMETRY_FLAGS } from "../flags.ts";

export const diff: Command = defineCommand({
  usage: "diff <a> <b> [--outputs] [--exit-code]",
  example: [
    "ctxpack diff contract.yaml ctx://sha256:7c1e…",
    "ctxpack diff 7c1e44 91aa02 --outputs",
  ],
  about:
    "Shows what differs between two contracts, each a contract file or a pack: one line a field, with its\n" +
    "JSON pointer. With --outputs also the files that differ.",
  takes: [2, 2],
  flags: {
    outputs: { type: "boolean", about: "compare the files of both packs too" },
    "exit-code": { type: "boolean", about: "exit with 1 when something differs" },
    from: { type: "string", value: "PANTRY", about: "read packs there" },
    ...TELEMETRY_FLAGS,
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const ctx = await open();
    const [a = "", b = ""] = args;
    const { outputs, from } = flags;
    const result = await ctx.diff(a, b, { outputs, from, signal, onProgress });
    const different = result.contract.length > 0 || (result.outputs?.length ?? 0) > 0;
    output.result(lines(result).join("\n"), { ...result, different });
    if (!different) output.note(outputs ? "same contract, same output" : "same contract");
    return flags["exit-code"] && different ? EXIT_DIFFERENT : undefined;
  },
});

function lines({ contract, outputs = [] }: DiffResult): string[] {
  return [
    ...contract.map(differenceLine),
    ...outputs.map(({ kind, path }) => `${SIGNS[kind]} file ${path}`),
  ];
}
