import type { PackedLog, PackedTrace } from "@ctxpack/client";
import { plural } from "./format.ts";
import type { Output } from "./output.ts";

/** A line of a log that was passed over. */
export interface PassedOver {
  readonly line: number;
  readonly message: string;
}

/** What became of a log, for a person. */
export function tellPacked(packed: PackedTrace & Partial<PackedLog>, output: Output): void {
  const { head, redacted, created, format, key } = packed;
  const losses = head.loss.reduce((sum, { count }) => sum + count, 0);
  const facts = [
    ...(format === undefined ? [] : [key ? `${format} ${key}` : format]),
    plural(head.steps.count, "step"),
    ...(losses > 0
      ? [`${plural(losses, "member")} of the log not kept (trace show lists them)`]
      : []),
    ...(redacted.places > 0
      ? [`${plural(redacted.secrets, "secret")} redacted in ${plural(redacted.places, "place")}`]
      : []),
    ...(created ? [] : ["was in the store already"]),
  ];
  output.note(facts.join(", "));
}

/** What `--json` has of a packed run. */
export function packedJson({
  uri,
  record,
  created,
  head,
  redacted,
  ...more
}: PackedTrace & Partial<PackedLog>): Readonly<Record<string, unknown>> {
  const { format, key } = more;
  return {
    uri,
    manifest: record.manifest.digest,
    created,
    ...(format !== undefined && { format, key }),
    steps: head.steps.count,
    losses: head.loss.length,
    notCaptured: head.notCaptured,
    redacted,
  };
}
