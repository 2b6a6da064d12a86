import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Writable } from "node:stream";
import type { ReplayTraceOptions } from "@ctxpack/client";
import type { CommandToolOptions, ReplayTool } from "@ctxpack/trace";
import { type Command, defineCommand } from "../command.ts";
import { MANY } from "../computing-flags.ts";
import { CommandError } from "../exit.ts";
import { parseDuration } from "../flags.ts";
import { NewFile } from "../new-file.ts";
import { oneOf, TRACE_FROM_FLAG } from "../trace-flags.ts";

/** What only one mode takes. */
const FLAGS_OF_MODES = [
  ["tool", "tools"],
  ["folder", "tools"],
  ["tool-timeout", "tools"],
  ["server", "tape"],
] as const;

export const traceReplay: Command = defineCommand({
  usage: "trace replay <uri> [--mode audit|tools|tape] [--tool NAME]…",
  example: [
    "ctxpack trace replay 58a6ff02",
    "ctxpack trace replay 58a6ff02 --mode tools --tool files --folder ./src",
    "ctxpack trace replay 58a6ff02 --mode tape --server fs",
  ],
  about:
    "audit executes nothing: every step and content is read and hashed. tools executes recorded tool calls again,\n" +
    "in a folder of their own, and compares: none but those that --tool names. tape serves what was recorded to a\n" +
    "live agent, as an MCP server on stdin and stdout. Exit code 0 exact, 11 degraded, 12 failed, 3 nothing done.",
  takes: [1, 1],
  flags: {
    mode: { type: "string", value: "MODE", about: "audit, tools or tape; audit" },
    tool: {
      ...MANY,
      value: "NAME[=PROGRAM]",
      about: "may be executed: files (read, write…), or a program that gets JSON",
    },
    folder: { type: "string", value: "DIR", about: "with tools: files the folder starts with" },
    "tool-timeout": { type: "string", value: "TIME", about: "with tools: of one call; 60s" },
    server: { type: "string", value: "NAME", about: "with tape: the tools of this MCP server" },
    report: { type: "string", value: "FILE", about: "write the report as JSON, into a new file" },
    "strict-env": { type: "boolean", about: "another environment is a degraded replay" },
    from: TRACE_FROM_FLAG,
  },
  async run({ args, flags, output, cwd, open, signal }) {
    const mode = oneOf(flags.mode, ["audit", "tools", "tape"], "mode") ?? "audit";
    for (const [name, own] of FLAGS_OF_MODES) {
      if (flags[name] !== undefined && mode !== own) {
        throw new CommandError("CTXPACK_E_USAGE", `--${name} needs --mode ${own}`);
      }
    }
    if (mode === "tape" && output.options.json) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        "stdout is the agent's: --report FILE writes the JSON",
      );
    }
    const common = { from: flags.from, strictEnvironment: flags["strict-env"], signal };
    const { renderReplay, replayExitCode } = await import("@ctxpack/trace");
    const timeout = flags["tool-timeout"];
    const options: ReplayTraceOptions =
      mode === "audit"
        ? { ...common, mode }
        : mode === "tape"
          ? {
              ...common,
              mode,
              input: process.stdin,
              output: streamTo(output.bytes.bind(output)),
              server: flags.server,
            }
          : {
              ...common,
              mode,
              tools: await toolsOf(flags.tool ?? [], cwd),
              folder: flags.folder,
              limits: timeout === undefined ? undefined : { timeoutMs: parseDuration(timeout) },
            };
    // Before anything is done: what an agent did once cannot be asked for again.
    await using file =
      flags.report === undefined ? undefined : await NewFile.create(resolve(cwd, flags.report));
    const ctx = await open();
    const report = await ctx.traces.replay(args[0] as string, options);
    const text = renderReplay(report).trimEnd();
    // stdout was the agent's; what came of it is said whoever wants quiet.
    if (mode === "tape") await output.passOn(Buffer.from(`${text}\n`));
    else output.result(text, { ...report });
    await file?.write([`${JSON.stringify(report)}\n`]);
    // A tape that was stopped has a report, and the exit code of what stopped it.
    if (mode === "tape") signal.throwIfAborted();
    return replayExitCode(report) || undefined;
  },
});

async function toolsOf(given: readonly string[], cwd: string): Promise<ReplayTool[]> {
  const { commandTool, fileTools } = await import("@ctxpack/trace");
  return given.flatMap((text) => {
    if (text === "files") return [...fileTools];
    const [, name, program] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || program === undefined) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        `--tool is "${text}"`,
        "write files, or NAME=PROGRAM for a tool of that name",
      );
    }
    return [commandTool({ names: name.split(","), ...programOf(program, cwd) })];
  });
}

/** A program by its path is one of the user's own: the confined command gets to see that file, and no other. */
function programOf(program: string, cwd: string): Pick<CommandToolOptions, "argv" | "readable"> {
  if (!program.includes("/")) return { argv: [program] };
  const path = resolve(cwd, program);
  if (!existsSync(path)) {
    throw new CommandError("CTXPACK_E_PATH_NOT_FOUND", `there is no program ${path}`);
  }
  return { argv: [path], readable: /^\/(?:usr|s?bin)\//.test(path) ? [] : [path] };
}

function streamTo(write: (bytes: Uint8Array) => Promise<void>): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      write(chunk).then(() => done(), done);
    },
  });
}
