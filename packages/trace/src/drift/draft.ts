import type { DriftEntry } from "./entry.ts";
import type { MemberChanges } from "./members.ts";

/** An entry before it has its number and its cause. */
export type DriftDraft = Omit<DriftEntry, "id" | "cause">;

/** The changes of an entry as it has them. */
export function listed(changes: MemberChanges): Pick<DriftEntry, "changes" | "more"> {
  return changes.more ? { changes: changes.list, more: true } : { changes: changes.list };
}
