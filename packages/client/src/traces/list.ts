import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import type { LoggedRun } from "@ctxpack/trace";
import { readRunHead } from "../pack-config.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { headBytes } from "./head.ts";

/**
 * The runs in the store, in no order. One whose head is damaged, or that is here in part only, is warned of and left
 * out, and so is one that the policies in force do not accept.
 */
export async function* storedRuns(
  session: Session,
  work: Work,
  which: "accepted" | "refused" = "accepted",
): AsyncGenerator<LoggedRun> {
  const store = await session.store(work.signal);
  for await (const record of store.list({ signal: work.signal })) {
    if (record.kind !== "trace") continue;
    if (record.partial) {
      if (which === "accepted")
        session.warn(
          `${record.uri} is left out: only part of it is here; ctxpack pull gets the rest`,
        );
      continue;
    }
    const refusal = await session.gate?.judgeStored(store, record, work.signal);
    if (which === "accepted" && refusal !== undefined) {
      session.warn(`${record.uri} is left out: ${refusal.message}`);
    }
    if ((which === "accepted") !== (refusal === undefined)) continue;
    const run = await loggedRun(session, record.uri, work);
    if (run !== undefined) yield run;
  }
}

async function loggedRun(
  session: Session,
  uri: CtxUri,
  work: Work,
): Promise<LoggedRun | undefined> {
  try {
    return { uri, head: await readRunHead(await headBytes(session, uri, work)) };
  } catch (error) {
    work.signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    session.warn(`${uri} is left out: ${error.message}; ctxpack fsck says more`);
    return undefined;
  }
}
