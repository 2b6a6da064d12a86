import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { storedRuns } from "./list.ts";

/** A name of the earlier tool: its pack's sha256, or the first digits of it; it took four. A whole URI of ours is none. */
const NAME = /^(?:ctx:\/\/|sha256:)?([0-9a-f]{4,64})$/i;

/**
 * The URI of the run that the earlier tool knew by these digits; `undefined` when there is none. Its own ids are kept in the runs that were imported from it. Throws CTXPACK_E_AMBIGUOUS.
 */
export async function earlierName(
  session: Session,
  text: string,
  work: Work,
): Promise<CtxUri | undefined> {
  const digits = NAME.exec(text)?.[1]?.toLowerCase();
  if (digits === undefined) return undefined;
  const found: CtxUri[] = [];
  for await (const { uri, head } of storedRuns(session, work)) {
    if (head.source.format !== "execution-log") continue;
    if (head.source.id?.replace(/^sha256:/, "").startsWith(digits)) found.push(uri);
  }
  if (found.length < 2) return found[0];
  throw new CtxPackError(
    "CTXPACK_E_AMBIGUOUS",
    `${text} is the beginning of ${found.length} runs: ${found.sort().slice(0, 10).join(", ")}`,
    { hint: "give more digits", details: { prefix: digits, candidates: found } },
  );
}
