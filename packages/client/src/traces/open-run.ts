import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import type { Run } from "@ctxpack/trace";
import { findReadable } from "../find.ts";
import { pull } from "../pull.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { earlierName } from "./earlier-name.ts";
import { headBytes } from "./head.ts";

/** Where a trace is looked for. */
export interface TraceSources {
  /** Only in this pantry, when it is not in the store. */
  readonly from?: string | undefined;
}

/**
 * A run by its URI, the first digits of it, a tag in a pantry, or what the earlier tool called it. One that is not in
 * the store is pulled. Throws CTXPACK_E_NOT_FOUND, CTXPACK_E_AMBIGUOUS, CTXPACK_E_USAGE for a pack that is no trace.
 */
export async function openRun(
  session: Session,
  text: string,
  { from }: TraceSources,
  work: Work,
): Promise<Run> {
  const { subject, location } = await locate(session, text, from, work);
  // What it is comes before its data: the output of a contract may be large.
  if (kindOf(location) !== "trace") throw noTrace(location.uri);
  const pulled = await pull(session, subject, { from, ...work });
  const { readRun, runFolder } = await import("@ctxpack/trace");
  return readRun(await headBytes(session, pulled.uri, work), runFolder(pulled.path));
}

/** What a name stands for here and now comes first; what another tool meant by it is what it may stand for besides. */
async function locate(session: Session, text: string, from: string | undefined, work: Work) {
  try {
    return { subject: text, location: await findReadable(session, text, { from }, work) };
  } catch (error) {
    if (!CtxPackError.isInstance(error) || !UNKNOWN.includes(error.code)) throw error;
    const uri = await earlierName(session, text, work);
    if (uri === undefined) throw error;
    session.warn(`${text} is what an earlier tool called ${uri}`);
    return { subject: uri, location: await findReadable(session, uri, { from }, work) };
  }
}

const UNKNOWN: readonly string[] = ["CTXPACK_E_NOT_FOUND", "CTXPACK_E_REFERENCE"];

function kindOf(location: Awaited<ReturnType<typeof findReadable>>): string | undefined {
  if (location.kind === "store") return location.record.kind;
  return location.kind === "pantry" ? location.found.manifest.kind : undefined;
}

function noTrace(uri: CtxUri): CtxPackError {
  return new CtxPackError("CTXPACK_E_USAGE", `${uri} is no trace of a run`, {
    hint: "ctxpack inspect shows what it is",
    details: { uri },
  });
}
