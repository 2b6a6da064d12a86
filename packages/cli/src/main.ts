import { closest } from "./closest.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { CommandError, childOf, failureOf } from "./exit.ts";
import {
  type FlagTable,
  type FlagValues,
  GLOBAL_FLAGS,
  type GlobalFlags,
  parseDuration,
  parseFlags,
} from "./flags.ts";
import { guardProcess, isClosedPipe } from "./guard.ts";
import { commandHelp, mainHelp, TOPIC_NAMES } from "./help.ts";
import { Interruption } from "./interrupt.ts";
import { isDrawable, Output, wantsColor } from "./output.ts";
import { Progress, type ProgressMode } from "./progress.ts";
import { StandardStream, type Stream } from "./stream.ts";
import { openTelemetry, type Telemetry } from "./telemetry.ts";
import { version } from "./version.ts";

/**
 * Runs `ctxpack` with `argv` (without node and script) and resolves to its exit code when everything is printed. Never
 * throws.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stdout = new StandardStream(1);
  const stderr = new StandardStream(2);
  guardProcess();
  const code = await dispatch(argv, stdout, stderr);
  await Promise.all([stdout.settled(), stderr.settled()]);
  return code;
}

async function dispatch(
  argv: readonly string[],
  stdout: StandardStream,
  stderr: StandardStream,
): Promise<number> {
  try {
    const first = argv[0];
    if (first === undefined || first === "help" || first === "-h" || first === "--help") {
      return await printHelp(first === "help" ? argv.slice(1) : [], stdout);
    }
    if (first === "--version" || first === "-V") {
      stdout.write(`${version()}\n`);
      return 0;
    }
    const [name, rest] = splitName(argv);
    const command = await find(name).load();
    return await runCommand(command, rest, stdout, stderr);
  } catch (error) {
    const options = earlyOptions(argv, stderr);
    const failure = failureOf(error);
    new Output(stdout, stderr, options).failure(failure, error);
    return failure.exitCode;
  }
}

async function printHelp(names: readonly string[], stdout: Stream): Promise<number> {
  const [name = ""] = names;
  if (names.length === 0) stdout.write(`${mainHelp()}\n`);
  else if (TOPIC_NAMES.includes(name)) {
    const { TOPICS } = await import("./topics/index.ts");
    stdout.write(`${TOPICS[name]?.()}\n`);
  } else stdout.write(`${commandHelp(await find(splitName(names)[0]).load())}\n`);
  return 0;
}

/** Commands of two words count as one name: `cache path`. */
function splitName(argv: readonly string[]): [name: string, rest: readonly string[]] {
  const [first = "", second] = argv;
  const both = `${first} ${second ?? ""}`;
  if (Object.hasOwn(COMMANDS, both)) return [both, argv.slice(2)];
  return [first, argv.slice(1)];
}

function find(name: string): (typeof COMMANDS)[string] {
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry) return entry;
  if (name.startsWith("-")) {
    throw new CommandError("CTXPACK_E_USAGE", `unknown flag ${name}`, "the command comes first");
  }
  const within = Object.keys(COMMANDS).filter((known) => known.startsWith(`${name} `));
  const near = within[0] ?? closest(name, Object.keys(COMMANDS));
  throw new CommandError(
    "CTXPACK_E_USAGE",
    `unknown command "${name}"`,
    near ? `did you mean ctxpack ${near}?` : "ctxpack --help lists the commands",
  );
}

