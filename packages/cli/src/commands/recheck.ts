import type { RecheckResult, RecheckRun } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { CommandError, EXIT_DIFFERENT } from "../exit.ts";
import { POLICY_FLAGS } from "../flags.ts";
import { formatSeconds, plural } from "../format.ts";

const SIGNS = { added: "+", removed: "-", changed: "~" } as const;

export const recheck: Command = defineCommand({
  usage: "recheck <contract> [-n N] [--exit-code] [-- command…]",
  example: ["ctxpack recheck contract.yaml -n 3 --exit-code"],
  about:
    "Runs the command of a contract again and compares what it makes with the stored output: which files differ,\n" +
    "in which byte first, in a JSON file at which value. The stored output stays, and so do your outputs: a command\n" +
    "that names them {out} writes elsewhere; for any other they are moved away while it runs, and put back.\n" +
    "What comes of it is kept beside the pack: ctxpack inspect says so. A command that fails ends it with its\n" +
    "own exit code.",
  takes: [1, Number.POSITIVE_INFINITY],
  failure: { child: { exitCode: null } },
  flags: {
    ...POLICY_FLAGS,
    times: { type: "string", short: "n", value: "N", about: "how often it is run; 1 unless said" },
    "exit-code": { type: "boolean", about: "exit with 1 when an output differs" },
    "no-stat-cache": { type: "boolean", about: "read every input although its digest is known" },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const [contract = "", ...command] = args;
    const times = timesOf(flags.times);
    const ctx = await open();
    let count = 0;
    const result = await ctx.recheck({
      contract,
      command,
      times,
      statCache: !flags["no-stat-cache"],
      stdout: (chunk) => output.passOn(chunk),
      stderr: (chunk) => output.passOn(chunk),
      onEvent: (event) => {
        if (event.kind === "waiting") output.note(`process ${event.pid} computes it; waiting`);
        else output.note(`run ${++count} of ${times}: ${describe(event.run)}`);
      },
      onProgress,
      signal,
    });
    const different = result.runs.some(({ same }) => !same);
    const lines = output.options.plain ? plain(result) : text(result);
    output.result(lines.join("\n"), { ...result, known: result.known ?? null, different });
    return flags["exit-code"] && different ? EXIT_DIFFERENT : undefined;
  },
});

function timesOf(value: string | undefined): number {
  if (value === undefined) return 1;
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new CommandError("CTXPACK_E_USAGE", `--times is "${value}"`, "write a number from 1 on");
}

function describe({ same, differences, durationMs }: RecheckRun): string {
  const time = formatSeconds(durationMs / 1000);
  return same
    ? `the same, ${time}`
    : `another output, ${plural(differences, "path")} differ, ${time}`;
}

/** The runs that made something else, and where. */
function text({ uri, runs }: RecheckResult): string[] {
  const different = runs.filter(({ same }) => !same);
  const head =
    different.length === 0
      ? `${uri} is the same, ${plural(runs.length, "run")}`
      : `${uri} is not deterministic: another output in ${different.length} of ${plural(runs.length, "run")}`;
  return [head, ...runs.flatMap((run, at) => (run.same ? [] : textOf(run, at + 1)))];
}

function textOf({ outputs, differences }: RecheckRun, number: number): string[] {
  const lines = outputs.map(({ path, kind, byte, pointer }) => {
    const where = [
      ...(pointer === undefined ? [] : [pointer === "" ? "the whole value" : pointer]),
      ...(byte === undefined ? [] : [`byte ${byte}`]),
    ].join(", ");
    return `  ${SIGNS[kind]} ${path}${where === "" ? "" : `  ${where}`}`;
  });
  const more = differences - outputs.length;
  return [`run ${number}`, ...lines, ...(more > 0 ? [`  and ${more} more`] : [])];
}

/** `run  same|different  kind  path  byte  pointer`, one line for a run that made the same. */
function plain({ runs }: RecheckResult): string[] {
  return runs.flatMap(({ same, outputs }, at) =>
    same
      ? [`${at + 1}\tsame`]
      : outputs.map(({ kind, path, byte, pointer }) =>
          [at + 1, "different", kind, path, byte ?? "", pointer ?? ""].join("\t"),
        ),
  );
}
