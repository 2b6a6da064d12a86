import { CtxPackError, type CtxUri } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { storedRuns } from "./list.ts";

/** A name of the earlier tool: its pack's sha256, or the first digits of it; it took four. */
const NAME = /^(?:ctx:\/\/)?(?:sha256:)?([0-9a-f]{4,64})$/i;

/**
 * The URI of the run that the earlier tool knew by these digits, if no pack of the store begins with them; `undefined`
 * when there is none. Its own ids are kept in the runs that were imported from it. Throws CTXPACK_E_AMBIGUOUS.
 */
export async function earlierName(
  session: Session,
  text: string,
  work: Work,
): Promise<CtxUri | undefined> {
  const digits = NAME.exec(text)?.[1]?.toLowerCase();
  if (digits === undefined || (await isKnown(session, digits, work))) return undefined;
  const found: CtxUri[] = [];
  for await (const { uri, head } of storedRuns(session, work)) {
    if (head.source.id?.replace(/^sha256:/, "").startsWith(digits)) found.push(uri);
  }
  if (found.length < 2) return found[0];
  throw new CtxPackError(
    "CTXPACK_E_AMBIGUOUS",
    `${text} is the beginning of ${found.length} runs: ${found.sort().slice(0, 10).join(", ")}`,
    { hint: "give more digits", details: { prefix: digits, candidates: found } },
  );
}

async function isKnown(session: Session, digits: string, { signal }: Work): Promise<boolean> {
  const store = await session.store(signal);
  if (digits.length === 64) return (await store.get(`ctx://sha256:${digits}`)) !== undefined;
  if (digits.length < 6) return false;
  try {
    await store.find(digits);
    return true;
  } catch (error) {
    if (!CtxPackError.isInstance(error)) throw error;
    return error.code === "CTXPACK_E_AMBIGUOUS";
  }
}