async function runCommand(
  command: Command,
  argv: readonly string[],
  stdout: Stream,
  stderr: Stream,
): Promise<number> {
  const table: FlagTable = { ...GLOBAL_FLAGS, ...command.flags };
  const { flags, args } = parseFlags(argv, table);
  // The table says what each is; checked when it was parsed.
  const global = flags as Readonly<Record<string, unknown>> as GlobalFlags;
  if (global.help) {
    stdout.write(`${commandHelp(command)}\n`);
    return 0;
  }
  checkCount(command, args);
  using interruption = new Interruption();
  if (global.timeout !== undefined) {
    interruption.after(parseDuration(global.timeout), global.timeout);
  }
  const output = new Output(stdout, stderr, outputOptions(global, stderr));
  const [name] = command.usage.split(" ");
  using progress = new Progress(progressMode(global, output), output, name);
  try {
    return (await call(command, args, flags, output, progress, interruption)) ?? 0;
  } catch (error) {
    if (isClosedPipe(error)) return 0;
    if (interruption.exitCode !== undefined) {
      output.note("interrupted");
      return interruption.exitCode;
    }
    // What ran out of time says more when a command was running.
    const isAborted = interruption.signal.aborted && childOf(error) === undefined;
    const failure = failureOf(isAborted ? interruption.signal.reason : error);
    output.failure(failure, error, command.failure);
    return failure.exitCode;
  }
}

async function call(
  command: Command,
  args: readonly string[],
  flags: FlagValues<FlagTable>,
  output: Output,
  progress: Progress,
  interruption: Interruption,
): Promise<number | undefined> {
  await using resources = new AsyncDisposableStack();
  const cwd = process.cwd();
  // The table says what each is; checked when it was parsed.
  const given = flags as Readonly<Record<string, unknown>> as Parameters<typeof openTelemetry>[0];
  let opened: Promise<Telemetry> | undefined;
  const telemetry = () => {
    opened ??= openTelemetry(given, process.env, output).then((one) => resources.use(one));
    return opened;
  };
  // What was mistyped is said whether or not there turns out to be something to measure.
  if (given.metrics !== undefined || given["trace-id"] !== undefined) await telemetry();
  const open: Parameters<Command["run"]>[0]["open"] = async (settings) => {
    const { CtxPack } = await import("@ctxpack/client");
    const warn = (text: string) => output.warning(text);
    const { signal } = interruption;
    const metrics = "metrics" in command.flags ? (await telemetry()).metrics : undefined;
    const policy = typeof flags["policy"] === "string" ? flags["policy"] : undefined;
    const policySha256 = flags["policy-sha256"] as string | undefined;
    const own = { policy, policySha256, metrics, env: process.env, cwd, warn, signal };
    return resources.use(await CtxPack.open({ blocking: true, ...settings, ...own }));
  };
  const code = await command.run({
    args,
    flags,
    output,
    cwd,
    get signal() {
      return interruption.signal;
    },
    onProgress: progress.on,
    telemetry,
    open,
  });
  output.clear();
  return code;
}

function checkCount(command: Command, args: readonly string[]): void {
  const [least, most] = command.takes;
  if (args.length >= least && args.length <= most) return;
  const problem =
    args.length < least ? "an argument is missing" : `"${args[most]}" is one argument too many`;
  throw new CommandError("CTXPACK_E_USAGE", problem, `usage: ctxpack ${command.usage}`);
}

function outputOptions(flags: GlobalFlags, stderr: Stream): Output["options"] {
  return {
    json: flags.json === true,
    plain: flags.plain === true,
    quiet: flags.quiet === true,
    verbose: flags.verbose === true,
    color: wantsColor(stderr, process.env),
    drawable: isDrawable(stderr, process.env),
  };
}

/** The options for an error raised before the flags were parsed: `--json` counts wherever it stands. */
function earlyOptions(argv: readonly string[], stderr: Stream): Output["options"] {
  const end = argv.indexOf("--");
  const given = end === -1 ? argv : argv.slice(0, end);
  return {
    json: given.includes("--json"),
    plain: false,
    quiet: false,
    verbose: given.includes("--verbose") || given.includes("-v"),
    color: wantsColor(stderr, process.env),
    drawable: false,
  };
}

function progressMode(flags: GlobalFlags, output: Output): ProgressMode {
  if (flags.json) return flags.progress ? "events" : "silent";
  if (flags.quiet) return "silent";
  return output.options.drawable ? "terminal" : "log";
}
