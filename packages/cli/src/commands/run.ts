import type { RunResult } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { MANY, RECIPE_FLAGS, RESULT_FLAGS, resultOptions } from "../computing-flags.ts";
import { tellComputing, tellDisplaced, tellHit, tellPushed } from "../computing-report.ts";
import { CommandError } from "../exit.ts";
import { CONCURRENCY_FLAG, concurrencyOf, expectOnly, POLICY_FLAGS } from "../flags.ts";
import { formatBytes, formatSeconds, plural } from "../format.ts";
import type { Output } from "../output.ts";

export const run: Command = defineCommand({
  usage: "run (--contract FILE | --tool NAME --out PATH …) [-- command…]",
  example: [
    "ctxpack run --contract contract.yaml",
    "ctxpack run --in docs/ --code 'src/*.ts' --tool node@24 --param chunk=512 --out .out/index \\",
    "    -- node src/embed.ts {in} {out}",
  ],
  about:
    "Puts the result of a contract where its outputs are, and prints the URI: from the store, else from a\n" +
    "pantry that is believed, else by running the command. Without a contract the flags and the command are\n" +
    "the contract. {in:NAME}, {out} and {out:NAME} in the command are the paths.\n" +
    "The command sees PATH, HOME, TMPDIR, LANG=C.UTF-8, TZ=UTC, and what --env and --pass-env name. What stands\n" +
    "at an output's path is moved to the trash of the store, and is back if the command fails. The exit code is\n" +
    "that of the command; 124 out of time, 125 when ctxpack failed after it, 126 and 127 when it is not there.",
  takes: [0, Number.POSITIVE_INFINITY],
  failure: { child: { exitCode: null } },
  flags: {
    concurrency: CONCURRENCY_FLAG,
    contract: {
      type: "string",
      value: "FILE",
      about: "what decides the output, and where it goes",
    },
    in: {
      ...MANY,
      value: "[NAME=]PATH",
      about: "an input, also a pack by its URI; the name may be left out once",
    },
    tool: { type: "string", value: "NAME[@VERSION]", about: "what computes" },
    ...RECIPE_FLAGS,
    out: { ...MANY, value: "[NAME=]PATH", about: "where the command writes" },
    save: { type: "string", value: "FILE", about: "write the contract that the flags are" },
    ...RESULT_FLAGS,
    ...POLICY_FLAGS,
    force: { type: "boolean", about: "run it although there is a result" },
    push: { type: "boolean", about: "send the result to a pantry" },
    stdout: { type: "string", value: "child", about: "print what the command prints, not the URI" },
    log: { type: "boolean", about: "for a hit: show what the command printed" },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const { contract, tool, code, env, param, out, save } = flags;
    expectOnly("stdout", flags.stdout, "child");
    const isPassed = flags.stdout === "child";
    if (isPassed && output.options.json) {
      throw new CommandError("CTXPACK_E_USAGE", "--stdout=child and --json do not go together");
    }
    const adHoc = {
      inputs: flags.in,
      tool,
      code,
      env,
      passEnv: flags["pass-env"],
      params: param,
      outputs: out,
    };
    const isAdHoc = Object.values(adHoc).some((value) => value !== undefined);
    const started = performance.now();
    const ctx = await open({
      offline: flags.offline,
      concurrency: concurrencyOf(flags.concurrency),
    });
    const result = await ctx.run({
      contract,
      ...((isAdHoc || contract === undefined) && { adHoc }),
      save,
      command: args,
      ...resultOptions(flags),
      force: flags.force,
      push: flags.push,
      stdout: (chunk) => (isPassed ? output.bytes(chunk) : output.passOn(chunk)),
      stderr: (chunk) => output.passOn(chunk),
      onEvent: (event) => tellComputing(event, output),
      onProgress,
      signal,
    });
    if (result.hit) await showLog(result, { isPassed, isShown: flags.log === true }, output);
    report(result, output, (performance.now() - started) / 1000);
    output.result(isPassed ? "" : result.uri, toJson(result));
    return undefined;
  },
});

async function showLog(
  { log }: RunResult,
  { isPassed, isShown }: { readonly isPassed: boolean; readonly isShown: boolean },
  output: Output,
): Promise<void> {
  if (log === undefined) {
    if (isPassed || isShown) output.note("what the command printed is not on this machine");
    return;
  }
  if (isPassed) await output.bytes(log.stdout.bytes);
  if (isShown && !isPassed) await output.passOn(log.stdout.bytes);
  if (isShown) await output.passOn(log.stderr.bytes);
  const dropped = log.stdout.dropped + (isShown ? log.stderr.dropped : 0);
  if ((isPassed || isShown) && dropped > 0) {
    output.note(`${formatBytes(dropped)} more were printed than is kept`);
  }
}

function report(result: RunResult, output: Output, seconds: number): void {
  const { hit, record, child, pushed, displaced } = result;
  const size = `${plural(record.files, "file")}, ${formatBytes(record.bytes)}`;
  tellDisplaced(displaced, output);
  if (hit) {
    tellHit(result, size, seconds, output);
  } else if (child !== undefined) {
    output.note(`computed in ${formatSeconds(child.durationMs / 1000)}: ${size}`);
  }
  tellPushed(pushed, output);
}

function toJson(result: RunResult): Readonly<Record<string, unknown>> {
  const { uri, hit, source, record, outputs, displaced, child, log, pushed, kept } = result;
  return {
    uri,
    hit,
    source,
    manifest: record.manifest.digest,
    tree: record.tree,
    files: record.files,
    bytes: record.bytes,
    outputs,
    displaced,
    error: null,
    child: { exitCode: child?.exitCode ?? null },
    durationMs: log?.durationMs ?? null,
    pushed: pushed ?? null,
    kept: kept ?? null,
  };
}
