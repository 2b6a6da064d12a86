import { resolve } from "node:path";
import type { Writable } from "node:stream";
import type { ReplayReport, ReplayToolsOptions } from "@ctxpack/trace";
import type { Session } from "../session.ts";
import { type WorkOptions, workOf } from "../work.ts";
import { openRun, type TraceSources } from "./open-run.ts";

/** What every replay takes. */
interface ReplayFacts extends WorkOptions, TraceSources {
  /** Whether a drift of the environment makes a replay `degraded`. */
  readonly strictEnvironment?: boolean | undefined;
}

/** How a run is replayed. */
export type ReplayTraceOptions = ReplayFacts &
  (
    | {
        /** Nothing is executed: every step and content is read and hashed. */
        readonly mode: "audit";
      }
    | ({
        /** The tools that are named are executed again, in a folder of their own. */
        readonly mode: "tools";
      } & Pick<ReplayToolsOptions, "tools" | "folder" | "limits">)
    | {
        /** What was recorded is served to an agent, as an MCP server on these streams. */
        readonly mode: "tape";
        readonly input: AsyncIterable<Uint8Array>;
        readonly output: Writable;
        /** Serves the tools that were recorded as `mcp__<server>__<tool>`, under their own names. */
        readonly server?: string | undefined;
      }
  );

/**
 * Replays a run. Throws what opening it throws, and CTXPACK_E_PACK or CTXPACK_E_DIGEST_MISMATCH for damaged steps. A tape
 * that is being served when `signal` aborts ends there, and what was served until then is its report.
 */
export async function replayTrace(
  session: Session,
  subject: string,
  options: ReplayTraceOptions,
): Promise<ReplayReport> {
  const work = workOf(options);
  const run = await openRun(session, subject, options, work);
  const { auditRun, openTape, replayTools, serveTape } = await import("@ctxpack/trace");
  const { strictEnvironment } = options;
  const common = { strictEnvironment, signal: work.signal };
  if (options.mode === "audit") return await auditRun(run, common);
  if (options.mode === "tools") {
    const { tools, folder, limits } = options;
    const from = folder === undefined ? undefined : resolve(session.cwd, folder);
    return await replayTools(run, { ...common, tools, folder: from, limits });
  }
  const tape = await openTape(run, common);
  const { input, output, server } = options;
  try {
    await serveTape(tape, { input, output, server, signal: work.signal });
  } catch (error) {
    if (!work.signal.aborted) throw error;
  }
  return tape.report();
}
