import type { Collected, CollectResult } from "@ctxpack/client";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";
import { formatBytes, formatTable, plural } from "../format.ts";

export const gc: Command = defineCommand({
  usage: "gc --pantry PANTRY [<uri>…] [--apply]",
  example: [
    "ctxpack gc --pantry ghcr.io/acme/packs            # what would go",
    "ctxpack gc --pantry ghcr.io/acme/packs --apply",
  ],
  about:
    "Lists the packs of a pantry that no channel (ctxpack tag), no alternate and no pin of this store leads to,\n" +
    "with what refers to them, and removes them with --apply. What is no pack is never removed, nor what it lists.\n" +
    "A registry gives the room back when it collects its own garbage.",
  takes: [0, 1000],
  flags: {
    pantry: { type: "string", value: "PANTRY", about: "host/repository, oci:DIR, or a name" },
    apply: { type: "boolean", about: "remove it" },
  },
  async run({ args, flags, output, open, signal }) {
    if (flags.pantry === undefined) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        "gc needs --pantry in this version",
        "the store is not collected yet; ctxpack rm takes packs out of it",
      );
    }
    const ctx = await open();
    const { apply } = flags;
    const result = await ctx.collect(flags.pantry, { packs: args, apply, signal });
    output.result(output.options.plain ? plain(result.found) : table(result.found), { ...result });
    tell(result, output);
    return undefined;
  },
});

function tell(
  { pantry, applied, found, bytes, refusal, later }: CollectResult,
  output: { note(text: string): void; warning(text: string): void },
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
