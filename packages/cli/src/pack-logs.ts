import {
  type CtxPack,
  CtxPackError,
  type LogInput,
  type PackedLog,
  printable,
} from "@ctxpack/client";
import { CommandError } from "./exit.ts";
import type { FlagValues } from "./flags.ts";
import type { Output } from "./output.ts";
import { type LOG_FLAGS, oneOf } from "./trace-flags.ts";
import { type PassedOver, packedJson, tellPacked } from "./trace-report.ts";

interface PackLogsCall {
  readonly ctx: CtxPack;
  readonly flags: FlagValues<typeof LOG_FLAGS>;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Packs every run of some logs, and prints a URI for each as it is packed. */
export async function packLogs(logs: readonly string[], call: PackLogsCall): Promise<undefined> {
  const { ctx, flags, output, signal } = call;
  const { LOG_FORMATS } = await import("@ctxpack/trace");
  const format = oneOf(flags.format, LOG_FORMATS, "format");
  const runs: PackedLog[] = [];
  const malformed: (PassedOver & { readonly log: string })[] = [];
  try {
    await packAll();
  } catch (error) {
    throw withPacked(error, runs);
  }
  const last = runs.at(-1);
  if (last === undefined) {
    throw new CommandError("CTXPACK_E_TRACE", `${logs.join(", ")}: no run in it`);
  }
  if (output.options.json) {
    output.result("", { uri: last.uri, runs: runs.map(packedJson), malformed });
  }
  return undefined;

  async function packAll(): Promise<void> {
    for (const log of logs) {
      const packed = ctx.traces.pack(inputOf(log), {
        format,
        file: log === "-" ? "stdin" : undefined,
        name: flags.name,
        skipMalformed: flags["skip-malformed"],
        onMalformed: ({ line, message }) => {
          malformed.push({ log, line, message });
          output.warning(printable(`${log}:${line}: ${message}`));
        },
        signal,
      });
      for await (const run of packed) {
        runs.push(run);
        tellPacked(run, output);
        // Each at once: what failed later takes nothing of it back.
        if (!output.options.json) output.result(run.uri, {});
      }
    }
  }
}

/** A failure that says which runs are in the store all the same. */
function withPacked(error: unknown, runs: readonly PackedLog[]): unknown {
  if (!CtxPackError.isInstance(error) || runs.length === 0) return error;
  const { code, message, hint, details, cause } = error;
  const packed = runs.map(({ uri }) => uri);
  return new CtxPackError(code, message, { hint, cause, details: { ...details, packed } });
}

function inputOf(log: string): LogInput {
  return log === "-" ? process.stdin : log;
}
