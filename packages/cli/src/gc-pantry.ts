import type { Collected, CollectOptions, CollectResult, CtxPack } from "@ctxpack/client";
import { formatBytes, formatTable, plural } from "./format.ts";
import type { Output } from "./output.ts";

/** `gc --pantry`: what can go, or went, as a table and in a few words. */
export async function collectPantry(
  ctx: CtxPack,
  pantry: string,
  options: CollectOptions,
  output: Output,
): Promise<void> {
  const result = await ctx.collect(pantry, options);
  output.result(output.options.plain ? plain(result.found) : table(result.found), { ...result });
  tell(result, output);
}

function tell(
  { pantry, applied, found, bytes, refusal, later }: CollectResult,
  output: Output,
): void {
  const count = (state: Collected["state"]): number =>
    found.filter((one) => one.state === state).length;
  if (found.length === 0) output.note(`${pantry}: everything is needed`);
  else if (!applied) {
    output.note(`${plural(found.length, "thing")} can go, ${formatBytes(bytes)}: see --apply`);
  } else {
    const when = later && count("removed") > 0 ? "; the registry gives the room back later" : "";
    output.note(`removed ${plural(count("removed"), "thing")} from ${pantry}${when}`);
  }
  if (refusal === undefined) return;
  output.warning(refusal);
  const left = found.filter(({ state }) => state === "refused");
  output.note("to be removed with the registry's own means, in this order:");
  for (const { tags, manifests } of left) {
    for (const digest of manifests) output.note(`  ${pantry}@${digest}`);
    for (const tag of tags) output.note(`  ${pantry}:${tag}`);
  }
}

function table(found: readonly Collected[]): string {
  if (found.length === 0) return "";
  const rows = found.map(({ uri, bytes, state, reason }) => [
    uri?.slice("ctx://sha256:".length, "ctx://sha256:".length + 12) ?? "-",
    formatBytes(bytes),
    state,
    reason,
  ]);
  return formatTable([["URI", "SIZE", "STATE", "REASON"], ...rows]);
}

function plain(found: readonly Collected[]): string {
  return found
    .map(({ uri, bytes, state, reason, manifests }) =>
      [uri ?? "", bytes, state, reason, manifests.join(",")].join("\t"),
    )
    .join("\n");
}
