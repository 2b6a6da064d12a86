import type { RunResult } from "@ctxpack/client";
import { formatBytes, formatSeconds, plural } from "./format.ts";
import type { Output } from "./output.ts";

/** A miss and why, or who else is at it. */
export function tellComputing(
  event:
    | { readonly kind: "miss"; readonly uri: string; readonly reason: string }
    | { readonly kind: "waiting"; readonly pid: number },
  output: Output,
): void {
  if (event.kind === "waiting") output.note(`process ${event.pid} computes it; waiting`);
  else output.note(`miss ${event.uri}\n  ${event.reason.replaceAll("\n", "\n  ")}`);
}

/** What was moved out of the way. */
export function tellDisplaced(displaced: RunResult["displaced"], output: Output): void {
  for (const { from, path } of displaced) {
    output.note(`what was at ${from} is kept for a day: ${path}`);
  }
}

/** A hit, how long it took, and how long it would have. */
export function tellHit(
  { source, log }: Pick<RunResult, "source" | "log">,
  size: string,
  seconds: number,
  output: Output,
): void {
  const saved = log === undefined ? "" : `, ${formatSeconds(log.durationMs / 1000)} saved`;
  const where = source === "store" ? "hit" : `hit in ${source}`;
  output.note(`${where}: ${size}, ${formatSeconds(seconds)}${saved}`);
}

/** What was sent on. */
export function tellPushed(pushed: RunResult["pushed"], output: Output): void {
  if (pushed === undefined) return;
  const { pantry, blobs, bytes } = pushed;
  output.note(
    blobs.sent === 0
      ? `${pantry} has it already`
      : `pushed ${plural(blobs.sent, "blob")}, ${formatBytes(bytes.sent)} to ${pantry}`,
  );
}
