import type { CtxPack, OnProgress } from "@ctxpack/client";
import type { FlagTable, FlagValues } from "./flags.ts";
import type { Output } from "./output.ts";
import type { Telemetry } from "./telemetry.ts";

/** What a command gets: its arguments and flags, a place to write, and a way to the library. */
interface Invocation<Table extends FlagTable> {
  readonly args: readonly string[];
  readonly flags: FlagValues<Table>;
  readonly output: Output;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Where measurements go, by `TELEMETRY_FLAGS`; `open` hands it to the library. Closed after the command. */
  telemetry(): Promise<Telemetry>;
  /** Loads the library and opens it; closed after the command. */
  open(settings?: {
    readonly concurrency?: number | undefined;
    readonly offline?: boolean | undefined;
    /** False for what has to answer others meanwhile. */
    readonly blocking?: boolean;
  }): Promise<CtxPack>;
}

/** One command: what help prints, what it takes, what it does. */
export interface Command<Table extends FlagTable = FlagTable> {
  /** `pull <uri> [--only GLOB]…`, without the program's name. */
  readonly usage: string;
  /** Lines a person can paste; help opens with them. */
  readonly example: readonly string[];
  readonly about: string;
  /** How many arguments: at least, at most. */
  readonly takes: readonly [number, number];
  readonly flags: Table;
  /** What `--json` has beside `error` when it fails and the error does not say better. */
  readonly failure?: Readonly<Record<string, unknown>>;
  /** Does it and prints the result; resolves to the exit code when that is not 0. */
  run(call: Invocation<Table>): Promise<number | undefined>;
}

/** Keeps the types of `flags` for `run`, then forgets them: a table of commands holds all kinds. */
export function defineCommand<const Table extends FlagTable>(command: Command<Table>): Command {
  return command as unknown as Command;
}
