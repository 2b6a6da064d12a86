import type { GetEvent, RunResult } from "@ctxpack/client";
import { parseCacheFlag } from "../cache-flag.ts";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { CONCURRENCY_FLAG, concurrencyOf, expectOnly } from "../flags.ts";
import { formatBytes, formatSeconds, plural } from "../format.ts";
import type { Output } from "../output.ts";

const MANY = { type: "string", multiple: true } as const;

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
    in: { ...MANY, value: "[NAME=]PATH", about: "an input; the name may be left out once" },
    tool: { type: "string", value: "NAME[@VERSION]", about: "what computes" },
    code: { ...MANY, value: "PATTERN", about: "files that are part of the recipe" },
    env: { ...MANY, value: "NAME", about: "a variable that is part of the recipe" },
    "pass-env": {
      ...MANY,
      value: "NAME",
      about: "a variable that is handed on, and is no part of it",
    },
    param: {
      ...MANY,
      value: "K=V",
      about: "a parameter; V is JSON if it is written as JSON writes it",
    },
    out: { ...MANY, value: "[NAME=]PATH", about: "where the command writes" },
    save: { type: "string", value: "FILE", about: "write the contract that the flags are" },
    frozen: { type: "boolean", about: "never run anything: a miss is exit code 3" },
    force: { type: "boolean", about: "run it although there is a result" },
    offline: { type: "boolean", about: "never ask a registry" },
    cache: {
      type: "string",
      value: "MODE",
      about: "local:rw,remote:r; each of them r, w, rw or none",
    },
    "require-remote": { type: "boolean", about: "a pantry that fails is an error, not a warning" },
    push: { type: "boolean", about: "send the result to a pantry" },
    to: { type: "string", value: "PANTRY", about: "which one; the first configured unless said" },
    "on-untrusted": { type: "string", value: "miss", about: "compute what the policy refuses" },
    stdout: { type: "string", value: "child", about: "print what the command prints, not the URI" },
    log: { type: "boolean", about: "for a hit: show what the command printed" },
    segments: { type: "string", value: "fine", about: "ten times as many, smaller segments" },
    "allow-secret": {
      ...MANY,
      value: "POINTER",
      about: "this value looks like a secret and is none",
    },
    "no-stat-cache": { type: "boolean", about: "read every input although its digest is known" },
  },
  async run({ args, flags, output, open, signal, onProgress }) {
    const { contract, tool, code, env, param, out, save } = flags;
    expectOnly("stdout", flags.stdout, "child");
    expectOnly("segments", flags.segments, "fine");
    expectOnly("on-untrusted", flags["on-untrusted"], "miss");
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
      frozen: flags.frozen,
      force: flags.force,
      cache: parseCacheFlag(flags.cache),
      requireRemote: flags["require-remote"],
      push: flags.push,
      to: flags.to,
      onUntrusted: flags["on-untrusted"] === "miss" ? "miss" : "fail",
      allowSecret: flags["allow-secret"],
      fine: flags.segments === "fine",
      statCache: !flags["no-stat-cache"],
      stdout: (chunk) => (isPassed ? output.bytes(chunk) : output.passOn(chunk)),
      stderr: (chunk) => output.passOn(chunk),
      onEvent: (event) => tell(event, output),
      onProgress,
      signal,
    });
    if (result.hit) await showLog(result, { isPassed, isShown: flags.log === true }, output);
    report(result, output, (performance.now() - started) / 1000);
    output.result(isPassed ? "" : result.uri, toJson(result));
    return undefined;
  },
});

function tell(event: GetEvent, output: Output): void {
  if (event.kind === "miss")
    output.note(`miss ${event.uri}\n  ${event.reason.replaceAll("\n", "\n  ")}`);
  else output.note(`process ${event.pid} computes it; waiting`);
}

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
  const { hit, source, record, child, log, pushed, displaced } = result;
  const size = `${plural(record.files, "file")}, ${formatBytes(record.bytes)}`;
  for (const { from, path } of displaced)
    output.note(`what was at ${from} is kept for a day: ${path}`);
  if (hit) {
    const saved = log === undefined ? "" : `, ${formatSeconds(log.durationMs / 1000)} saved`;
    const where = source === "store" ? "hit" : `hit in ${source}`;
    output.note(`${where}: ${size}, ${formatSeconds(seconds)}${saved}`);
  } else if (child !== undefined) {
    output.note(`computed in ${formatSeconds(child.durationMs / 1000)}: ${size}`);
  }
  if (pushed === undefined) return;
  const { pantry, blobs, bytes } = pushed;
  output.note(
    blobs.sent === 0
      ? `${pantry} has it already`
      : `pushed ${plural(blobs.sent, "blob")}, ${formatBytes(bytes.sent)} to ${pantry}`,
  );
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
