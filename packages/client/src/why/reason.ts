import type { Resolution } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import type { NearestOptions } from "./nearest.ts";
import { explainMiss } from "./why.ts";
import { clausesOf, describeNearest } from "./words.ts";

/** How long pantries are asked for a neighbour before a computation goes on without one, in milliseconds. */
const PATIENCE_MS = 2000;

/**
 * The two lines for a person that say why a contract has no result: what differs from the nearest one that is known, and which one
 * that is. `undefined` when none is known, or only another tool's of another name and output: what differs there is
 * everything, and explains nothing (`why` tells it all the same). Never fails because of a pantry, nor waits for one for longer than two
 * seconds; throws `signal.reason`, and what the store throws.
 *
 * @param options `labels`: name and absolute output paths of the contract, to find what it was compared with before.
 */
export async function missReason(
  session: Session,
  resolution: Resolution,
  work: Work,
  options: Pick<NearestOptions, "labels" | "onlyStore">,
): Promise<string | undefined> {
  const asked = { ...options, onlyAlike: true, patienceMs: PATIENCE_MS, onFailure: () => {} };
  const explanation = await explainMiss(session, resolution, asked, work);
  if (explanation === undefined) return undefined;
  const { nearest, differences } = explanation;
  return `${clausesOf(differences)}\nnearest: ${describeNearest(nearest)}`;
}
