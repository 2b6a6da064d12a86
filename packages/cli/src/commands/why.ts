import type { FileChanges, WhyDifference, WhyResult } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { differenceLine, SIGNS } from "../difference-lines.ts";
import { EXIT_MISS } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";
import { formatCount, plural } from "../format.ts";

/** Files of one input that are listed without `--verbose`. */
const FILES_SHOWN = 20;

export const why: Command = defineCommand({
  usage: "why [<contract>] [--from PANTRY]",
  example: ["ctxpack why", "ctxpack why contract.yaml --from ghcr.io/acme/packs"],
  about:
    "Explains why there is no result for a contract, contract.yaml here unless told otherwise: the nearest contract\n" +
    "whose result is known, one of the same name or output first, and each field, file, variable and param that\n" +
    "differs from it. Of variables only names are told. Exit code 0 on a hit, 3 on a miss.",
  takes: [0, 1],
  flags: {
    ...POLICY_FLAGS,
    from: {
      type: "string",
      value: "PANTRY",
      about: "compare with what is there, not in the store",
    },
    "no-stat-cache": { type: "boolean", about: "read every file although its digest is known" },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const ctx = await open();
    const statCache = !flags["no-stat-cache"];
    const { from } = flags;
    const result = await ctx.why(args[0], { from, statCache, signal, onProgress });
    const { describeNearest, printable } = await import("@ctxpack/client");
    const { verbose, plain } = output.options;
    const differences = result.explanation?.differences ?? [];
    const lines = plain
      ? differences.flatMap(plainRows).map((cells) => cells.map(printable).join("\t"))
      : [
          ...heading(result, describeNearest),
          ...differences.flatMap((one) => textLines(one, verbose ? Infinity : FILES_SHOWN)),
        ].map(printable);
    output.result(lines.join("\n"), { ...result });
    return result.hit ? undefined : EXIT_MISS;
  },
});

type Describe = (nearest: NonNullable<WhyResult["explanation"]>["nearest"]) => string;

function heading({ uri, hit, where, explanation }: WhyResult, describe: Describe): string[] {
  if (hit) return [`hit ${uri} ${where === "store" ? "in the store" : `in ${where}`}`];
  if (explanation === undefined) {
    return [
      `miss ${uri}`,
      "nothing to compare with: no contract is known that has anything in common",
    ];
  }
  return [`miss ${uri}`, `nearest ${describe(explanation.nearest)}`];
}

function textLines(difference: WhyDifference, most: number): string[] {
  const { env, files, note, kind, pointer } = difference;
  if (files !== undefined) {
    const all = changesOf(files);
    const more = all.length - most;
    return [
      `${SIGNS[kind]} ${pointer}  ${counted(files)}`,
      ...all.slice(0, most).map(({ sign, path }) => `    ${sign} ${path}`),
      ...(more > 0 ? [`    and ${formatCount(more)} more (--verbose lists them)`] : []),
    ];
  }
  const { before, after } = env ?? difference;
  const line = differenceLine({ kind, pointer, before, after });
  return note === undefined ? [line] : [line, `    ${note}`];
}

function plainRows({ kind, pointer, before, after, env, files }: WhyDifference): string[][] {
  if (files !== undefined) {
    return changesOf(files).map(({ sign, path }) => [sign, pointer, "file", path]);
  }
  const values = env ? [env.before, env.after] : [before, after].map((v) => JSON.stringify(v));
  return [[SIGNS[kind], pointer, ...values.map((value) => value ?? "")]];
}

function changesOf({ added, removed, changed }: FileChanges) {
  return [
    ...changed.map((path) => ({ sign: SIGNS.changed, path })),
    ...added.map((path) => ({ sign: SIGNS.added, path })),
    ...removed.map((path) => ({ sign: SIGNS.removed, path })),
  ];
}

function counted({ added, removed, changed, count }: FileChanges): string {
  const differing = added.length + removed.length + changed.length;
  return `${formatCount(differing)} of ${plural(Math.max(count.before, count.after), "file")}`;
}
