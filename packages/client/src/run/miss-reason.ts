import type { Resolution } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";

/** Why nobody has the result of a contract, in a line or two for a person; `undefined` when there is nothing to say. */
export async function missReason(
  session: Session,
  _resolution: Resolution,
  { signal }: Work,
): Promise<string | undefined> {
  signal.throwIfAborted();
  const places = ["the store", ...session.config.pantries.map(({ address }) => address)];
  return `not in ${places.join(", nor in ")}`;
}
